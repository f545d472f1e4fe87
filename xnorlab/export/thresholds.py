"""Thresholds: a sign behind any monotone function of a channel's value is a comparison with one number."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

REACH = np.float32(2.0**60)
"""Bound of all values: a sign that does not change within ±2^60 is taken for constant."""


def find(is_plus: Callable[[Tensor], Tensor], channels: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Find threshold and flip with is_plus(x) = ((x >= threshold) != flip) for every float32 x.

    They come from bisection over all float32 numbers in their order, with torch itself computing: the threshold is
    the first number on the far side, so that not one rounding of the function has to be known here.

    Args:
        is_plus: takes one value per channel, float32 (1, C) or (1, C, 1, 1), and returns truth values of that shape;
            in each channel it changes at most once along x, up or down.
        channels: C.
        dimensions: of what `is_plus` takes, 2 or 4.

    Returns:
        threshold, float32 (C,), and flip, bool (C,). Where the sign never changes the threshold is −∞ (always +1) or
        +∞ (always −1).
    """
    shape = (1, channels, *[1] * (dimensions - 2))

    def plus(keys: np.ndarray) -> np.ndarray:
        return is_plus(torch.from_numpy(_value(keys)).view(shape)).reshape(channels).numpy()

    reach = int(REACH.view(np.int32))
    low, high = np.full(channels, -reach, np.int64), np.full(channels, reach, np.int64)
    start, end = plus(low), plus(high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        same = plus(middle) == start
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    threshold = _value(high)
    constant = start == end
    threshold[constant] = np.where(start[constant], -np.inf, np.inf)
    return threshold, start & ~constant


def ends(function: Callable[[Tensor], Tensor], channels: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """The values of `function`, which takes what `find` says, at −2^60 and at 2^60: (C,) each."""
    reach = int(REACH.view(np.int32))
    low, high = (at(function, _value(np.full(channels, key)), dimensions) for key in (-reach, reach))
    return low, high


def at(function: Callable[[Tensor], Tensor], values: np.ndarray, dimensions: int) -> np.ndarray:
    """The float32 values of `function`, which takes what `find` says, at one number per channel, (C,)."""
    x = torch.from_numpy(values).view(1, -1, *[1] * (dimensions - 2))
    return function(x).reshape(-1).float().numpy()


def below(values: np.ndarray) -> np.ndarray:
    """For each number the next smaller one."""
    return np.nextafter(values, np.float32(-np.inf))


NEIGHBOURS = 2048
"""Float32 numbers on each side of a threshold on which `holds` looks; torch's functions err by a few."""


def holds(is_plus: Callable[[Tensor], Tensor], threshold: np.ndarray, flip: np.ndarray, dimensions: int) -> bool:
    """Whether is_plus(x) = ((x >= threshold) != flip) near the thresholds and on numbers of all sizes.

    Args:
        is_plus: takes values of C channels, float32 (P, C) or (P, C, 1, 1).
        threshold: as `find` returns it, (C,).
        flip: likewise.
        dimensions: of what `is_plus` takes.
    """
    reach = int(REACH.view(np.int32))
    sizes = _value(np.linspace(-reach, reach, 2 * NEIGHBOURS).astype(np.int64))
    finite = np.where(np.isfinite(threshold), threshold, np.float32(0))
    near = _value(_key(finite) + np.arange(-NEIGHBOURS, NEIGHBOURS)[:, None])
    points = np.concatenate([near, np.broadcast_to(sizes[:, None], (len(sizes), len(threshold)))])
    x = torch.from_numpy(points.reshape(*points.shape, *[1] * (dimensions - 2)))
    got = is_plus(x).reshape(points.shape).numpy()
    return bool((got == ((points >= threshold) != flip)).all())


def _key(values: np.ndarray) -> np.ndarray:
    """The key of each float32 number, see `_value`."""
    keys = np.abs(values).view(np.int32).astype(np.int64)
    return np.where(values < 0, -keys, keys)


def _value(keys: np.ndarray) -> np.ndarray:
    """The float32 numbers in their order, counted from key 0 = 0.0; −0.0, which equals it, has no key."""
    bits = np.abs(keys).astype(np.int32)
    return np.copysign(bits.view(np.float32), np.where(keys < 0, np.float32(-1), np.float32(1)))
