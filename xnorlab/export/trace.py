"""What a model computes, as a torch.fx graph with every value that it takes on an example."""

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx import Node
from torch.fx.node import map_arg

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.nn import BinaryConv2d, BinaryLinear, Shift

_LEAVES = (BinaryConv2d, BinaryLinear, ClippedSign, BiRealSign, RSign, KBit, Shift)
_IN_PLACE = ("relu_", "hardtanh_", "clamp_", "clip_", "add_", "sub_", "mul_")


class ExportError(ValueError):
    """A model that cannot be packed; the message names the module and says why."""


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Our layers are packed whole, unless a subclass computes something else."""
        ours = any(isinstance(m, leaf) and type(m).forward is leaf.forward for leaf in _LEAVES)
        return ours or super().is_leaf_module(m, module_qualified_name)


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
    """The traced copy of a model: `nodes` in order, `input`, `output`, and the `values` that they took."""

    def __init__(self, module: fx.GraphModule, values: dict[Node, Any]):
        self.module, self.values = module, values
        self.nodes = list(module.graph.nodes)
        placeholders = [node for node in self.nodes if node.op == "placeholder"]
        self.input = placeholders[0]
        result = self.nodes[-1].args[0]
        if not isinstance(result, Node) or not isinstance(values[result], Tensor):
            raise ExportError("the model must return one tensor, its logits")
        self.output = result
        self._varying = self._find_varying()

    def _find_varying(self) -> set[Node]:
        """The nodes whose value is a tensor that depends on the input; all others are constants of the model."""
        varying = {self.input}
        for node in self.nodes:
            from_input = any(source in varying for source in node.all_input_nodes)
            if from_input and isinstance(self.values[node], Tensor) and node.op != "output":
                varying.add(node)
        return varying

    def varies(self, node: Node) -> bool:
        """Whether the node's value is a tensor that depends on the input."""
        return node in self._varying

    def constant(self, argument: Any) -> Any:
        """An argument of a node with every constant node replaced by its value."""
        return map_arg(argument, lambda node: node if self.varies(node) else self.values[node])

    def called(self, node: Node) -> nn.Module:
        """The module that a call_module node calls."""
        return self.module.get_submodule(str(node.target))

    def path(self, node: Node) -> str:
        """Where the node stands: a module's path, or that of the module around a function with the function's name."""
        if node.op == "call_module":
            return str(node.target)
        stack = node.meta.get("nn_module_stack") or OrderedDict({"": ("", None)})
        around = next(reversed(stack.values()))[0]
        return f"{around}.{node.name}" if around else node.name

    def title(self, node: Node) -> str:
        """The node's path and type, for messages."""
        if node.op == "call_module":
            return f"{node.target} ({type(self.called(node)).__name__})"
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        return f"{self.path(node)} (function {name})"

    def channels(self, node: Node) -> int:
        """Size of dimension 1 of the node's value."""
        return self.values[node].shape[1]

    def call(self, node: Node, x: Tensor) -> Tensor:
        """What the node, a step with one varying argument, makes of x."""
        args, kwargs = map_arg(
            (node.args, node.kwargs), lambda source: x if self.varies(source) else self.values[source]
        )
        if node.op == "call_module":
            return self.called(node)(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        return node.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]


def trace(model: nn.Module, example: Tensor) -> Traced:
    """A copy of `model`, in evaluation mode, float32, on the CPU, traced and run on `example`.

    Raises ExportError where torch.fx cannot follow the model, or follows it to another result.
    """
    if not isinstance(model, nn.Module):
        raise ExportError(f"model is {type(model).__name__}; the rule is a torch.nn.Module")
    if not isinstance(example, Tensor) or example.dim() not in (2, 4) or example.numel() == 0:
        found = f"shape {tuple(example.shape)}" if isinstance(example, Tensor) else type(example).__name__
        raise ExportError(f"example is {found}; the rule is a real tensor (N, C, H, W) or (N, F)")
    if not torch.isfinite(example).all():
        raise ExportError("example holds NaN or infinity")
    with torch.no_grad():
        try:
            # A copy: neither mode, device nor parameters of the caller's model are touched.
            model = copy.deepcopy(model).to("cpu", torch.float32).eval()
            x = example.detach().to("cpu", torch.float32)
            _check_finite(model)
            if _Tracer().is_leaf_module(model, ""):  # a layer on its own: fx would look inside the outermost module
                model = nn.Sequential(model)
            expected = model(x.clone())
            graph = _Tracer().trace(model)
            if sum(node.op == "placeholder" for node in graph.nodes) != 1:
                raise ExportError("the model must take one input")
            module = fx.GraphModule(model, graph)
            recorder = _Recorder(module)
            recorder.run(x.clone())
        except ExportError:
            raise
        except Exception as error:  # the model's own code may raise anything
            raise ExportError(f"torch.fx cannot follow the model: {type(error).__name__}: {error}") from error
        _follow_in_place(module)
        traced = Traced(module, recorder.values)
    if not isinstance(expected, Tensor) or not torch.equal(expected, traced.values[traced.output]):
        raise ExportError("the model's result depends on more than torch.fx can see (its own control flow or state)")
    return traced


def _check_finite(model: nn.Module) -> None:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ExportError(f"{name} holds NaN or infinity")


def _follow_in_place(module: fx.GraphModule) -> None:
    """Let whoever reads a value after a step changed it in place read that step's result instead."""
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
    by_call = node.op in ("call_function", "call_method") and (name in _IN_PLACE or node.kwargs.get("inplace", False))
    return node.all_input_nodes[0] if (by_module or by_call) and node.all_input_nodes else None
