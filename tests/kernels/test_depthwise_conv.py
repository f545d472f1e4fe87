"""Depthwise convolutions: right at every geometry, inside their buffers, by any number of threads, and packed."""

from dataclasses import replace

import naive
import numpy as np
import pytest

from xnorlab.kernels.depthwise_conv import DepthwiseConv2d
from xnorlab.runtime import Network, ops
from xnorlab.runtime.fusion import groups


@pytest.mark.parametrize("block", range(3))
def test_sums_equal_the_oracle(block: int):
    """With integers up to 8 every partial sum is exact, so any order of summing must give the oracle's numbers."""
    for seed in range(60 * block, 60 * block + 60):
        rng = np.random.default_rng(seed)
        drawn = naive.random_geometry(rng)
        geometry = replace(drawn, filters=drawn.channels, groups=drawn.channels)
        x, weight = (np.round(2 * t).astype(np.float32) for t in geometry.tensors(rng))
        scale, bias = rng.integers(-4, 5, (2, geometry.channels)).astype(np.float32)
        expected = naive.convolve(x, weight, **geometry.options)
        options = {name: value for name, value in geometry.options.items() if name != "groups"}
        plain, scaled = DepthwiseConv2d(weight, **options), DepthwiseConv2d(weight, scale=scale, bias=bias, **options)
        np.testing.assert_array_equal(plain.weight, weight)
        for threads in (1, 2):
            out = naive.Guarded(expected.shape, np.float32)
            for layer, wanted in ((plain, expected), (scaled, expected * scale + bias)):
                out.array[...] = np.nan
                layer(x, threads=threads, out=out.array)
                np.testing.assert_array_equal(out.array, wanted)
                assert out.intact


@pytest.mark.parametrize("weight", [np.zeros((4, 3, 3, 2), np.float32), np.zeros((4, 3, 3, 1)), np.zeros((4, 3, 3))])
def test_weights_that_do_not_fit_are_refused(weight):
    with pytest.raises(ValueError, match=r"weight has shape .* float32 \(C, kh, kw, 1\) is needed"):
        DepthwiseConv2d(weight)


def test_a_real_layer_with_one_filter_per_channel_runs_on_it_and_other_groups_do_not():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((24, 3, 3, 1), np.float32)
    scale, bias = rng.standard_normal((2, 24), np.float32)
    layer = ops.Conv(
        name="depthwise", inputs=("input",), weight=weight, scale=scale, bias=bias, padding=(1, 1), groups=24
    )
    relu = ops.ReLU(name="relu", inputs=("depthwise",))
    assert isinstance(layer.kernel, DepthwiseConv2d)
    assert [group.name for group in groups([layer, relu])] == ["depthwise", "relu"]
    pairs = ops.Conv(name="pairs", inputs=("input",), weight=weight, groups=12, padding=(1, 1))
    two_channels = ops.Conv(name="two", inputs=("input",), weight=weight[..., [0, 0]], groups=12)
    assert not isinstance(pairs.kernel, DepthwiseConv2d)  # two filters per channel
    assert not isinstance(two_channels.kernel, DepthwiseConv2d)

    network = Network.from_bytes(Network([layer, relu], input_shape=(9, 7, 24)).to_bytes())
    x = rng.standard_normal((2, 9, 7, 24), np.float32)
    sums = naive.convolve(x.astype(np.float64), weight.astype(np.float64), padding=(1, 1), groups=24) * scale + bias
    np.testing.assert_allclose(network.run(x), np.maximum(sums, 0), rtol=1e-5, atol=1e-5)
