"""The traced model: its graph, the values of all steps on an example, and what depends on what."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx import Node
from torch.fx.node import map_arg

from xnorlab.export import advice
from xnorlab.export.dependence import Dependences, Reads, merged
from xnorlab.export.errors import ExportError
from xnorlab.export.tracer import Tracer, run


class Traced:
    """The traced copy of a model.

    Attributes:
        module: the graph as a module.
        nodes: in order.
        input: the node of the model's input.
        outputs: the nodes of the model's results by their place in what it returns; the name is empty for one tensor.
        values: of all nodes, on the example.
    """

    def __init__(self, module: fx.GraphModule, values: dict[Node, Any], tracer: Tracer):
        self.module, self.values = module, values
        self._decisions, self._counted = ({node.name for node in nodes} for nodes in (tracer.decisions, tracer.counted))
        self.nodes = list(module.graph.nodes)
        placeholders = [node for node in self.nodes if node.op == "placeholder"]
        self.input = placeholders[0]
        self.outputs = by_place(self.nodes[-1].args[0])
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
        return run(node, self.called(node) if node.op == "call_module" else None, args, kwargs)


def by_place(result: Any, place: str = "") -> dict[str, Any]:
    """The parts of what a model returns, by their place in it."""
    if not isinstance(result, tuple | list | dict):
        return {place: result}
    parts = result.items() if isinstance(result, dict) else enumerate(result)
    start = f"{place}." if place else ""
    return {name: each for key, part in parts for name, each in by_place(part, f"{start}{key}").items()}
