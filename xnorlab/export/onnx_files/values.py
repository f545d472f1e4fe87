"""What a name in an ONNX graph stands for while the graph is read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xnorlab.runtime.map_positions import Pixel
from xnorlab.runtime.ops import Op


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant array, as the file holds it: channels first."""

    array: np.ndarray


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
        channels_last: whether ONNX has the map as (N, H, W, C), on its way to a vector in that order.
    """

    draft: Draft
    order: np.ndarray | None = None
    channels_last: bool = False


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
class Magnitude:
    """The absolute value of a value, a step towards the input scale K; `mean`: over its channels."""

    value: Value
    mean: bool = False


@dataclass(frozen=True, eq=False)
class InputScale:
    """The input scale K of a value, for a convolution with this kernel and geometry."""

    value: Value
    kernel: Pixel
    geometry: dict[str, Any]


Known = Constant | BipolarConstant | Value | Comparison | Signs | Magnitude | InputScale
