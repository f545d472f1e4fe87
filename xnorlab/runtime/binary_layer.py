"""One binary layer on one picture: its signs, its integer sums and what becomes of them up to the next sign."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xnorlab.runtime.map_positions import Pixel, middle_of_window, nearest_window
from xnorlab.runtime.ops import AvgPool, BinaryConv, BinaryLinear, GlobalAvgPool, MaxPool, Op
from xnorlab.runtime.pixel_sum import PixelSum
from xnorlab.runtime.sign_rule import SignRule

BinaryOp = BinaryConv | BinaryLinear


@dataclass(frozen=True, eq=False)
class Stage:
    """An op behind a binary layer.

    Attributes:
        op: the op.
        value: what it gives, float32 (H, W, C).
        added: the other map that a sum adds, float32 (H, W, C); None for any other op.
    """

    op: Op
    value: np.ndarray
    added: np.ndarray | None = None

    def pixel_over(self, pixel: Pixel) -> Pixel:
        """The pixel of this stage whose window is nearest to `pixel` of its input; `pixel` itself without windows."""
        op = self.op
        if isinstance(op, GlobalAvgPool):
            return 0, 0
        if not isinstance(op, MaxPool | AvgPool):
            return pixel
        return nearest_window(pixel, reach=op.kernel, stride=op.stride, padding=op.padding, shape=self.value.shape)

    def pixel_under(self, pixel: Pixel, shape: tuple[int, ...]) -> Pixel:
        """The pixel of this stage's input, a map (H, W, …) of `shape`, in the middle of the window of `pixel`."""
        op = self.op
        if isinstance(op, GlobalAvgPool):
            return shape[0] // 2, shape[1] // 2
        if not isinstance(op, MaxPool | AvgPool):
            return pixel
        return middle_of_window(pixel, reach=op.kernel, stride=op.stride, padding=op.padding, shape=shape)


