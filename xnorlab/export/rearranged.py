"""Rearranged values: where each number of a value of torch stands in a value that the packed network has."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from xnorlab.export import layout as layouts
from xnorlab.export.layout import Layout

if TYPE_CHECKING:
    from xnorlab.export.builder import Builder


@dataclass(frozen=True)
class Base:
    """A value that the packed network has.

    Attributes:
        emit: packs it where it is not packed yet; returns its name.
        shape: torch's, with the batch, on the example.
        order: of a vector's features, see `Builder.order`.
        node: that it is the value of; None for one that only the packed network has.
        like: the map whose height and width it has, but for the axes in `ones`.
        ones: axes of torch whose size is 1 whatever the size of `like`.
    """

    emit: Callable[[], str]
    shape: tuple[int, ...]
    order: np.ndarray | None
    node: Node | None
    like: Node
    ones: frozenset[int] = frozenset()

    def grown(self, height: int, width: int) -> tuple[int, ...]:
        """The shape where `like` has another height and width."""
        sides = (1 if axis in self.ones else side for axis, side in ((2, height), (3, width)))
        return (*self.shape[:2], *sides)


Step = Node | Callable[[Tensor], Any]
"""A node that moves numbers, or a function that does."""


class Rearranged:
    """A value whose numbers are numbers of a `Base`.

    Args:
        builder: of the network.
        base: where they come from.
        steps: that move them, in order.
        places: the positions of all numbers, of the whole batch, in the base on the example: a tensor, or several.
    """

    def __init__(self, builder: "Builder", base: Base, steps: tuple[Step, ...] = (), places: Any = None):
        self.base, self.steps = base, steps
        self._builder = builder
        self._places = _all_places(base.shape) if places is None else places
        self._found: Layout | str | None = None

    def then(self, step: Step) -> "Rearranged":
        """The value after one more step."""
        places = _Sizes(self._builder, self.base.like, None).after(step, self._places)
        return Rearranged(self._builder, self.base, (*self.steps, step), places)

    def of(self, base: Base) -> "Rearranged":
        """The value that the same steps make of another base of the same shape."""
        return Rearranged(self._builder, base, self.steps, self._places)

    @property
    def layout(self) -> Layout | str:
        """The layout that packs the value, right at other heights and widths if one is; or why there is none."""
        if self._found is None:
            own = _of_one_picture(self._places, self.base.shape)
            if isinstance(own, str):
                self._found = own
            else:
                found = layouts.candidates(self.base.shape[1:], self.base.order, own)
                self._found = next((each for each in found if self.holds(each)), found[-1])
        return self._found

    @property
    def own_places(self) -> np.ndarray | None:
        """The positions of one picture's numbers on the example; None where there are none."""
        own = _of_one_picture(self._places, self.base.shape)
        return None if isinstance(own, str) else own

    @property
    def is_same(self) -> bool:
        """Whether the value is its base, at every height and width."""
        places = self._places
        if not isinstance(places, Tensor) or tuple(places.shape) != self.base.shape:
            return False
        return bool((places == _all_places(self.base.shape)).all()) and self.holds(Layout())

    @property
    def has_channels_last(self) -> bool:
        """Whether the value is a map as torch has it with the channels moved last, (N, H, W, C)."""
        if not self.steps or len(self.base.shape) != 4 or self.own_places is None:
            return False
        _, channels, height, width = self.base.shape
        last = np.arange(channels * height * width).reshape(channels, height, width).transpose(1, 2, 0)
        return np.array_equal(self.own_places, last)

    def with_map(self, name: str, channels: int) -> "Rearranged":
        """The packed map `name` of so many channels, moved as this value, which has its channels last."""
        shape = (self.base.shape[0], channels, *self.base.shape[2:])
        base = replace(self.base, emit=lambda: name, node=None, shape=shape)
        return Rearranged(self._builder, base).then(lambda places: places.permute(0, 2, 3, 1))

    def places_at(self, height: int, width: int) -> np.ndarray | None:
        """The positions of one picture's numbers where the base has another size; None where torch fails."""
        shape = self.base.grown(height, width)
        sizes, places = _Sizes(self._builder, self.base.like, (height, width)), _all_places(shape)
        try:
            for step in self.steps:
                places = sizes.after(step, places)
        except Exception:  # whatever torch raises where a model does not take this size
            return None
        own = _of_one_picture(places, shape)
        return None if isinstance(own, str) else own

    @property
    def grows(self) -> bool:
        """Whether the base's height or width follows that of the network's input."""
        fixed = self.base.ones >= {2, 3} or self._builder.traced.stays_one_pixel(self.base.like)
        return len(self.base.shape) == 4 and not fixed

    def holds(self, layout: Layout) -> bool:
        """Whether a layout that is right on the example is right at every height and width that it accepts."""
        nodes = [step for step in self.steps if isinstance(step, Node)]
        if not self.grows:
            return not any(self._builder.traced.arguments(node).maps for node in nodes)
        if any(_names_a_place_beyond(node, min(self.base.shape[2:])) for node in nodes):
            return False
        height, width = self._builder.traced.values[self.base.like].shape[2:]
        for more in ((1, 2), (4, 3), (8, 8)):
            size = height + more[0], width + more[1]
            got = layout.places(self.base.grown(*size), self.base.shape)
            want = None if got is None else self.places_at(*size)
            if got is not None and (want is None or want.shape != got.shape or (want != got).any()):
                return False
        return True


