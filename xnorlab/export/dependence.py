"""Dependences of every step of a traced model on the input: on its numbers, its batch size, or a map's sizes.

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
    """The dependences of one value. Channels and features are always the same, and never listed.

    Attributes:
        values: whether it depends on numbers of the input itself.
        batch: whether it depends on how many inputs there are.
        maps: nodes on whose value's height or width it depends.
        size: (node, dimension) where it is that very size.
    """

    values: bool = False
    batch: bool = False
    maps: frozenset[Node] = frozenset()
    size: tuple[Node, int] | None = None


AnyReads = Reads | tuple[Reads, ...]
"""The dependences of a number or a tensor, or of each number of a torch.Size."""

_NAMES: dict[Any, str] = {torch.numel: "numel", len: "len"}
"""Functions that read a size of a tensor, and the names here of what they read."""
_CONSTANT = {
    *("dim", "ndim", "ndimension", "dtype", "device", "layout", "requires_grad", "names", "is_cuda", "is_cpu"),
    *("is_complex", "is_contiguous", "is_floating_point", "is_sparse", "is_quantized", "is_meta", "itemsize"),
    *("element_size", "get_device"),
}
_WHOLE = {"numel", "nelement", "nbytes", "stride"}
_LIKE = (torch.ones_like, torch.zeros_like, torch.full_like, "new_ones", "new_zeros", "new_full", "expand_as")
_SPREADS = ("expand", torch.broadcast_to, "broadcast_to", torch.ones, torch.zeros, torch.full)
"""Functions and methods that repeat a constant over a shape; those of _LIKE take another value's shape."""
_ADAPTIVE = (F.adaptive_avg_pool2d, F.adaptive_max_pool2d)
_REDUCTIONS = (torch.mean, torch.sum, torch.amax, torch.amin, "mean", "sum", "amax", "amin")


def merged(sources: Iterable[AnyReads]) -> Reads:
    """The dependences of a value that was computed from all of `sources`."""
    parts = [part for each in sources for part in (each if isinstance(each, tuple) else (each,))]
    return Reads(
        any(part.values for part in parts),
        any(part.batch for part in parts),
        frozenset().union(*(part.maps for part in parts)),
    )


class Dependences:
    """The dependences of all nodes of a traced model.

    Args:
        nodes: in order.
        values: of the nodes, on the example.
        called: returns the module that a call_module node calls.

    Attributes:
        reads: by node.
        one_pixel: nodes whose value is a map of one pixel at every input.
        spread: nodes whose value is a constant, repeated along the batch or over a map.
    """

    def __init__(self, nodes: Sequence[Node], values: Mapping[Node, Any], called: Callable[[Node], nn.Module]):
        self._values, self._called = values, called
        self.reads: dict[Node, AnyReads] = {}
        self.one_pixel: set[Node] = set()
        self.spread: set[Node] = set()
        for node in nodes:
            self.reads[node] = self._of(node)
            if self.varies(node) and self._stays_one_pixel(node):
                self.one_pixel.add(node)

    def varies(self, node: Node) -> bool:
        """Whether the node's value is a tensor, or several, that depend on the input's numbers."""
        reads, value = self.reads[node], self._values[node]
        several = isinstance(value, tuple | list) and bool(value) and all(isinstance(part, Tensor) for part in value)
        is_step = (isinstance(value, Tensor) or several) and node.op != "output"
        return is_step and isinstance(reads, Reads) and reads.values

    def arguments(self, node: Node) -> Reads:
        """The dependences of the constants that the node is given: of all its arguments that do not vary themselves."""
        return merged(self.reads[source] for source in node.all_input_nodes if not self.varies(source))

    def elements(self, argument: Any) -> list[Any]:
        """The numbers of an argument of a node: `Reads` for computed ones, else the numbers themselves."""
        if isinstance(argument, Node):
            reads = self.reads[argument]
            return list(reads) if isinstance(reads, tuple) else [reads]
        if isinstance(argument, list | tuple):
            return [element for each in argument for element in self.elements(each)]
        return [argument]

    def _of(self, node: Node) -> AnyReads:
        if node.op == "placeholder":
            return Reads(values=True)
        everything = merged(self.reads[source] for source in node.all_input_nodes)
        if self._is_spread(node, everything):
            self.spread.add(node)
            like = (source for source in node.all_input_nodes if self.varies(source))
            return Reads(maps=everything.maps.union(like))
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

    def _is_spread(self, node: Node, everything: Reads) -> bool:
        """Whether the node's value is a constant, repeated over a shape that comes from the input."""
        value, sources = self._values[node], node.all_input_nodes
        if not isinstance(value, Tensor) or not sources:
            return False
        if node.target in _LIKE and node.op != "call_module":
            numbers = [source for source in sources if not self.varies(source)]
            repeats = node.target != "expand_as" or len(numbers) == 1
            return repeats and self.varies(sources[-1]) and not merged(self.reads[n] for n in numbers).values
        if any(self.varies(source) for source in sources):
            return False
        if node.target in _SPREADS:
            return everything.batch and not everything.values
        spread = [source for source in sources if source in self.spread]
        return bool(spread) and all(self._values[source].shape == value.shape for source in spread)

    def _of_tensor(self, node: Node, tensor: Node) -> AnyReads:
        """The dependences of a number, or another object, that a step takes from a tensor."""
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
        varies = dim > 1 and tensor not in self.one_pixel
        return Reads(batch=dim == 0, maps=frozenset({tensor} if varies else ()), size=(tensor, dim))

    def _stays_one_pixel(self, node: Node) -> bool:
        """Whether the node's value is a map of one pixel however large the input is."""
        value = self._values[node]
        if not isinstance(value, Tensor) or self.arguments(node).maps or value.shape[2:] != (1, 1):
            return False
        module = self._called(node) if node.op == "call_module" else None
        if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
            return module.output_size in (1, (1, 1), [1, 1])
        options = [*node.args[1:2], *(node.kwargs[key] for key in ("dim", "output_size") if key in node.kwargs)]
        if node.target in _ADAPTIVE:
            return options[0] in (1, (1, 1), [1, 1])
        if node.target in _REDUCTIONS and options and isinstance(options[0], tuple | list):
            axes: list[Any] = [self._values[axis] if isinstance(axis, Node) else axis for axis in options[0]]
            if {2, 3} <= {axis % 4 for axis in axes}:
                return True
        varying = [source for source in node.all_input_nodes if self.varies(source)]
        return bool(varying) and all(source in self.one_pixel for source in varying)


def _holds_node(index: int | slice) -> bool:
    return isinstance(index, slice) and any(isinstance(part, Node) for part in (index.start, index.stop, index.step))