@dataclass(frozen=True, eq=False)
class BinaryLayer:
    """What a binary layer did with one picture. A matrix is a layer of 1 × 1 filters over a map of one pixel.

    Attributes:
        op: the layer.
        x: its input before the sign, float32 (H, W, C).
        rule: how the sign is taken.
        weights: signs of the filters, int8 (N, kh, kw, C // groups).
        input_scale: K, float32 (OH, OW); None without.
        value: the packed network's own output of the layer, float32 (OH, OW, N).
        stages: the ops that follow up to the next sign or the end, each of which keeps the channels.
        next_rule: how the sign of the last stage is taken; None where no sign follows.
    """

    op: BinaryOp
    x: np.ndarray
    rule: SignRule
    weights: np.ndarray
    input_scale: np.ndarray | None
    value: np.ndarray
    stages: tuple[Stage, ...]
    next_rule: SignRule | None

    @cached_property
    def signs(self) -> np.ndarray:
        """The bits that enter, int8 (H, W, C) of −1 and +1."""
        return self.rule.signs(self.x)

    @cached_property
    def sums(self) -> np.ndarray:
        """Agreements less disagreements of every pixel and filter, int32 (OH, OW, N), from the signs alone."""
        (rows, columns, _), (filters, kh, kw, per_group) = self.value.shape, self.weights.shape
        per_group_filters = filters // self._groups
        sums = np.zeros((rows, columns, filters), np.float32)  # exact: a packed layer has below 2^24 signs
        (down, right), (below, beside) = self.stride, self.dilation
        for y in range(kh):
            for z in range(kw):
                tap = self._padded[y * below :: down, z * beside :: right][:rows, :columns]
                for group in range(self._groups):
                    own = slice(group * per_group_filters, (group + 1) * per_group_filters)
                    weights = self.weights[own, y, z].astype(np.float32)
                    sums[..., own] += tap[..., group * per_group : (group + 1) * per_group] @ weights.T
        return sums.astype(np.int32)

    @cached_property
    def scaled(self) -> np.ndarray:
        """The sums times α and K, plus the bias, float32 (OH, OW, N); each step is rounded as the network rounds it."""
        factor = None if self.input_scale is None else self.input_scale[..., None]
        return _finished(self.sums, self.op.scale, factor, self.op.bias)

    @property
    def differing(self) -> int:
        """How many values of the packed network differ from what follows from the bits; 0 unless something is wrong."""
        return int((self.scaled != self.value).sum())

    @property
    def last(self) -> np.ndarray:
        """The value whose sign the next layer takes, float32 (H, W, N)."""
        return self.stages[-1].value if self.stages else self.value

    @cached_property
    def next_signs(self) -> np.ndarray | None:
        """The bits that leave for the next layer, int8 (H, W, N); None where no sign follows."""
        return None if self.next_rule is None else self.next_rule.signs(self.last)

    @property
    def stride(self) -> Pixel:
        """(vertical, horizontal); (1, 1) for a matrix."""
        return self.op.stride if isinstance(self.op, BinaryConv) else (1, 1)

    @property
    def padding(self) -> Pixel:
        """(vertical, horizontal); (0, 0) for a matrix."""
        return self.op.padding if isinstance(self.op, BinaryConv) else (0, 0)

    @property
    def dilation(self) -> Pixel:
        """(vertical, horizontal); (1, 1) for a matrix."""
        return self.op.dilation if isinstance(self.op, BinaryConv) else (1, 1)

    @property
    def pad_value(self) -> int:
        """What the border holds, −1, 0 or +1."""
        return self.op.pad_value if isinstance(self.op, BinaryConv) else 0

    @property
    def reach(self) -> Pixel:
        """Height and width of the patch that a filter covers."""
        (kh, kw), (below, beside) = self.weights.shape[1:3], self.dilation
        return below * (kh - 1) + 1, beside * (kw - 1) + 1

    @property
    def _groups(self) -> int:
        return self.x.shape[2] // self.weights.shape[3]

    @cached_property
    def _padded(self) -> np.ndarray:
        v, h = self.padding
        return np.pad(self.signs.astype(np.float32), ((v, v), (h, h), (0, 0)), constant_values=self.pad_value)

    def pixel_sum(self, filter: int, row: int, column: int) -> PixelSum:
        """The bits behind one sum.

        Args:
            filter: 0 to N − 1.
            row: of the output, 0 to OH − 1.
            column: of the output, 0 to OW − 1.

        Raises:
            ValueError: there is no such filter or pixel.
        """
        places = {"row": row, "column": column, "filter": filter}
        for (name, place), size in zip(places.items(), self.value.shape, strict=True):
            if not 0 <= place < size:
                raise ValueError(f"{name}={place} must be from 0 to {size - 1}")
        filters, kh, kw, per_group = self.weights.shape
        first = filter // (filters // self._groups) * per_group
        rows = row * self.stride[0] + self.dilation[0] * np.arange(kh)
        columns = column * self.stride[1] + self.dilation[1] * np.arange(kw)
        patch = self._padded[rows[:, None], columns, first : first + per_group].astype(np.int8)
        weights = self.weights[filter]
        scale, bias = (None if array is None else array[filter] for array in (self.op.scale, self.op.bias))
        factor = None if self.input_scale is None else self.input_scale[row, column]
        return PixelSum(
            filter=filter,
            pixel=(row, column),
            first_channel=first,
            patch=patch,
            weights=weights,
            rows=rows - self.padding[0],
            columns=columns - self.padding[1],
            scaled=float(_finished((patch * weights).sum(dtype=np.int32), scale, factor, bias)),
            own=float(self.value[row, column, filter]),
        )

    def pixel_over(self, pixel: Pixel) -> Pixel:
        """The pixel of the output whose patch is nearest to `pixel` of the input."""
        return nearest_window(pixel, reach=self.reach, stride=self.stride, padding=self.padding, shape=self.value.shape)

    def pixels_after(self, pixel: Pixel) -> list[Pixel]:
        """Where `pixel` of the output lies in each stage: behind a pool, in the window that is nearest to it."""
        pixels = []
        for stage in self.stages:
            pixel = stage.pixel_over(pixel)
            pixels.append(pixel)
        return pixels

    def pixel_before(self, stage: int, pixel: Pixel) -> Pixel:
        """The pixel of the output in the middle of what `pixel` of stage number `stage` comes from."""
        for index in range(stage, -1, -1):
            source = self.stages[index - 1].value if index else self.value
            pixel = self.stages[index].pixel_under(pixel, source.shape)
        return pixel


def _finished(sums: np.ndarray, scale, factor, bias) -> np.ndarray:
    """Sums times α and K, plus the bias, in float32 and in this order, each of them None where there is none."""
    value = np.asarray(sums, np.float32)
    for multiplier in (scale, factor):
        if multiplier is not None:
            value = value * multiplier
    return value if bias is None else value + bias
