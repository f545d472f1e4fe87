"""Tracing: a model's computation as a torch.fx graph, with the values of all steps on an example."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx import Node
from torch.fx.node import map_arg

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.export import advice, prepare, source_lines
from xnorlab.export.dependence import Dependences, Reads
from xnorlab.export.errors import ExportError
from xnorlab.nn import BinaryConv2d, BinaryLinear, Shift

_LEAVES = (BinaryConv2d, BinaryLinear, ClippedSign, BiRealSign, RSign, KBit, Shift)
_UNFOLLOWED = "torch.fx cannot follow the model"
_HOOKS = "hooks are not packed: take it off, or make a module of it"


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether the module is packed whole: layers of xnorlab are, unless a subclass computes something else."""
        is_own = any(isinstance(m, leaf) and type(m).forward is leaf.forward for leaf in _LEAVES)
        return is_own or super().is_leaf_module(m, module_qualified_name)

    def create_node(self, *args: Any, **kwargs: Any) -> Node:
        """A node that knows the line of the model's code that calls for it."""
        node = super().create_node(*args, **kwargs)
        node.meta["source"] = source_lines.calling(begun_in=_attempt.__name__)
        return node


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps a copy of every value, taken before a later step can change it in place."""

    def __init__(self, module: fx.GraphModule):
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[Node, Any] = {}

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        self.values[n] = result.clone() if isinstance(result, Tensor) else result
        return result


class Traced:
    """The traced copy of a model.

    Attributes:
        module: the graph as a module.
        nodes: in order.
        input: the node of the model's input.
        output: the node of the model's result.
        values: of all nodes, on the example.
    """

    def __init__(self, module: fx.GraphModule, values: dict[Node, Any]):
        self.module, self.values = module, values
        self.nodes = list(module.graph.nodes)
        placeholders = [node for node in self.nodes if node.op == "placeholder"]
        self.input = placeholders[0]
        result = self.nodes[-1].args[0]
        if not isinstance(result, Node) or not isinstance(values[result], Tensor):
            raise ExportError("the model must return one tensor, its logits", op="forward")
        self.output = result
        self._dependences = Dependences(self.nodes, values, self.called)

    def varies(self, node: Node) -> bool:
        """Whether the node's value is a tensor that depends on the input's numbers; all else is packed as it is."""
        return self._dependences.varies(node)

    def arguments(self, node: Node) -> Reads:
        """The dependences of the constants that the node is given."""
        return self._dependences.arguments(node)

    def stays_one_pixel(self, node: Node) -> bool:
        """Whether the node's value is a map of one pixel however large the input is."""
        return node in self._dependences.one_pixel

    def elements(self, argument: Any) -> list[Any]:
        """The numbers of an argument of a node: `Reads` for computed ones, else the numbers themselves."""
        return self._dependences.elements(argument)

    def constant(self, argument: Any) -> Any:
        """An argument of a node with every constant node replaced by its value."""
        return map_arg(argument, lambda node: node if self.varies(node) else self.values[node])

    def called(self, node: Node) -> nn.Module:
        """The module that a call_module node calls."""
        return self.module.get_submodule(str(node.target))

    def path(self, node: Node) -> str:
        """The node's place: a module's path, or for a function that of the module around it and the function's name."""
        if node.op == "call_module":
            return str(node.target)
        stack = node.meta.get("nn_module_stack") or OrderedDict({"": ("", None)})
        around = next(reversed(stack.values()))[0]
        return f"{around}.{node.name}" if around else node.name

    def title(self, node: Node) -> str:
        """The node's path and type, for messages."""
        if node.op == "call_module":
            return f"{node.target} ({type(self.called(node)).__name__})"
        if node.op == "get_attr":
            return f"{node.target} (attribute)"
        return f"{self.path(node)} (function {self.op(node)})"

    def op(self, node: Node) -> str:
        """What the node does: the class of a module, the name of a function or a method."""
        if node.op == "call_module":
            return type(self.called(node)).__name__
        return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))

    def refusal(self, node: Node, reason: str, *, another_op: bool = True) -> ExportError:
        """The error that says why a node cannot be packed and where it stands.

        Args:
            node: that cannot be packed.
            reason: why.
            another_op: whether another op would help, so that the error names one.
        """
        op = self.op(node)
        instead = advice.instead_of(op) if another_op else ""
        return ExportError(reason, node=self.title(node), op=op, source=node.meta.get("source", ""), advice=instead)

    def channels(self, node: Node) -> int:
        """Size of dimension 1 of the node's value."""
        return self.values[node].shape[1]

    def call(self, node: Node, x: Tensor) -> Tensor:
        """Compute the node, a step with one varying argument, for another argument x."""
        args, kwargs = map_arg(
            (node.args, node.kwargs), lambda source: x if self.varies(source) else self.values[source]
        )
        if node.op == "call_module":
            return self.called(node)(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        return node.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]


