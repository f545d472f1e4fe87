"""Steps: signs and comparisons as a model's own code writes them, and what follows them value by value.

Behind such a step, which need not be one function (torch.where(x > 0, 1., -1.), (x >= 0).float() * 2 − 1), a value is
one of two levels, or of three where torch.sign gives 0. Which, and where they change, torch itself says: see
`thresholds`. Two levels are a sign, and three the mean of two signs, so that packed convolutions can take both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node

from xnorlab.export import thresholds
from xnorlab.runtime import ops

if TYPE_CHECKING:
    from xnorlab.export.builder import Builder


@dataclass(frozen=True, eq=False)
class Levels:
    """A value low + (high − low)·(s + 1)/2, where s is a sign, or the mean of two signs.

    Attributes:
        source: the name of the value whose signs are taken.
        low: the lowest level.
        high: the highest level.
        signs: threshold and flip of each sign, as the fields of ops where they are not trivial.
    """

    source: str
    low: float
    high: float
    signs: tuple[dict[str, np.ndarray], ...]

    @property
    def factor(self) -> float:
        """The value is factor·s + offset."""
        return (self.high - self.low) / 2

    @property
    def offset(self) -> float:
        """The value is factor·s + offset."""
        return (self.high + self.low) / 2

    @property
    def pad_value(self) -> int | None:
        """The sign that stands for a border of zeros; None where there is none."""
        sign = -self.offset / self.factor
        return int(sign) if sign in (-1.0, 0.0, 1.0) else None

    def pack(self, builder: "Builder", node: Node) -> str:
        """Pack the value of `node` as real numbers; returns its name."""
        channels = builder.traced.channels(node)
        if len(self.signs) == 1 and (self.low, self.high) == (-1.0, 1.0):
            own: dict[str, Any] = dict(self.signs[0])
            return builder.add(ops.Sign, node, self.source, **own)
        fields: list[dict[str, Any]] = [dict(sign) for sign in self.signs]
        names = [builder.add(ops.Sign, node, self.source, suffix="sign", **sign) for sign in fields]
        total = names[0] if len(names) == 1 else builder.add(ops.Add, node, *names, suffix="signs")
        scale = np.full(channels, self.factor / len(names), np.float32)
        return builder.add(ops.Affine, node, total, scale=scale, bias=np.full(channels, self.offset, np.float32))


def chain(builder: "Builder", node: Node) -> tuple[list[Node], Node]:
    """The pending monotone steps that end in `node`, in order, which a threshold can replace; and their input.

    They go back to the first sign or comparison among them, and beyond, as long as nobody else reads the value.
    """
    steps: list[Node] = []
    start = node
    while start in builder.pending and builder.pending[start].monotone:
        steps.append(start)
        start = builder.pending[start].source
    taken = max((i + 1 for i, step in enumerate(steps) if builder.pending[step].takes_steps), default=0)
    while taken < len(steps) and not builder.has_name(steps[taken]) and len(steps[taken].users) == 1:
        taken += 1
    return steps[:taken][::-1], steps[taken] if taken < len(steps) else start


def find(builder: "Builder", node: Node) -> Levels | None:
    """The levels of `node`, where a sign or a comparison is among the pending steps behind it; else None."""
    steps, start = chain(builder, node)
    if not any(builder.pending[step].takes_steps for step in steps):
        return None
    while True:
        found = _levels(builder, steps, start)
        rounding = [i for i, step in enumerate(steps) if builder.pending[step].rounds]
        if found is not None or not rounding:
            return found
        start, steps = steps[rounding[-1]], steps[rounding[-1] + 1 :]
        if not any(builder.pending[step].takes_steps for step in steps):
            return None


def _levels(builder: "Builder", steps: list[Node], start: Node) -> Levels | None:
    def value(x: Tensor) -> Tensor:
        for step in steps:
            x = builder.pending[step].compute(x)
        return x

    channels, dimensions = builder.traced.channels(start), builder.traced.values[start].dim()
    with torch.no_grad():
        both = np.concatenate(thresholds.ends(value, channels, dimensions))
        low, high = float(both.min()), float(both.max())
        if low == high:  # a sign that never changes
            low, high = (-abs(low), abs(low)) if low else (0.0, 1.0)
        if not set(both.tolist()) <= {low, high}:
            return None
        changes: list[Callable[[Tensor], Tensor]] = [lambda x: value(x) > low, lambda x: value(x) >= high]
        first, second = (thresholds.find(change, channels, dimensions) for change in changes)
        if any(builder.pending[step].rounds for step in steps):
            found = zip(changes, (first, second), strict=True)
            if not all(thresholds.holds(change, *each, dimensions) for change, each in found):
                return None
        two = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
        if not two and not _has_three(value, first[0], second[0], low, high, dimensions):
            return None
    signs = tuple(builder.sign_fields(*each, start) for each in ((first,) if two else (first, second)))
    return Levels(builder.name_of(start), low, high, signs)


def _has_three(value: Any, first: np.ndarray, second: np.ndarray, low: float, high: float, dimensions: int) -> bool:
    """Whether all values between two thresholds, between which a monotone function changes, are (low + high)/2."""
    levels = {low, (low + high) / 2, high}
    for limits in (first, second):
        finite = np.where(np.isfinite(limits), limits, np.float32(0))
        for points in (finite, thresholds.below(finite)):
            if not set(thresholds.at(value, points, dimensions).tolist()) <= levels:
                return False
    return True
