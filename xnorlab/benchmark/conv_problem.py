"""The convolution that all contestants compute: its shape, its data, and the right answers."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from xnorlab.benchmark.quantization import HALF_RANGE, Grid, round_weight
from xnorlab.conventions import PAD_VALUES, output_size
from xnorlab.paper.cost_model import predicted_speedup

Answer = Literal["float", "int8", "signs", "scaled"]
"""The kinds of answer, all float32 (B, OH, OW, N).

- "float": x ∗ W with zero padding.
- "int8": x ∗ W with x rounded to eight bits and W to seven; see `quantization`.
- "signs": sign(x) ⊛ sign(W).
- "scaled": sign(x) ⊛ sign(W), times α of each filter.
"""

MAX_VALUES = 2**26
"""Most float32 values of an input, a weight or an output (256 MiB), so that a typing error does not fill the memory."""


@dataclass(frozen=True)
class ConvShape:
    """A square convolution.

    Attributes:
        channels: Input channels.
        size: Height and width of the input.
        filters: Filters; as many as channels if None.
        kernel: Height and width of the kernel.
        stride: Step between windows.
        padding: Padding on each side, 0 to kernel − 1; kernel // 2 ("same") if None.
        batch: Pictures.
        pad_value: −1, 0 or +1, with which the signs are padded; real convolutions are padded with zeros.
        groups: Each filter sees the channels of one of so many groups.

    Raises:
        ValueError: A field is outside of its range, or an array would have more than MAX_VALUES values.
    """

    channels: int
    size: int
    filters: int | None = None
    kernel: int = 3
    stride: int = 1
    padding: int | None = None
    batch: int = 1
    pad_value: int = 0
    groups: int = 1

    def __post_init__(self):
        if self.filters is None:
            object.__setattr__(self, "filters", self.channels)
        if self.padding is None:
            object.__setattr__(self, "padding", self.kernel // 2)
        for name, minimum in (
            ("channels", 1),
            ("size", 1),
            ("filters", 1),
            ("kernel", 1),
            ("stride", 1),
            ("batch", 1),
            ("groups", 1),
        ):
            value = getattr(self, name)
            if type(value) is not int or not minimum <= value <= MAX_VALUES:
                raise ValueError(f"{name}={value!r} must be an integer from {minimum} to {MAX_VALUES:,}")
        if type(self.padding) is not int or not 0 <= self.padding < self.kernel:
            raise ValueError(f"padding={self.padding!r} must be an integer from 0 to kernel−1={self.kernel - 1}")
        if self.pad_value not in PAD_VALUES:
            raise ValueError(f"pad_value={self.pad_value!r} must be −1, 0 or +1")
        for name, value in (("channels", self.channels), ("filters", self.n_filters)):
            if value % self.groups:
                raise ValueError(f"groups={self.groups} does not divide {name}={value}")
        for name, values in (
            ("input", self.batch * self.size**2 * self.channels),
            ("weight", self.n_filters * self.kernel**2 * self.group_channels),
            ("output", self.batch * self.output**2 * self.n_filters),
        ):
            if values > MAX_VALUES:
                raise ValueError(f"{self}: the {name} has {values:,} values, more than {MAX_VALUES:,}")

    @property
    def n_filters(self) -> int:
        """Number of filters, also if `filters` is None."""
        return self.channels if self.filters is None else self.filters

    @property
    def group_channels(self) -> int:
        """Channels that a filter sees."""
        return self.channels // self.groups

    @property
    def border(self) -> int:
        """Padding on each side, also if `padding` is None."""
        return self.kernel // 2 if self.padding is None else self.padding

    @property
    def output(self) -> int:
        """Height and width of the output."""
        return output_size(self.size, self.kernel, self.stride, self.border)

    @property
    def macs(self) -> int:
        """Multiply-adds of one call, for the whole batch and with the padding counted."""
        return self.batch * self.output**2 * self.n_filters * self.group_channels * self.kernel**2

    @property
    def predicted_speedup(self) -> float:
        """The speed-up that the paper's formula gives for these channels and this kernel."""
        return predicted_speedup(self.group_channels, self.kernel**2)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, the output size and the multiply-adds as values that JSON can hold; groups if several."""
        fields = asdict(self)
        if self.groups == 1:  # as in recorded benchmarks
            del fields["groups"]
        return {**fields, "output": self.output, "macs": self.macs}

    def __str__(self) -> str:
        changes = self.channels if self.n_filters == self.channels else f"{self.channels}→{self.n_filters}"
        stride = "" if self.stride == 1 else f"/{self.stride}"
        batch = "" if self.batch == 1 else f" ×{self.batch}"
        groups = "" if self.groups == 1 else f" in {self.groups} groups"
        return f"{self.kernel}×{self.kernel}{stride} {changes}@{self.size}{groups}{batch}"


class ConvProblem:
    """A convolution with data and the right answers.

    Args:
        shape: The convolution.
        x: Input, float32 (B, H, W, C); standard normal values if None.
        threads: Threads that contestants use, 1 to 256.
        seed: Seed of the random data.

    Attributes:
        x: Input, float32 (B, H, W, C).
        weight: float32 (N, C / groups, k, k), random with Kaiming's variance for the fan-in.
        scale: α = mean|W| of each filter, float32 (N,).

    Raises:
        ValueError: `threads` is outside of its range, or `x` has another shape or dtype.
    """

    def __init__(self, shape: ConvShape, *, x: np.ndarray | None = None, threads: int = 1, seed: int = 0):
        if type(threads) is not int or not 1 <= threads <= 256:
            raise ValueError(f"threads={threads!r} must be an integer from 1 to 256")
        expected = (shape.batch, shape.size, shape.size, shape.channels)
        if x is not None and (x.shape != expected or x.dtype != np.float32):
            raise ValueError(f"x of shape {x.shape}, {x.dtype} must be {expected} float32")
        rng = np.random.default_rng(seed)
        self.shape, self.threads = shape, threads
        self.x = np.ascontiguousarray(rng.standard_normal(expected, np.float32) if x is None else x)
        fan_in = shape.group_channels * shape.kernel**2
        weight = rng.standard_normal((shape.n_filters, shape.group_channels, shape.kernel, shape.kernel), np.float32)
        self.weight = weight * np.float32(np.sqrt(2 / fan_in))
        self.scale = np.abs(self.weight).mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)

        self._known: dict[Answer, np.ndarray] = {}

    def answer(self, kind: Answer) -> np.ndarray:
        """Return the right answer of a kind; "signs" and "scaled" are exact, the sums of the others are rounded."""
        if kind not in self._known:
            self._known[kind] = self._compute(kind)
        return self._known[kind]

    def _compute(self, kind: Answer) -> np.ndarray:
        if kind == "float":
            return self._convolve(self.x, self.weight, 0)
        if kind == "int8":
            rounded, step = round_weight(self.weight, largest=HALF_RANGE)
            return self._convolve(Grid.of(self.x).round(self.x), rounded * step, 0)
        if kind == "scaled":
            return self.answer("signs") * self.scale
        one = np.float32(1)
        signs, weights = (np.where(values >= 0, one, -one) for values in (self.x, self.weight))
        return self._convolve(signs, weights, self.shape.pad_value)

    def _convolve(self, x: np.ndarray, weight: np.ndarray, pad_value: int) -> np.ndarray:
        """One matrix product per kernel position and group; shares no code with anything that is timed."""
        shape = self.shape
        border = (shape.border, shape.border)
        padded = np.pad(x, ((0, 0), border, border, (0, 0)), constant_values=np.float32(pad_value))
        reach = (shape.output - 1) * shape.stride + 1
        out = np.zeros((shape.batch, shape.output, shape.output, shape.n_filters), np.float32)
        channels, filters = shape.group_channels, shape.n_filters // shape.groups
        for i in range(shape.kernel):
            for j in range(shape.kernel):
                window = padded[:, i : i + reach : shape.stride, j : j + reach : shape.stride]
                for group in range(shape.groups):
                    own = slice(group * filters, (group + 1) * filters)
                    seen = window[..., group * channels : (group + 1) * channels]
                    out[..., own] += seen @ weight[own, :, i, j].T
        return out