class _Sizes:
    """Computes steps, and the numbers that they are given, for a map `like` of another height and width."""

    def __init__(self, builder: "Builder", like: Node, size: tuple[int, int] | None):
        self._builder, self._like, self._size = builder, like, size
        self._known: dict[Node, Any] = {}

    def after(self, step: Step, places: Any) -> Any:
        """`places` moved by one step."""
        if not isinstance(step, Node):
            return step(places)
        traced = self._builder.traced
        if isinstance(places, Tensor):
            places = places.contiguous()  # where the model makes its value contiguous ahead of a view, the step is gone
        arguments = map_arg(
            (step.args, step.kwargs), lambda node: places if traced.varies(node) else self._constant(node)
        )
        return traced.run(step, *arguments)

    def _constant(self, node: Node) -> Any:
        traced = self._builder.traced
        if self._size is None or node.op in ("get_attr", "placeholder"):
            return traced.values[node]
        if node not in self._known:
            arguments = map_arg((node.args, node.kwargs), self._argument)
            self._known[node] = traced.run(node, *arguments)
        return self._known[node]

    def _argument(self, node: Node) -> Any:
        return self._stand_in(node) if self._builder.traced.varies(node) else self._constant(node)

    def _stand_in(self, node: Node) -> Tensor:
        """A tensor of the shape that a value has; only its sizes are read."""
        value = self._builder.traced.values[node]
        if self._size is None or value.dim() != 4 or self._builder.traced.stays_one_pixel(node):
            return value
        if not self._builder.same_map(node, self._like):
            raise ValueError("the size of another map")
        return value.new_zeros(1).expand(*value.shape[:2], *self._size)


def _all_places(shape: tuple[int, ...]) -> Tensor:
    return torch.arange(math.prod(shape)).reshape(shape)


def _of_one_picture(places: Any, shape: tuple[int, ...]) -> np.ndarray | str:
    """The positions of one picture's numbers, from those of a batch; a sentence where there are none.

    Args:
        places: of all numbers of the batch.
        shape: of the base, with the batch.
    """
    if places is None:
        return "gives the position of an extreme value, which cannot be packed; the value can"
    if not isinstance(places, Tensor):
        return "gives several values, of which the model uses none in particular"
    batch = shape[0]
    if not places.dim() or places.shape[0] != batch:
        lost = "drops the axis of the batch where that holds one input; name the axes to squeeze"
        return lost if batch == 1 else "mixes the inputs of a batch, or drops its axis"
    offsets = torch.arange(batch).reshape(-1, *[1] * (places.dim() - 1)) * math.prod(shape[1:])
    return places[0].numpy() if bool((places == places[:1] + offsets).all()) else "mixes the inputs of a batch"


def _names_a_place_beyond(node: Node, side: int) -> bool:
    """Whether a slice names a place beyond a map, which would be within a larger one."""
    if len(node.args) < 2:
        return False
    cuts = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
    named = [part for cut in cuts[2:] if isinstance(cut, slice) for part in (cut.start, cut.stop)]
    return any(isinstance(part, int) and abs(part) > side for part in named)
