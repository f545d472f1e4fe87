"""Tracing: a model's computation as a torch.fx graph, with the values of all steps on an example."""

import inspect
import operator
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.fx import Node
from torch.fx.node import map_arg

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.export import advice, prepare, source_lines
from xnorlab.export.dependence import Dependences, Reads, merged
from xnorlab.export.errors import ExportError
from xnorlab.nn import BinaryConv2d, BinaryLinear, Shift

_LEAVES = (BinaryConv2d, BinaryLinear, ClippedSign, BiRealSign, RSign, KBit, Shift)
_UNFOLLOWED = "torch.fx cannot follow the model"
_HOOKS = "hooks are not packed: take it off, or make a module of it"


class _Value(fx.Proxy):
    """A value under tracing, which may be written to where a mask says: y[x < 0] = −1."""

    def __setitem__(self, mask: Any, value: Any) -> None:
        if not isinstance(mask, fx.Proxy):
            raise NotImplementedError("assigns to a part of a tensor; only one that a mask chooses can be followed")
        self.node = self.tracer.create_proxy("call_method", "masked_fill", (self, mask, value), {}).node


class _Tracer(fx.Tracer):
    """Follows a model; where the model decides by a size or counts parts, it takes them from an example.

    Args:
        model: to follow.
        example: that the model is run on, as far as needed.

    Attributes:
        decisions: nodes whose truth value decided a branch.
        counted: nodes that were taken apart into as many parts as they have on the example.
    """

    def __init__(self, model: nn.Module, example: Tensor):
        super().__init__()
        self._model, self._example = model, example
        self._known: dict[Node, Any] = {}
        self._computing = False
        self.decisions: list[Node] = []
        self.counted: list[Node] = []

    def proxy(self, node: Node) -> fx.Proxy:
        """The value of a node, as the model's code sees it."""
        return _Value(node, self)

    def to_bool(self, obj: fx.Proxy) -> bool:
        """Whether a size that decides a branch is true on the example; numbers of the input decide nothing here."""
        value = self._value(obj.node)
        if isinstance(value, Tensor):
            return super().to_bool(obj)
        self.decisions.append(obj.node)
        return bool(value)

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """The parts of a size or of several values, as many as on the example."""
        value = self._value(obj.node)
        if not isinstance(value, tuple | list):
            return super().iter(obj)
        self.counted.append(obj.node)
        return iter([cast(Any, obj)[i] for i in range(len(value))])

    def _value(self, node: Node) -> Any:
        """The value of a node on the example, computed with those that it needs."""
        needed, left = {node}, [node]
        while left:
            new = [part for part in left.pop().all_input_nodes if part not in needed]
            needed.update(new)
            left += new
        self._computing = True
        try:
            for each in self.graph.nodes:
                if each in needed and each not in self._known:
                    self._known[each] = self._computed(each)
        finally:
            self._computing = False
        return self._known[node]

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Follow a module's call; while values are computed it is an ordinary call."""
        return forward(*args, **kwargs) if self._computing else super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Follow the reading of a parameter; while values are computed it is an ordinary one."""
        return attr_val if self._computing else super().getattr(attr, attr_val, parameter_proxy_cache)

    def _computed(self, node: Node) -> Any:
        if node.op == "placeholder":
            return self._example.clone()
        if node.op == "get_attr":
            return operator.attrgetter(str(node.target))(self._model)
        args, kwargs = map_arg((node.args, node.kwargs), self._known.__getitem__)
        called = self._model.get_submodule(str(node.target)) if node.op == "call_module" else None
        return _run(node, called, args, kwargs)

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
        outputs: the nodes of the model's results by their place in what it returns; the name is empty for one tensor.
        values: of all nodes, on the example.
    """

    def __init__(self, module: fx.GraphModule, values: dict[Node, Any], tracer: _Tracer):
        self.module, self.values = module, values
        self._decisions, self._counted = ({node.name for node in nodes} for nodes in (tracer.decisions, tracer.counted))
        self.nodes = list(module.graph.nodes)
        placeholders = [node for node in self.nodes if node.op == "placeholder"]
        self.input = placeholders[0]
        self.outputs = _by_place(self.nodes[-1].args[0])
        if not all(isinstance(node, Node) and isinstance(values[node], Tensor) for node in self.outputs.values()):
            raise ExportError(
                "the model must return a tensor, its logits, or a tuple, list or dictionary of tensors", op="forward"
            )
        self._dependences = Dependences(self.nodes, values, self.called)

    def varies(self, node: Node) -> bool:
        """Whether the node's value is a tensor that depends on the input's numbers; all else is packed as it is."""
        return self._dependences.varies(node)

    def arguments(self, node: Node) -> Reads:
        """The dependences of the constants that the node is given."""
        return self._dependences.arguments(node)

    def decides(self, node: Node) -> bool:
        """Whether the model took a branch by the node's value on the example."""
        return node.name in self._decisions

    def reads(self, node: Node) -> Reads:
        """The dependences of the node's value."""
        return merged([self._dependences.reads[node]])

    def counts(self, node: Node) -> bool:
        """Whether the model took as many parts of the node's value as there were on the example."""
        return node.name in self._counted

    def stays_one_pixel(self, node: Node) -> bool:
        """Whether the node's value is a map of one pixel however large the input is."""
        return node in self._dependences.one_pixel

    def elements(self, argument: Any) -> list[Any]:
        """The numbers of an argument of a node: `Reads` for computed ones, else the numbers themselves."""
        return self._dependences.elements(argument)

    def constant(self, argument: Any) -> Any:
        """An argument of a node with every constant node replaced by its value."""
        return map_arg(argument, lambda node: node if self.varies(node) else self._constant(node))

    def is_spread(self, node: Node) -> bool:
        """Whether the node's value is a constant that was spread over the shape of a value."""
        return node in self._dependences.spread

    def _constant(self, node: Node) -> Any:
        """The value of a node that does not vary, with one number along each axis over which it was spread."""
        value = self.values[node]
        if not self.is_spread(node):
            return value
        for axis, size in enumerate(value.shape):
            first = value.narrow(axis, 0, 1)
            if size > 1 and axis != 1 and torch.equal(first.expand_as(value), value):
                value = first
        return value

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
            (node.args, node.kwargs), lambda source: x if self.varies(source) else self._constant(source)
        )
        return self.run(node, args, kwargs)

    def run(self, node: Node, args: Any, kwargs: Any) -> Any:
        """Compute the node for other arguments."""
        return _run(node, self.called(node) if node.op == "call_module" else None, args, kwargs)


