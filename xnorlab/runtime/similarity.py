"""How alike two layers of different networks are, whose channels do not correspond."""

import math

import numpy as np

LEAST_POSITIONS = 4
"""Fewest positions from which the unbiased estimate can be made."""

_STEPS = 60
"""Power iterations: what is drawn does not change any more."""


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
    _check_positions("x", x, "y", y)
    a, b = (_centred(values) for values in (x, y))
    if len(a) < LEAST_POSITIONS:
        return math.nan
    own = _hsic(a, a) * _hsic(b, b)
    return _hsic(a, b) / math.sqrt(own) if own > 0 and min(np.abs(a).max(), np.abs(b).max()) > 0 else math.nan


def shared_patterns(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pattern over the positions of a map on which two layers agree most, as each of them has it.

    They are the combinations of channels x·u and y·v, ‖u‖ = ‖v‖ = 1, with the largest covariance. Of a layer with
    itself they are the first principal component.

    Args:
        x: (H, W, C), values of one layer.
        y: (H, W, D), values of the other layer.

    Returns:
        Two float64 (H, W) with mean 0 that go up and down together; their common sign is arbitrary. 0 for a layer that
        is constant, or has nothing in common with the other.

    Raises:
        ValueError: the layers have different positions.
    """
    _check_positions("x", x, "y", y)
    a, b = _centred(x), _centred(y)
    pattern = a[:, (a * a).sum(axis=0).argmax()]  # a channel of x: hardly orthogonal to what is looked for
    other = np.zeros(len(b))
    for _ in range(_STEPS):
        other = _along(b, pattern)
        pattern = _along(a, other)
    return pattern.reshape(x.shape[:-1]), other.reshape(y.shape[:-1])


def _along(values: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """The combination of channels, with weights of norm 1, that has the largest covariance with a pattern."""
    weights = pattern @ values
    norm = np.linalg.norm(weights)
    return values @ (weights / norm) if norm > 0 else np.zeros(len(values))


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
    _check_positions("values", values[..., None], "maps", maps)
    one, many = _centred(values[..., None])[:, 0], _centred(maps)
    norms = np.linalg.norm(one) * np.linalg.norm(many, axis=0)
    correlations = np.divide(one @ many, norms, out=np.full(norms.shape, -np.inf), where=norms > 0)
    best = int(correlations.argmax())
    return best, float(correlations[best]) if np.isfinite(correlations[best]) else math.nan


def _check_positions(name: str, values: np.ndarray, other_name: str, others: np.ndarray) -> None:
    one, other = values.shape[:-1], others.shape[:-1]
    if one != other:
        raise ValueError(f"{name} has positions {one} and {other_name} {other}; the rule is the same positions")


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
