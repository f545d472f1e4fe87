"""The program of what follows a convolution's sums while they are in registers, and of where they go.

A norm, an activation, a shortcut's sum, and the threshold of the next layer's sign work on each value alone. In an
epilogue they cost a few instructions in registers; as passes of their own each would read and write the whole map.
"""

from typing import Self

import numpy as np

from xnorlab.conventions import n_words
from xnorlab.kernels.codegen.epilogue import ADD, AFFINE, BIAS, CLIP, FACTOR, PRELU, STEP
from xnorlab.kernels.filter_blocks import per_filter


class Epilogue:
    """What is done with v, the sum of filter n at an output pixel: v · scale[n] + bias[n], then steps as added.

    Tables with one entry per filter are (N,) float32 and copied. Maps are given by their address, which must stay
    valid while the epilogue is used.

    Args:
        filters: N, of the convolution.
        groups: of the convolution.
        block: filters that one of its tiles holds.
        scale: float32 (N,), or None for 1.
        bias: float32 (N,), or None for −0 (x + −0 = x for every x, −0 too). Both operations round, one after the other.
    """

    def __init__(self, filters: int, groups: int, block: int, scale=None, bias=None):
        self.filters, self.groups, self.block = filters, groups, block
        self._steps: list[tuple[int, ...]] = []
        self._tables: list[np.ndarray] = []
        one, nothing = np.ones(filters, np.float32), np.full(filters, -0.0, np.float32)
        self._ends = (0, 4 * filters, 0, 0, 0, 0)
        self._first = self._table(one if scale is None else scale), self._table(nothing if bias is None else bias)

    def copy(self) -> "Epilogue":
        """An epilogue with the same steps so far, to which others can be added."""
        twin = object.__new__(Epilogue)
        twin.__dict__.update(self.__dict__, _steps=list(self._steps), _tables=list(self._tables))
        return twin

    def head(self) -> tuple[int, ...]:
        """For a call's table, from SCALE to WORDS_STRIDE: addresses of tables and maps, bytes of the maps' pixels."""
        return (*self._first, *self._ends)

    def program(self) -> np.ndarray:
        """The steps, int64 (steps, STEP); the tables that it names live as long as this object."""
        return np.array(self._steps, np.int64).reshape(-1, STEP)

    def bias(self, values: np.ndarray) -> Self:
        """Add values[n] to v."""
        return self._step(BIAS, self._table(values))

    def affine(self, scale: np.ndarray, bias: np.ndarray) -> Self:
        """Make v scale[n] · v + bias[n], rounded once."""
        return self._step(AFFINE, self._table(scale), self._table(bias))

    def clip(self, low: float, high: float) -> Self:
        """Clip v to [low, high]; ReLU is [0, ∞]."""
        limits = (np.full(self.filters, limit, np.float32) for limit in (low, high))
        return self._step(CLIP, *map(self._table, limits))

    def prelu(self, slope: np.ndarray) -> Self:
        """Multiply v by slope[n] unless v > 0."""
        return self._step(PRELU, self._table(slope))

    def factor(self, address: int) -> Self:
        """Multiply v by K[pixel]; address: of K, float32 (pixels,)."""
        return self._step(FACTOR, 0, 0, address, 4)

    def add(self, address: int) -> Self:
        """Add y to v; address: of y, float32 (pixels, N)."""
        return self._step(ADD, 0, 0, address, 4 * self.filters)

    def store(self, address: int) -> Self:
        """At the end write v; address: of float32 (pixels, N)."""
        self._ends = (address, *self._ends[1:])
        return self

    @property
    def gives_bits(self) -> bool:
        """Whether `bits` can be had: no byte may hold bits of two tiles, which two threads may write at once."""
        return self.groups == 1 and self.block % 8 == 0

    def bits(self, address: int, threshold=None, flip=None) -> Self:
        """At the end write (v >= threshold[n]) ^ flip[n]; address: of uint64 (pixels, n_words(N)), zeros at first.

        threshold: float32 (N,), ±inf allowed, or None for 0. flip: bool (N,) or None. A NaN is below every threshold.
        Needs `gives_bits`.
        """
        missing = -self.filters % self.block
        threshold = np.zeros(self.filters, np.float32) if threshold is None else threshold
        limits = np.concatenate([threshold, np.full(missing, np.inf, np.float32)])
        turned = np.zeros(self.filters, bool) if flip is None else flip
        turned = np.concatenate([turned, np.zeros(missing, bool)]).reshape(-1, self.block)
        # One mask per block. It takes 4 bytes per filter like the other tables, so that one offset fits all of them.
        masks = np.zeros((len(turned), self.block // 2), np.uint64)
        for mask, row in zip(masks, turned, strict=True):
            mask[0] = sum(1 << int(n) for n in np.flatnonzero(row))
        self._tables.append(masks)
        self._ends = (*self._ends[:2], self._table(limits), masks.ctypes.data, address, 8 * n_words(self.filters))
        return self

    def _table(self, values: np.ndarray) -> int:
        groups = self.groups if len(values) == self.filters else 1
        self._tables.append(per_filter(values, groups, self.block))
        return self._tables[-1].ctypes.data

    def _step(self, *step: int) -> Self:
        self._steps.append(step + (0,) * (STEP - len(step)))
        return self
