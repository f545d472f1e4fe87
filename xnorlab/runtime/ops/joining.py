"""Ops that join values and that take them apart: concatenation, chosen channels, cut-out and widened maps."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from xnorlab.runtime.limits import MAX_VALUES
from xnorlab.runtime.ops.base import INDICES, OnnxGraph, Op, Shape

__all__ = ["Border", "Concatenate", "Select", "Slice"]

FILLS: dict[str, Any] = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
"""Kinds of a border under torch's names, with numpy's and ONNX's."""

Cut = tuple[int | None, int | None, int | None]
"""Start, stop and step of a slice, with Python's rules."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Concatenate(Op):
    """Two or more values one after the other along `axis`, counted without the batch from the last, −1: channels."""

    kind: ClassVar[str] = "concatenate"
    since: ClassVar[int] = 4
    n_inputs: ClassVar[int | None] = None

    axis: int = -1

    def _prepare(self) -> None:
        self._integer("axis", -8, -1)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …) each → (B, …), its axis as long as theirs together."""
        return np.concatenate(arrays, axis=self.axis, out=out)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The inputs' shape but for the axis."""
        first = shapes[0]
        if len(first) < -self.axis:
            raise self._fail_shape(first, f"at least {-self.axis} axes")
        at = len(first) + self.axis
        for shape in shapes:
            if len(shape) != len(first) or shape[:at] != first[:at] or shape[at + 1 :] != first[at + 1 :]:
                raise ValueError(f"{self.name}: cannot join shapes {first} and {shape} along axis {self.axis}")
        return (*first[:at], sum(shape[at] for shape in shapes), *first[at + 1 :])

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Concat."""
        graph.node("Concat", inputs, axis=onnx_axis(rank + self.axis, rank))


@dataclass(frozen=True, eq=False, kw_only=True)
class Select(Op):
    """Channels of the input in another order, some of them, or some twice: channel `indices[k]` becomes channel k."""

    kind: ClassVar[str] = "select"
    since: ClassVar[int] = 4

    indices: np.ndarray = field(metadata=INDICES)

    def _prepare(self) -> None:
        if self.indices.ndim != 1:
            raise ValueError(f"{self.name}: indices of shape {self.indices.shape} must be (K,)")
        largest = int(self.indices.max())
        if largest >= MAX_VALUES:
            raise ValueError(f"{self.name}: index {largest} must be below {MAX_VALUES:,}")
        object.__setattr__(self, "_largest", largest)
        object.__setattr__(self, "_taken", _as_slice(self.indices.astype(np.int64)))

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → (B, …, K)."""
        x, taken = arrays[0], vars(self)["_taken"]
        if out is None:
            out = np.empty((*x.shape[:-1], len(self.indices)), np.float32)
        if isinstance(taken, slice):
            out[...] = x[..., taken]
        else:
            np.take(x, taken, axis=-1, out=out, mode="clip")  # output_shape has checked them; "raise" copies `out`
        return out

    def output_shape(self, *shapes: Shape) -> Shape:
        """(…, C) → (…, K)."""
        largest = vars(self)["_largest"]
        if not shapes[0] or shapes[0][-1] <= largest:
            raise self._fail_shape(shapes[0], f"(…, C) with C above the largest index, {largest}")
        return (*shapes[0][:-1], len(self.indices))

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Gather."""
        graph.node("Gather", [*inputs, graph.integers(*self.indices.tolist())], axis=onnx_axis(rank - 1, rank))


@dataclass(frozen=True, eq=False, kw_only=True)
class Slice(Op):
    """Some rows and columns of a map, each a slice (start, stop, step) with Python's rules; None where it has none."""

    kind: ClassVar[str] = "slice"
    since: ClassVar[int] = 4

    rows: Cut
    columns: Cut

    def _prepare(self) -> None:
        for name in ("rows", "columns"):
            cut = getattr(self, name)
            fits = isinstance(cut, tuple) and len(cut) == 3 and cut[2] != 0
            if not fits or not all(part is None or (type(part) is int and abs(part) <= MAX_VALUES) for part in cut):
                raise ValueError(
                    f"{self.name}: {name}={cut!r} must be start, stop and step: integers or null, no step 0"
                )

    def _of(self, height: int, width: int) -> tuple[range, range]:
        return range(height)[slice(*self.rows)], range(width)[slice(*self.columns)]

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, C)."""
        part = arrays[0][:, slice(*self.rows), slice(*self.columns)]
        if out is None:
            return np.ascontiguousarray(part)
        out[...] = part
        return out

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (OH, OW, C)."""
        height, width, channels = self._map(shapes[0])
        rows, columns = self._of(height, width)
        if not rows or not columns:
            raise self._fail_shape(
                shapes[0], f"a map that rows={self.rows} and columns={self.columns} leave something of"
            )
        return len(rows), len(columns), channels

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Slice."""
        far = 2**62
        steps = [1 if cut[2] is None else cut[2] for cut in (self.rows, self.columns)]
        cuts = list(zip((self.rows, self.columns), steps, strict=True))
        starts = [(0 if step > 0 else far) if cut[0] is None else cut[0] for cut, step in cuts]
        stops = [(far if step > 0 else -far) if cut[1] is None else cut[1] for cut, step in cuts]
        graph.node("Slice", [*inputs, *(graph.integers(*each) for each in (starts, stops, (2, 3), steps))])


@dataclass(frozen=True, eq=False, kw_only=True)
class Border(Op):
    """A border around a map, each side as wide as it says.

    Attributes:
        rows: above and below.
        columns: left and right.
        channels: ahead of the first and behind the last, zero unless the fill is "constant".
        fill: "constant", "reflect" or "replicate", as torch.nn.functional.pad has them.
        value: of a constant border.
    """

    kind: ClassVar[str] = "border"
    since: ClassVar[int] = 4

    rows: tuple[int, int]
    columns: tuple[int, int]
    channels: tuple[int, int] = (0, 0)
    fill: str = "constant"
    value: float = 0.0

    def _prepare(self) -> None:
        for name in ("rows", "columns", "channels"):
            self._int_pair(name, 0)
        self._one_of("fill", *FILLS)
        if self.fill != "constant" and self.channels != (0, 0):
            raise ValueError(f"{self.name}: channels={self.channels} must be (0, 0) with fill={self.fill!r}")
        if type(self.value) is not float or not abs(self.value) <= float(np.finfo(np.float32).max):
            raise ValueError(f"{self.name}: value={self.value!r} must be a finite real number")

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, H + both, W + both, C + both)."""
        x = arrays[0]
        if self.fill != "constant":
            padded = np.pad(x, ((0, 0), self.rows, self.columns, (0, 0)), FILLS[self.fill])
            if out is None:
                return padded
            out[...] = padded
            return out
        batch, height, width, channels = x.shape
        if out is None:
            out = np.empty((batch, *self.output_shape(x.shape[1:])), np.float32)
        (top, _), (left, _), (ahead, _) = self.rows, self.columns, self.channels
        out[...] = np.float32(self.value)
        out[:, top : top + height, left : left + width, ahead : ahead + channels] = x
        return out

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (H + both, W + both, C + both)."""
        height, width, channels = self._map(shapes[0])
        if self.fill == "reflect" and (max(self.rows) >= height or max(self.columns) >= width):
            raise self._fail_shape(
                shapes[0], f"more rows than {max(self.rows)} and more columns than {max(self.columns)}"
            )
        return height + sum(self.rows), width + sum(self.columns), channels + sum(self.channels)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Pad."""
        (top, bottom), (left, right), (ahead, behind) = self.rows, self.columns, self.channels
        pads = graph.integers(0, ahead, top, left, 0, behind, bottom, right)
        value = [graph.tensor(np.array(self.value))] if self.fill == "constant" else []
        graph.node("Pad", [*inputs, pads, *value], mode=FILLS[self.fill])


def onnx_axis(axis: int, rank: int) -> int:
    """The axis, with the batch, of ONNX's value for an axis of the runtime's; of maps the channels come first there."""
    return {0: 2, 1: 3, 2: 1}[axis] if rank == 3 else axis + 1


def _as_slice(indices: np.ndarray) -> Any:
    """`indices` as a slice where they rise in even steps, which numpy copies several times faster."""
    steps = np.diff(indices)  # never a list: a file may hold millions
    step = int(steps[0]) if steps.size else 1
    return slice(int(indices[0]), int(indices[-1]) + 1, step) if step > 0 and (steps == step).all() else indices
