"""What a name in an ONNX graph stands for while the graph is read."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xnorlab.runtime.map_positions import Pixel
from xnorlab.runtime.ops import Op, Shape

Step = Callable[[np.ndarray], np.ndarray]
"""A function that moves the numbers of an array of ONNX, with the batch, and computes none."""


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant array, as the file holds it: channels first."""

    array: np.ndarray


@dataclass(frozen=True, eq=False)
class Sizes(Constant):
    """The shape of a value as ONNX's Shape gives it, 0 for a number of inputs that is left open.

    Attributes:
        value: the value.
    """

    value: "Value | Moved"


@dataclass(frozen=True, eq=False)
class BipolarConstant:
    """Constant weights signs · scale, as QONNX's BipolarQuant makes them.

    Attributes:
        signs: float32 of −1 and +1.
        scale: float32 of as many axes, each 1 or that of the signs.
    """

    signs: np.ndarray
    scale: np.ndarray


@dataclass(eq=False)
class Draft:
    """An op whose fields are still to be completed: a product or a sum behind packed weights becomes part of them.

    Attributes:
        kind: class of the op; None for the network's input.
        name: of the op.
        inputs: names of ops.
        fields: of the op.
        step: counts upwards from op to op, by the last node of each.
        channels: of its value, where a product or a sum may complete it; else 0.
        rank: axes of its value without the batch, 3 for maps and 1 for vectors.
        signs: that a wholly binary layer reads.
        op: the op, once it is built.
    """

    kind: type[Op] | None
    name: str
    inputs: tuple[str, ...]
    fields: dict[str, Any]
    step: int
    channels: int = 0
    rank: int = 3
    signs: "Signs | None" = None
    op: Op | None = None


@dataclass(frozen=True, eq=False)
class Value:
    """A value that the packed network computes.

    Attributes:
        draft: of its op.
        order: for vectors that were maps, the position in ONNX's vector of each of the runtime's features, or None.
    """

    draft: Draft
    order: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Where a value reaches a threshold, float32 (C,)."""

    value: Value
    threshold: np.ndarray


@dataclass(frozen=True, eq=False)
class Signs:
    """The signs of a value times a scale: +scale where (x >= threshold) differs from flip, else −scale.

    Attributes:
        name: of the op that gives them, where somebody needs their values.
        value: x.
        threshold: float32 (C,), None for 0.
        flip: bool (C,), None for no flip.
        scale: above 0.
        padding: of a border around them, (vertical, horizontal).
        pad_value: what the border holds in units of the scale, −1, 0 or +1.
        made: the value of the signs, where somebody needed it; a list of one, or empty.
    """

    name: str
    value: Value
    threshold: np.ndarray | None = None
    flip: np.ndarray | None = None
    scale: float = 1.0
    padding: Pixel = (0, 0)
    pad_value: int = 0
    made: list[Value] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Moved:
    """A value whose numbers are numbers of another one: reshaped, transposed, cut out, repeated.

    It becomes ops only where somebody needs its values: most such steps stand in chains.

    Attributes:
        node: the last node that moved them, for messages.
        name: of the op that gives the value.
        base: where the numbers come from.
        steps: that move them, in order.
        shape: in ONNX, without the batch.
        made: the value of the ops, where somebody needed it; a list of one, or empty.
    """

    node: str
    name: str
    base: "Value | Signs"
    steps: tuple[Step, ...]
    shape: Shape
    made: list[Value] = field(default_factory=list)

    def places(self, shape: Shape) -> np.ndarray:
        """The positions in a base (C, H, W) or (F,) of all numbers, for a batch of two.

        Raises:
            ValueError: the steps do not fit the shape, as IndexError does.
        """
        return moved(np.arange(2 * math.prod(shape), dtype=np.int32).reshape(2, *shape), self.steps)


def moved(array: np.ndarray, steps: tuple[Step, ...]) -> np.ndarray:
    """`array` after these steps."""
    for step in steps:
        array = step(array)
    return array


@dataclass(frozen=True, eq=False)
class Magnitude:
    """The absolute value of a value, a step towards the input scale K.

    Attributes:
        name: of the op that gives it, where somebody needs its values.
        value: the value.
        mean: whether over its channels.
        made: the value of the op, where somebody needed it; a list of one, or empty.
    """

    name: str
    value: Value
    mean: bool = False
    made: list[Value] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class InputScale:
    """The input scale K of a value, for a convolution with this kernel and geometry."""

    value: Value
    kernel: Pixel
    geometry: dict[str, Any]


Known = Constant | BipolarConstant | Value | Moved | Comparison | Signs | Magnitude | InputScale
