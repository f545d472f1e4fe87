"""Ops that give a map another height and width: interpolation, pixel shuffles, adaptive pools, inserted zeros."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xnorlab.runtime.limits import MAX_GEOMETRY, MAX_VALUES, check_work
from xnorlab.runtime.ops.base import OnnxGraph, Op, Shape

__all__ = ["AdaptivePool", "PixelShuffle", "PixelUnshuffle", "Resize", "Spread", "Unflatten"]

MODES = ("nearest", "nearest-exact", "bilinear")

BLOCK = 2**20
"""Values of one picture between the two passes of a bilinear `Resize`: few enough for the cache, whatever the sizes."""

CALL = 2**12
"""Values that are touched while numpy begins on one cell of an `AdaptivePool`: about 4 µs."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Resize(Op):
    """Interpolation as torch.nn.functional.interpolate does it.

    Attributes:
        mode: "nearest", "nearest-exact" or "bilinear".
        size: (OH, OW), or None where there are factors.
        factors: (vertical, horizontal), by which height and width grow, rounded down; or None where there is a size.
        align_corners: whether the outer pixels' centres stay where they are, of "bilinear".
    """

    kind: ClassVar[str] = "resize"
    since: ClassVar[int] = 4

    mode: str
    size: tuple[int, int] | None
    factors: tuple[float, float] | None
    align_corners: bool = False

    def _prepare(self) -> None:
        self._one_of("mode", *MODES)
        self._flag("align_corners")
        if self.align_corners and self.mode != "bilinear":
            raise ValueError(f"{self.name}: align_corners=True needs mode='bilinear', not {self.mode!r}")
        if (self.size is None) == (self.factors is None):
            raise ValueError(f"{self.name}: size={self.size} and factors={self.factors}; the rule is one of them")
        if self.size is not None:
            self._int_pair("size", 1)
        elif (
            not isinstance(self.factors, tuple)
            or len(self.factors) != 2
            or not all(type(f) is float and 1 / MAX_GEOMETRY <= f <= MAX_GEOMETRY for f in self.factors)
        ):
            raise ValueError(f"{self.name}: factors={self.factors} must be two numbers up to {MAX_GEOMETRY}")

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (OH, OW, C)."""
        height, width, channels = self._map(shapes[0])
        if self.factors is None:
            assert self.size is not None
            rows, columns = self.size
        else:
            rows, columns = int(height * self.factors[0]), int(width * self.factors[1])
        if min(rows, columns) < 1:
            raise self._fail_shape(shapes[0], f"a map of which the factors {self.factors} leave a pixel")
        return rows, columns, channels

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, C)."""
        x = arrays[0]
        rows, columns, _ = self.output_shape(x.shape[1:])
        factors = (None, None) if self.factors is None else self.factors
        if self.mode != "bilinear":
            down, across = (
                self._nearest(*sizes) for sizes in ((x.shape[1], rows, factors[0]), (x.shape[2], columns, factors[1]))
            )
            return _into(x[:, down[:, None], across], out)
        if out is None:
            out = np.empty((len(x), rows, columns, x.shape[3]), np.float32)
        down, across = self._between(x.shape[1], rows, factors[0]), self._between(x.shape[2], columns, factors[1])
        at_once = max(1, BLOCK // (x.shape[2] * x.shape[3]))
        for start in range(0, rows, at_once):
            part = slice(start, start + at_once)
            out[:, part] = _blended(_blended(x, 1, *(each[part] for each in down)), 2, *across)
        return out

    def _nearest(self, size: int, new_size: int, factor: float | None) -> np.ndarray:
        """The index of the pixel that each new pixel takes."""
        step = np.float32(size / new_size if factor is None else 1 / factor)
        offset = np.float32(0.5 if self.mode == "nearest-exact" else 0)
        places = np.floor((np.arange(new_size, dtype=np.float32) + offset) * step).astype(np.int64)
        return np.minimum(places, size - 1)

    def _between(self, size: int, new_size: int, factor: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each new pixel along one axis the two pixels around its place, and the share of the second."""
        steps = np.arange(new_size, dtype=np.float32)
        if self.align_corners:
            places = steps * np.float32((size - 1) / (new_size - 1) if new_size > 1 else 0)
        else:
            step = np.float32(size / new_size if factor is None else 1 / factor)
            places = np.maximum((steps + np.float32(0.5)) * step - np.float32(0.5), np.float32(0))
        low = np.minimum(places.astype(np.int64), size - 1)
        high = np.minimum(low + 1, size - 1)
        return low, high, (places - low).astype(np.float32)

    def touched(self, *shapes: Shape) -> int:
        """The values between both passes count as well where it is bilinear."""
        between = self.output_shape(*shapes)[0] * shapes[0][1] * shapes[0][2] if self.mode == "bilinear" else 0
        return super().touched(*shapes) + 4 * between

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Resize, whose size includes batch and channels, which are taken from the input."""
        corners = "align_corners" if self.align_corners else "pytorch_half_pixel"
        kind, where, rounding = {
            "nearest": ("nearest", "asymmetric", "floor"),
            "nearest-exact": ("nearest", "half_pixel", "round_prefer_ceil"),
            "bilinear": ("linear", corners, "floor"),
        }[self.mode]
        if self.factors is not None:
            given = ["", graph.tensor(np.array([1, 1, *self.factors]))]
        else:
            assert self.size is not None
            ahead = graph.node("Gather", [graph.node("Shape", inputs), graph.integers(0, 1)], axis=0)
            given = ["", "", graph.node("Concat", [ahead, graph.integers(*self.size)], axis=0)]
        graph.node("Resize", [*inputs, *given], mode=kind, coordinate_transformation_mode=where, nearest_mode=rounding)


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelShuffle(Op):
    """Channels laid out as pixels: (H, W, C·r²) becomes (H·r, W·r, C), r = `factor`."""

    kind: ClassVar[str] = "pixel_shuffle"
    since: ClassVar[int] = 4

    factor: int

    def _prepare(self) -> None:
        self._integer("factor", 1, 1024)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C·r²) → (H·r, W·r, C)."""
        height, width, channels = self._map(shapes[0])
        r = self.factor
        if channels % (r * r):
            raise self._fail_shape(shapes[0], f"a multiple of {r * r} channels")
        return height * r, width * r, channels // (r * r)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C·r²) → (B, H·r, W·r, C)."""
        batch, height, width, channels = arrays[0].shape
        r = self.factor
        apart = arrays[0].reshape(batch, height, width, channels // (r * r), r, r).transpose(0, 1, 4, 2, 5, 3)
        return _into(apart.reshape(batch, height * r, width * r, -1), out)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own DepthToSpace."""
        graph.node("DepthToSpace", inputs, blocksize=self.factor, mode="CRD")


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelUnshuffle(Op):
    """Pixels laid out as channels, the reverse of `PixelShuffle`: (H·r, W·r, C) becomes (H, W, C·r²)."""

    kind: ClassVar[str] = "pixel_unshuffle"
    since: ClassVar[int] = 4

    factor: int

    def _prepare(self) -> None:
        self._integer("factor", 1, 1024)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H·r, W·r, C) → (H, W, C·r²)."""
        height, width, channels = self._map(shapes[0])
        r = self.factor
        if height % r or width % r:
            raise self._fail_shape(shapes[0], f"multiples of {r} rows and columns")
        return height // r, width // r, channels * r * r

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H·r, W·r, C) → (B, H, W, C·r²)."""
        batch, height, width, channels = arrays[0].shape
        r = self.factor
        apart = arrays[0].reshape(batch, height // r, r, width // r, r, channels).transpose(0, 1, 3, 5, 2, 4)
        return _into(apart.reshape(batch, height // r, width // r, -1), out)


@dataclass(frozen=True, eq=False, kw_only=True)
class AdaptivePool(Op):
    """The mean or the largest value of each cell of a grid of `size` cells over the map, which overlap like torch's.

    Cell i of n covers the rows ⌊i·H/n⌋ to ⌈(i + 1)·H/n⌉ − 1. A size of 0 stands for the map's own.
    """

    kind: ClassVar[str] = "adaptive_pool"
    since: ClassVar[int] = 4

    how: str
    size: tuple[int, int]

    def _prepare(self) -> None:
        self._one_of("how", "mean", "max")
        self._int_pair("size", 0)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (OH, OW, C)."""
        height, width, channels = self._map(shapes[0])
        rows, columns = self.size[0] or height, self.size[1] or width
        check_work(self.name, (height + rows) * (width + columns) * channels, "values under its cells")
        return rows, columns, channels

    def touched(self, *shapes: Shape) -> int:
        """The values of all cells, which overlap, and `CALL` for each cell."""
        height, width, channels = self._map(shapes[0])
        rows, columns, _ = self.output_shape(*shapes)
        if (rows, columns) == (height, width):  # every cell is a value
            return super().touched(*shapes)
        return super().touched(*shapes) + (height + rows) * (width + columns) * channels + CALL * rows * columns

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, C)."""
        x = arrays[0]
        rows, columns, channels = self.output_shape(x.shape[1:])
        if (rows, columns) == x.shape[1:3]:
            return _into(x, out)
        reduce: Callable[..., np.ndarray] = np.max if self.how == "max" else np.mean
        if out is None:
            out = np.empty((len(x), rows, columns, channels), np.float32)
        for i, (top, bottom) in enumerate(_cells(x.shape[1], rows)):
            for j, (left, right) in enumerate(_cells(x.shape[2], columns)):
                reduce(x[:, top:bottom, left:right], axis=(1, 2), out=out[:, i, j])
        return out


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread(Op):
    """A map whose pixels stand apart, with zeros between them: the input of a transposed convolution.

    Attributes:
        step: (vertical, horizontal) distance from one pixel to the next.
    """

    kind: ClassVar[str] = "spread"
    since: ClassVar[int] = 4

    step: tuple[int, int]

    def _prepare(self) -> None:
        self._int_pair("step", 1)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → ((H − 1)·step + 1, (W − 1)·step + 1, C)."""
        height, width, channels = self._map(shapes[0])
        rows, columns = (height - 1) * self.step[0] + 1, (width - 1) * self.step[1] + 1
        return rows, columns, channels

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, (H − 1)·step + 1, (W − 1)·step + 1, C)."""
        x = arrays[0]
        if out is None:
            out = np.empty((len(x), *self.output_shape(x.shape[1:])), np.float32)
        out[...] = 0
        out[:, :: self.step[0], :: self.step[1]] = x
        return out


@dataclass(frozen=True, eq=False, kw_only=True)
class Unflatten(Op):
    """A vector (F,) as a value of `shape`, in the order in which it lies in memory: no number moves."""

    kind: ClassVar[str] = "unflatten"
    since: ClassVar[int] = 4

    shape: tuple[int, ...]

    def _prepare(self) -> None:
        fits = isinstance(self.shape, tuple) and len(self.shape) <= 8
        if not fits or not all(type(size) is int and 1 <= size <= MAX_VALUES for size in self.shape):
            raise ValueError(f"{self.name}: shape={self.shape!r} must be at most 8 integers of at least 1")

    def output_shape(self, *shapes: Shape) -> Shape:
        """(F,) → `shape`."""
        values = 1
        for size in self.shape:
            values *= size
        if shapes[0] != (values,):
            raise self._fail_shape(shapes[0], f"({values},), as many as {self.shape} has")
        return self.shape

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, F) → (B, …)."""
        return _into(arrays[0].reshape(len(arrays[0]), *self.shape), out)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Reshape, and channels first for a map."""
        flat = graph.node("Reshape", [*inputs, graph.integers(-1, *self.shape)])
        if len(self.shape) == 3:
            graph.node("Transpose", [flat], perm=[0, 3, 1, 2])


def _into(value: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    if out is None:
        return np.ascontiguousarray(value)
    out[...] = value
    return out


def _blended(x: np.ndarray, axis: int, low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Means of the entries `low` and `high` along the axis, `share` being the weight of the second."""
    share = share.reshape(-1, *[1] * (x.ndim - 1 - axis))
    return np.take(x, low, axis) * (np.float32(1) - share) + np.take(x, high, axis) * share


def _cells(size: int, cells: int) -> list[tuple[int, int]]:
    """First and last-but-one index of each cell."""
    return [(i * size // cells, -(-(i + 1) * size // cells)) for i in range(cells)]
