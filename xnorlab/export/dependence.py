"""What every step of a traced model takes from the input: its numbers, its batch size, or a map's height and width.

Under torch.fx a size is a number like any other, and a packed network holds numbers as they were on the example. One
that would be another for another input must be noticed: else the network would be silently wrong there.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional as F


@dataclass(frozen=True)
class Reads:
    """What one value depends on.

    values: numbers of the input itself. batch: how many inputs there are. maps: nodes whose value's height or width
    it depends on. size: (node, dimension) where it is that very size. Channels and features are always the same.
    """

    values: bool = False
    batch: bool = False
    maps: frozenset[Node] = frozenset()
    size: tuple[Node, int] | None = None


Found = Reads | tuple[Reads, ...]
"""Of a number or a tensor, or of each number of a torch.Size."""

_NAMES: dict[Any, str] = {torch.numel: "numel", len: "len"}
"""Functions that read a size of a tensor, and the names here of what they read."""
_CONSTANT = {
    *("dim", "ndim", "ndimension", "dtype", "device", "layout", "requires_grad", "names", "is_cuda", "is_cpu"),
    *("is_complex", "is_contiguous", "is_floating_point", "is_sparse", "is_quantized", "is_meta", "itemsize"),
    *("element_size", "get_device"),
}
_WHOLE = {"numel", "nelement", "nbytes", "stride"}
_GATHERS = (F.adaptive_avg_pool2d, torch.mean, "mean")


def merged(found: Iterable[Found]) -> Reads:
    """What a value depends on that was computed from all of these."""
    parts = [part for each in found for part in (each if isinstance(each, tuple) else (each,))]
    return Reads(
        any(part.values for part in parts),
        any(part.batch for part in parts),
        frozenset().union(*(part.maps for part in parts)),
    )


class Dependences:
    """`reads`: what every node of a traced model depends on; `one_pixel`: maps of one pixel at every input.

    values: what the nodes gave on the example. called: gives the module that a call_module node calls.
    """

    def __init__(self, nodes: Sequence[Node], values: Mapping[Node, Any], called: Callable[[Node], nn.Module]):
        self._values, self._called = values, called
        self.reads: dict[Node, Found] = {}
        self.one_pixel: set[Node] = set()
        for node in nodes:
            self.reads[node] = self._of(node)
            if self.varies(node) and self._stays_one_pixel(node):
                self.one_pixel.add(node)

    def varies(self, node: Node) -> bool:
        """Whether the node's value is a tensor that depends on the input's numbers."""
        found = self.reads[node]
        is_step = isinstance(self._values[node], Tensor) and node.op != "output"
        return is_step and isinstance(found, Reads) and found.values

    def arguments(self, node: Node) -> Reads:
        """What the constants that the node is given depend on: all its arguments that do not vary themselves."""
        return merged(self.reads[source] for source in node.all_input_nodes if not self.varies(source))

    def elements(self, argument: Any) -> list[Any]:
        """The numbers of an argument of a node, one by one: `Reads` where they were computed, else what they are."""
        if isinstance(argument, Node):
            found = self.reads[argument]
            return list(found) if isinstance(found, tuple) else [found]
        if isinstance(argument, list | tuple):
            return [element for each in argument for element in self.elements(each)]
        return [argument]

    def _of(self, node: Node) -> Found:
        if node.op == "placeholder":
            return Reads(values=True)
        everything = merged(self.reads[source] for source in node.all_input_nodes)
        if isinstance(self._values[node], Tensor) or not node.args or not isinstance(node.args[0], Node):
            return everything
        first = node.args[0]
        if self.varies(first):
            return self._of_tensor(node, first)
        parts, other = self.reads[first], node.args[1] if len(node.args) > 1 else None
        if not isinstance(parts, tuple):
            return everything
        if node.target is operator.getitem and isinstance(other, int | slice) and not _holds_node(other):
            return parts[other]
        if node.target is operator.add and isinstance(other, Node):
            more = self.reads[other]
            return (*parts, *more) if isinstance(more, tuple) else everything
        return everything

    def _of_tensor(self, node: Node, tensor: Node) -> Found:
        """What a number, or another object, depends on that a step takes from a tensor."""
        name = node.target if node.op == "call_method" else _NAMES.get(node.target)
        if node.target is getattr:
            name = node.args[1]
        sizes = tuple(self._size(tensor, dim) for dim in range(self._values[tensor].dim()))
        dims = (*node.args[1:], *node.kwargs.values()) if name == "size" else ()
        if name == "shape" or (name == "size" and not dims):
            return sizes
        if dims:
            return sizes[dims[0]] if isinstance(dims[0], int) else merged(sizes)
        if name == "len":
            return sizes[0]
        if name in _WHOLE:
            return merged(sizes)
        return Reads() if name in _CONSTANT else Reads(values=True)

    def _size(self, tensor: Node, dim: int) -> Reads:
        roams = dim > 1 and tensor not in self.one_pixel
        return Reads(batch=dim == 0, maps=frozenset({tensor} if roams else ()), size=(tensor, dim))

    def _stays_one_pixel(self, node: Node) -> bool:
        """Whether the node's value is a map of one pixel however large the input is."""
        if self.arguments(node).maps or self._values[node].shape[2:] != (1, 1):
            return False
        module = self._called(node) if node.op == "call_module" else None
        if isinstance(module, nn.AdaptiveAvgPool2d) or node.target in _GATHERS:
            return True
        varying = [source for source in node.all_input_nodes if self.varies(source)]
        return bool(varying) and all(source in self.one_pixel for source in varying)


def _holds_node(index: int | slice) -> bool:
    return isinstance(index, slice) and any(isinstance(part, Node) for part in (index.start, index.stop, index.step))
