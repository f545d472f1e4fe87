"""How alike two layers of different networks are, whose channels do not correspond."""

import math

import numpy as np

LEAST_POSITIONS = 4
"""Fewest positions from which the unbiased estimate can be made."""


def linear_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment (Kornblith et al., 2019) of two layers over the positions of a map.

    It compares which positions each layer holds alike, whatever the order, the sign or a rotation of its channels: 1
    where both do so in the same way, about 0 where they have no more in common than chance. The usual estimate comes
    near 1 for unrelated layers with more channels than positions; this one is unbiased (Song et al., 2012, equation 5,
    as Nguyen et al., 2021, use it) and may lie a little below 0. It is computed from the channels and never holds a
    matrix of positions by positions.

    Args:
        x: (…, C), values of one layer; each entry of the leading axes is a position.
        y: (…, D), values of the other layer at the same positions.

    Returns:
        At most 1; NaN where a layer is constant over the positions, or there are fewer than LEAST_POSITIONS.

    Raises:
        ValueError: the layers have different positions.
    """
    if x.shape[:-1] != y.shape[:-1]:
        raise ValueError(f"x has positions {x.shape[:-1]} and y {y.shape[:-1]}; the rule is the same positions")
    a, b = (_centred(values) for values in (x, y))
    if len(a) < LEAST_POSITIONS:
        return math.nan
    own = _hsic(a, a) * _hsic(b, b)
    return _hsic(a, b) / math.sqrt(own) if own > 0 and min(np.abs(a).max(), np.abs(b).max()) > 0 else math.nan


def main_pattern(values: np.ndarray) -> np.ndarray:
    """The pattern over the positions of a map that most of its channels share: their first principal component.

    Args:
        values: (H, W, C).

    Returns:
        float64 (H, W) with mean 0, its sign such that it correlates with the mean of the channels rather than with its
        negative; 0 where every channel is constant.
    """
    centred = _centred(values)
    if centred.shape[0] <= centred.shape[1]:
        _, vectors = np.linalg.eigh(centred @ centred.T)
        pattern = vectors[:, -1]
    else:
        _, vectors = np.linalg.eigh(centred.T @ centred)
        pattern = centred @ vectors[:, -1]
    if not centred.any():
        pattern = np.zeros(len(centred))
    if pattern @ centred.sum(axis=1) < 0:
        pattern = -pattern
    return pattern.reshape(values.shape[:-1])


def most_alike(values: np.ndarray, maps: np.ndarray) -> tuple[int, float]:
    """The channel of a map that correlates best with a single-channel map, and its correlation.

    Args:
        values: (H, W).
        maps: (H, W, C).

    Returns:
        The channel's number, and Pearson's correlation over the positions, −1 to 1; channel 0 and NaN where `values`
        or all channels are constant.

    Raises:
        ValueError: the maps have different positions.
    """
    if values.shape != maps.shape[:-1]:
        raise ValueError(
            f"values has positions {values.shape} and maps {maps.shape[:-1]}; the rule is the same positions"
        )
    one, many = _centred(values[..., None])[:, 0], _centred(maps)
    norms = np.linalg.norm(one) * np.linalg.norm(many, axis=0)
    correlations = np.divide(one @ many, norms, out=np.full(norms.shape, -np.inf), where=norms > 0)
    best = int(correlations.argmax())
    return best, float(correlations[best]) if np.isfinite(correlations[best]) else math.nan


def _centred(values: np.ndarray) -> np.ndarray:
    """Values (…, C) as float64 (positions, C) whose channels have mean 0, which no measure here depends on."""
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    centred = flat - flat.mean(axis=0)
    # What is left of a constant channel is rounding; it must not be taken for a pattern.
    centred[:, np.abs(centred).max(axis=0) <= 1e-9 * np.abs(flat).max(axis=0)] = 0
    return centred


def _hsic(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased Hilbert-Schmidt independence criterion of linear kernels, from values (n, C) and (n, D).

    With K = a·aᵀ and L = b·bᵀ, their diagonals set to 0: (tr(KL) + 1ᵀK1·1ᵀL1/((n−1)(n−2)) − 2/(n−2)·1ᵀKL1)/(n(n−3)).
    """
    n = len(a)
    a_own, b_own = (a * a).sum(axis=1), (b * b).sum(axis=1)  # the diagonals
    trace = float(((a.T @ b) ** 2).sum() - a_own @ b_own)
    a_rows, b_rows = a @ a.sum(axis=0) - a_own, b @ b.sum(axis=0) - b_own  # the sums of the rows
    both = float(a_rows.sum() * b_rows.sum()) / ((n - 1) * (n - 2))
    return (trace + both - 2 / (n - 2) * float(a_rows @ b_rows)) / (n * (n - 3))
