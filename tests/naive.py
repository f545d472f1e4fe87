"""Slow oracles for the kernels in plain numpy, tap by tap, and the geometries at which they are compared."""

from dataclasses import dataclass, replace

import numpy as np

GUARD_BYTES = 4096
GUARD = 0xA5


def signs(x: np.ndarray, threshold=None, flip=None) -> np.ndarray:
    """The sign of x − threshold per channel, int64 ±1, turned over where flip; NaN lies below every threshold."""
    limit = np.zeros(x.shape[-1], np.float32) if threshold is None else threshold
    turned = np.zeros(x.shape[-1], bool) if flip is None else flip
    with np.errstate(invalid="ignore"):
        return np.where((x >= limit) ^ turned, 1, -1)


def pack(values: np.ndarray) -> np.ndarray:
    """Pack the positive entries along the last axis into uint64 words, bit by bit."""
    words = np.zeros((*values.shape[:-1], -(-values.shape[-1] // 64)), np.uint64)
    for c in range(values.shape[-1]):
        words[..., c // 64] |= (values[..., c] > 0).astype(np.uint64) << np.uint64(c % 64)
    return words


def convolve(x, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, pad_value=0) -> np.ndarray:
    """Convolve (B, H, W, C) with (N, kh, kw, C / groups): every output position, every tap, every group."""
    (n, kh, kw, c), (batch, height, width, _) = weight.shape, x.shape
    kind = np.result_type(x, weight)
    rows = (height + 2 * padding[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    columns = (width + 2 * padding[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    out = np.zeros((batch, rows, columns, n), kind)
    for i in range(rows):
        for j in range(columns):
            for y in range(kh):
                for z in range(kw):
                    at, to = i * stride[0] - padding[0] + y * dilation[0], j * stride[1] - padding[1] + z * dilation[1]
                    inside = 0 <= at < height and 0 <= to < width
                    values = x[:, at, to] if inside else np.full((batch, x.shape[3]), pad_value, kind)
                    for g in range(groups):
                        filters = slice(g * (n // groups), (g + 1) * (n // groups))
                        out[:, i, j, filters] += values[:, g * c : (g + 1) * c] @ weight[filters, y, z].T
    return out


def pool(x: np.ndarray, reduce, fill: float, kernel, stride, padding) -> np.ndarray:
    """Apply `reduce` to every window of the map padded with `fill`; returns (B, OH, OW, C)."""
    padded = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)), constant_values=fill)
    rows = (padded.shape[1] - kernel[0]) // stride[0] + 1
    columns = (padded.shape[2] - kernel[1]) // stride[1] + 1
    out = np.zeros((x.shape[0], rows, columns, x.shape[3]), x.dtype)
    for i in range(rows):
        for j in range(columns):
            at, to = i * stride[0], j * stride[1]
            out[:, i, j] = reduce(padded[:, at : at + kernel[0], to : to + kernel[1]])
    return out


@dataclass(frozen=True)
class Geometry:
    """A convolution's sizes. `options` are the keyword arguments that every kernel takes."""

    batch: int
    size: tuple[int, int]
    channels: int
    filters: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    @property
    def options(self) -> dict:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}

    def tensors(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Normal float32 activations (B, H, W, C) and filters (N, kh, kw, C / groups)."""
        x = rng.standard_normal((self.batch, *self.size, self.channels), np.float32)
        return x, rng.standard_normal((self.filters, *self.kernel, self.channels // self.groups), np.float32)


CHANNELS = (1, 2, 3, 17, 63, 64, 65, 96, 127, 128, 129, 192, 256, 300, 320, 512)
FILTERS = (1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 48)


def geometry(integer) -> Geometry:
    """A geometry whose window fits; integer(low, high) draws from low to high, both included."""
    groups = (1, 1, 1, 2, 3)[integer(0, 4)]
    kernel, stride = (integer(1, 4), integer(1, 4)), (integer(1, 3), integer(1, 3))
    padding, dilation = (integer(0, 3), integer(0, 3)), (integer(1, 2), integer(1, 2))
    reach = [d * (k - 1) + 1 - 2 * p for d, k, p in zip(dilation, kernel, padding, strict=True)]
    size = (max(1, reach[0]) + integer(0, 7), max(1, reach[1]) + integer(0, 9))
    channels, filters = CHANNELS[integer(0, len(CHANNELS) - 1)], FILTERS[integer(0, len(FILTERS) - 1)]
    return Geometry(integer(1, 3), size, channels * groups, filters * groups, kernel, stride, padding, dilation, groups)


def random_geometry(rng: np.random.Generator) -> Geometry:
    """A seeded geometry."""
    return geometry(lambda low, high: int(rng.integers(low, high + 1)))


def narrow_groups(rng: np.random.Generator) -> Geometry:
    """A seeded geometry of groups as wide as a part of a vector register, or nearly so."""
    drawn = random_geometry(rng)
    width, groups = int(rng.choice([2, 3, 4, 8, 12, 16])), int(rng.integers(2, 14))
    return replace(drawn, channels=width * groups, filters=width * groups, groups=groups)


class Guarded:
    """An array between two strips of guard bytes; `intact` tells whether the strips were left alone."""

    def __init__(self, shape: tuple[int, ...], dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._raw = np.full(size + 2 * GUARD_BYTES, GUARD, np.uint8)
        self.array = self._raw[GUARD_BYTES : GUARD_BYTES + size].view(dtype).reshape(shape)

    @property
    def intact(self) -> bool:
        return bool((self._raw[:GUARD_BYTES] == GUARD).all() and (self._raw[-GUARD_BYTES:] == GUARD).all())
