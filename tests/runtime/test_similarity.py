"""The similarity of layers: 1 for the same up to a rotation, about 0 for unrelated ones with many channels."""

import math

import numpy as np
import pytest

from xnorlab.runtime.similarity import linear_cka, most_alike, shared_patterns

RNG = np.random.default_rng(4)
LAYER = RNG.standard_normal((7, 7, 30))


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate from matrices of positions by positions, as Song et al. write it."""

    def hsic(k: np.ndarray, other: np.ndarray) -> float:
        n = len(k)
        one = np.ones(n)
        both = (one @ k @ one) * (one @ other @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ other) + both - 2 / (n - 2) * one @ k @ other @ one) / (n * (n - 3))

    def kernel(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(-1, values.shape[-1])
        gram = flat @ flat.T
        np.fill_diagonal(gram, 0)
        return gram

    a, b = kernel(x), kernel(y)
    return hsic(a, b) / math.sqrt(hsic(a, a) * hsic(b, b))


def test_it_is_the_unbiased_estimate_of_the_literature():
    other = LAYER[..., :12] + RNG.standard_normal((7, 7, 12))
    assert linear_cka(LAYER, other) == pytest.approx(by_definition(LAYER, other), rel=1e-9)


def test_order_sign_size_rotation_and_offset_of_channels_do_not_matter():
    turn = np.linalg.qr(RNG.standard_normal((30, 30)))[0]
    assert linear_cka(LAYER, 3 * LAYER @ turn + 5) == pytest.approx(1)
    assert linear_cka(LAYER, -LAYER[..., ::-1]) == pytest.approx(1)


def test_unrelated_layers_with_more_channels_than_positions_score_about_nothing():
    scores = [
        linear_cka(RNG.standard_normal((4, 4, 256)), np.sign(RNG.standard_normal((4, 4, 256)))) for _ in range(200)
    ]
    assert abs(np.mean(scores)) < 0.02  # the biased estimate gives about 0.9


def test_what_has_no_pattern_has_no_score():
    assert math.isnan(linear_cka(LAYER, np.full((7, 7, 3), 0.1, np.float32)))
    assert math.isnan(linear_cka(LAYER[:1, :3], LAYER[:1, :3]))


@pytest.mark.parametrize("channels", [6, 200])
def test_the_shared_patterns_have_the_largest_covariance(channels):
    x = LAYER[..., :channels] + 3 * LAYER[..., :1]
    y = RNG.standard_normal((7, 7, channels)) + LAYER[..., :1]
    own, other = (pattern.ravel() for pattern in shared_patterns(x, y))
    a, b = (values.reshape(49, -1) - values.reshape(49, -1).mean(axis=0) for values in (x, y))
    u, _, v = np.linalg.svd(a.T @ b)
    assert abs(np.corrcoef(own, a @ u[:, 0])[0, 1]) > 0.999
    assert abs(np.corrcoef(other, b @ v[0])[0, 1]) > 0.999
    assert own @ other > 0


def test_a_layer_shares_its_first_principal_component_with_itself():
    pattern = RNG.standard_normal((7, 7))
    layer = pattern[..., None] * RNG.uniform(0.5, 1, 20) + 0.05 * RNG.standard_normal((7, 7, 20))
    own, other = shared_patterns(layer, layer)
    np.testing.assert_allclose(own, other)
    assert abs(np.corrcoef(own.ravel(), pattern.ravel())[0, 1]) > 0.99


def test_a_constant_layer_shares_no_pattern():
    own, other = shared_patterns(LAYER, np.full((7, 7, 2), 0.1, np.float32))
    assert not own.any()
    assert not other.any()


def test_the_most_alike_channel_is_the_one_that_correlates_best():
    index, correlation = most_alike(2 * LAYER[..., 11] + 1, LAYER)
    assert index == 11
    assert correlation == pytest.approx(1)
    index, correlation = most_alike(-LAYER[..., 11], LAYER)
    assert index != 11
    assert correlation < 1
    assert math.isnan(most_alike(np.zeros((7, 7)), LAYER)[1])


def test_other_positions_are_refused():
    with pytest.raises(ValueError, match=r"x has positions \(7, 7\) and y \(4, 4\)"):
        linear_cka(LAYER, LAYER[:4, :4])
    with pytest.raises(ValueError, match=r"values has positions \(4, 4\) and maps \(7, 7\)"):
        most_alike(LAYER[:4, :4, 0], LAYER)