def trace(model: nn.Module, example: Tensor) -> Traced:
    """Trace a copy of `model`, in evaluation mode, float32, on the CPU, and run it on `example`.

    Raises:
        ExportError: the model cannot be copied or run, or torch.fx cannot follow it or follows it to another result.
    """
    x = prepare.example(example)
    with torch.no_grad():
        model = prepare.model(model)
        if _Tracer().is_leaf_module(model, ""):  # a layer on its own: fx would look inside the outermost module
            model = nn.Sequential(model)
        expected = _attempt("the model fails on the example", lambda: model(x.clone()))
        graph = _attempt(_UNFOLLOWED, lambda: _Tracer().trace(model))
        if sum(node.op == "placeholder" for node in graph.nodes) != 1:
            raise ExportError("the model must take one input", op="forward")
        module = fx.GraphModule(model, graph)
        recorder = _Recorder(module)
        _attempt(_UNFOLLOWED, lambda: recorder.run(x.clone()))
        _follow_in_place(module)
        traced = Traced(module, recorder.values)
        _check_hooks(traced)
        if not _equal(expected, traced.values[traced.output]):
            raise ExportError(_why_different(model, x, expected), op="forward")
    _check_finite(traced)
    return traced


def _attempt(failure: str, step: Callable[[], Any]) -> Any:
    try:
        return step()
    except Exception as error:  # the model's own code may raise anything
        own_code = {"op": "forward", "advice": advice.FORWARD} if failure == _UNFOLLOWED else {}
        reason = f"{failure}: {prepare.in_a_line(error)}"
        raise ExportError(reason, source=source_lines.failing(error), **own_code) from error


def _check_hooks(traced: Traced) -> None:
    """Raise where a module that is packed as it is gives something else because of its forward hooks."""
    for node in traced.nodes:
        module = traced.called(node) if node.op == "call_module" else None
        if module is None or not (module._forward_hooks or module._forward_pre_hooks):
            continue
        args, kwargs = map_arg((node.args, node.kwargs), lambda source: _own(traced.values[source]))
        if not _equal(module.forward(*args, **kwargs), traced.values[node]):
            raise traced.refusal(node, f"a forward hook changes what it takes or gives; {_HOOKS}", another_op=False)


def _check_finite(traced: Traced) -> None:
    """Raise where the result is not finite, at the first step that gives NaN or infinity."""
    if prepare.not_finite(traced.values[traced.output]) is None:
        return
    for node in traced.nodes:
        value = traced.values[node]
        wrong = prepare.not_finite(value) if isinstance(value, Tensor) else None
        if wrong is not None:
            holds = "holds" if node.op == "get_attr" else "gives"
            raise ExportError(f"{traced.title(node)}: {holds} {wrong} on the example, in float32")


def _why_different(model: nn.Module, x: Tensor, expected: Any) -> str:
    """A sentence that says why the traced model gives another result than the model itself."""
    if model._forward_hooks or model._forward_pre_hooks:
        return f"a forward hook of the model itself changes what it takes or gives; {_HOOKS}"
    if not _equal(model(x.clone()), expected):
        return "the model gives another result each time that it runs on the same input (chance, or a state it keeps)"
    return (
        "torch.fx follows the model to another result than it gives: something in its own code is hidden from torch.fx "
        "(a branch on isinstance, a context like autocast)"
    )


def _equal(a: Any, b: Any) -> bool:
    """Whether two results are the same tensor, value for value; NaN is NaN."""
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _follow_in_place(module: fx.GraphModule) -> None:
    """Make the steps that read a value after another step changed it in place read that step's result."""
    nodes = list(module.graph.nodes)
    for index, node in enumerate(nodes):
        changed = _overwritten(module, node)
        if changed is None:
            continue
        later = set(nodes[index + 1 :])
        for user in [user for user in changed.users if user in later]:
            user.replace_input_with(changed, node)


def _overwritten(module: fx.GraphModule, node: Node) -> Node | None:
    """The node whose value `node` overwrites, if any."""
    by_module = node.op == "call_module" and getattr(module.get_submodule(str(node.target)), "inplace", False)
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    named_so = name.endswith("_") and not name.endswith("__")  # torch's own rule
    by_call = node.op in ("call_function", "call_method") and (named_so or node.kwargs.get("inplace", False))
    return node.all_input_nodes[0] if (by_module or by_call) and node.all_input_nodes else None
