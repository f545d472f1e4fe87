"""The packed matrix product is exact at every width."""

import naive
import numpy as np
import pytest

from xnorlab.kernels.packing import pack_filters
from xnorlab.kernels.xnor_linear import XnorLinear


def packed(weight: np.ndarray) -> np.ndarray:
    return pack_filters(weight[:, None, None, :])[:, 0, 0]


@pytest.mark.parametrize("batch", [1, 2, 9])
@pytest.mark.parametrize("features", [1, 63, 64, 65, 128, 256, 1000, 70_000])
def test_sums_equal_the_oracle(features: int, batch: int):
    rng = np.random.default_rng(features)
    x, weight = rng.standard_normal((batch, features), np.float32), rng.standard_normal((19, features))
    threshold, flip = rng.standard_normal(features, np.float32), rng.random(features) < 0.5
    layer = XnorLinear(packed(weight), features)
    expected = naive.signs(x, threshold, flip) @ naive.signs(weight).T
    for threads in (1, 2):
        np.testing.assert_array_equal(layer(x, threshold=threshold, flip=flip, threads=threads), expected)
    np.testing.assert_array_equal(layer.words, packed(weight))


def test_scale_and_bias_round_one_after_the_other():
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((3, 100), np.float32), rng.standard_normal((33, 100))
    scale, bias = rng.standard_normal((2, 33), np.float32)
    sums = (naive.signs(x) @ naive.signs(weight).T).astype(np.float32)
    np.testing.assert_array_equal(XnorLinear(packed(weight), 100, scale=scale, bias=bias)(x), sums * scale + bias)


def test_what_does_not_fit_is_refused():
    words = packed(np.ones((2, 70)))
    for bad, features in ((words[0], 70), (words, 129), (words.astype(np.int64), 70)):
        with pytest.raises(ValueError, match="words"):
            XnorLinear(bad, features)
    for x in (np.ones(70, np.float32), np.ones((2, 69), np.float32), np.ones((2, 70))):
        with pytest.raises(ValueError, match="x has"):
            XnorLinear(words, 70)(x)