def _run(node: Node, called: nn.Module | None, args: Any, kwargs: Any) -> Any:
    """Compute a node for these arguments; called: the module that it calls."""
    if called is not None:
        return called(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    return node.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]


def _by_place(result: Any, place: str = "") -> dict[str, Any]:
    """The parts of what a model returns, by their place in it."""
    if not isinstance(result, tuple | list | dict):
        return {place: result}
    parts = result.items() if isinstance(result, dict) else enumerate(result)
    start = f"{place}." if place else ""
    return {name: each for key, part in parts for name, each in _by_place(part, f"{start}{key}").items()}


def trace(model: nn.Module, example: Tensor) -> Traced:
    """Trace a copy of `model`, in evaluation mode, float32, on the CPU, and run it on `example`.

    Raises:
        ExportError: the model cannot be copied or run, or torch.fx cannot follow it or follows it to another result.
    """
    x = prepare.example(example)
    with torch.no_grad():
        model = prepare.model(model)
        if _Tracer(model, x).is_leaf_module(model, ""):  # a layer on its own: fx would look inside the outermost module
            model = nn.Sequential(model)
        _check_inputs(model)
        expected = _attempt("the model fails on the example", lambda: model(x.clone()))
        tracer = _Tracer(model, x)
        graph = _attempt(_UNFOLLOWED, lambda: tracer.trace(model))
        if sum(node.op == "placeholder" for node in graph.nodes) != 1:
            raise ExportError("the model must take one input", op="forward")
        module = fx.GraphModule(model, graph)
        recorder = _Recorder(module)
        _attempt(_UNFOLLOWED, lambda: recorder.run(x.clone()))
        _follow_in_place(module)
        traced = Traced(module, recorder.values, tracer)
        _check_hooks(traced)
        if not _equal_results(expected, {name: traced.values[node] for name, node in traced.outputs.items()}):
            raise ExportError(_why_different(model, x, expected), op="forward")
    _check_finite(traced)
    return traced


def _check_inputs(model: nn.Module) -> None:
    """Raise where a model demands more inputs than one."""
    parameters = inspect.signature(model.forward).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    demanded = [each.name for each in parameters if each.default is each.empty and each.kind in positional]
    if len(demanded) > 1:
        raise ExportError(f"the model must take one input; its forward demands {', '.join(demanded)}")


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
    if all(prepare.not_finite(traced.values[node]) is None for node in traced.outputs.values()):
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
    if not _equal_results(expected, _by_place(model(x.clone()))):
        return "the model gives another result each time that it runs on the same input (chance, or a state it keeps)"
    return (
        "torch.fx follows the model to another result than it gives: something in its own code is hidden from torch.fx "
        "(a branch on isinstance, a context like autocast)"
    )


def _equal_results(expected: Any, results: dict[str, Any]) -> bool:
    """Whether what a model returned has the same tensors at the same places."""
    parts = _by_place(expected)
    return list(parts) == list(results) and all(_equal(part, results[name]) for name, part in parts.items())


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
