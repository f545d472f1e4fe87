"""The sums that follow from recorded bits are those of the packed network, at every pixel and border."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xnorlab
from xnorlab.images import open_image
from xnorlab.kernels.packing import pack_filters
from xnorlab.runtime import Network, Recording, ops, record
from xnorlab.runtime.binary_layer import BinaryLayer
from xnorlab.runtime.recording import binary_ops

SAMPLES = Path(__file__).parents[2] / "app" / "samples"


def recorded(network: Network, seed: int = 0) -> Recording:
    x = np.random.default_rng(seed).standard_normal((1, *network.input_shape)).astype(np.float32)
    return record(network, x)


def corners(layer: BinaryLayer) -> list[tuple[int, int]]:
    """The corners of the output, its middle, and a pixel of each edge."""
    rows, columns, _ = layer.value.shape
    return [(r, c) for r in {0, rows // 2, rows - 1} for c in {0, columns // 2, columns - 1}]


def check(layer: BinaryLayer, filters: list[int]) -> None:
    """Every value of the layer follows from its bits; the patches at the borders count to the same sums."""
    assert layer.differing == 0
    height, width, _ = layer.x.shape
    for row, column in corners(layer):
        for filter in filters:
            pixel = layer.pixel_sum(filter, row, column)
            assert pixel.sum == layer.sums[row, column, filter]
            assert pixel.agrees
            assert pixel.own == layer.value[row, column, filter]
            assert pixel.agreements + pixel.disagreements + pixel.outside == pixel.weights.size
            for y, r in enumerate(pixel.rows):
                for x, c in enumerate(pixel.columns):
                    channels = slice(pixel.first_channel, pixel.first_channel + pixel.weights.shape[2])
                    inside = 0 <= r < height and 0 <= c < width
                    bits = layer.signs[r, c, channels] if inside else layer.pad_value
                    assert (pixel.patch[y, x] == bits).all()


@pytest.mark.parametrize("name", xnorlab.names())
def test_every_sum_of_a_shipped_network_follows_from_its_bits(name):
    network = xnorlab.load(name)
    assert network.preprocessing is not None
    recording = record(network, network.preprocessing([open_image(SAMPLES / "golf-ball.jpg")]))
    assert recording.agrees
    assert (len(binary_ops(network)) > 0) == any(s in name for s in ("bnn", "xnor", "bireal", "reactnet"))
    for layer in binary_ops(network):
        check(recording.layer(layer), [0, 17, recording.layer(layer).value.shape[2] - 1])


@st.composite
def convolutions(draw) -> Network:
    """A real convolution, then a binary one of any geometry, sign, scale, K, bias and border, then what may follow."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def real(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    def maybe(value: np.ndarray) -> np.ndarray | None:
        return value if draw(st.booleans()) else None

    groups = draw(st.sampled_from([1, 1, 2]))
    c, n = groups * draw(st.sampled_from([1, 5, 32])), groups * draw(st.sampled_from([1, 6]))
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (2, 3), (5, 5)]))
    threshold = real(c)
    threshold[:1] = draw(st.sampled_from([0.0, np.inf, -np.inf]))
    binary = ops.BinaryConv(
        name="binary",
        inputs=("stem",),
        words=pack_filters(real(n, *kernel, c // groups)),
        channels=c,
        scale=maybe(real(n)),
        bias=maybe(real(n)),
        threshold=maybe(threshold),
        flip=maybe(rng.random(c) < 0.5),
        stride=draw(st.sampled_from([(1, 1), (2, 2), (2, 1)])),
        padding=draw(st.sampled_from([(0, 0), (1, 1), (2, 1)])),
        dilation=draw(st.sampled_from([(1, 1), (1, 2)])),
        groups=groups,
        pad_value=draw(st.sampled_from([-1, 0, 1])),
        input_scale=draw(st.booleans()),
    )
    stem = ops.Conv(name="stem", inputs=("input",), weight=real(c, 1, 1, 3))
    return Network([stem, binary], input_shape=(9, 10, 3))


@settings(max_examples=40, deadline=None)
@given(convolutions(), st.integers(0, 9))
def test_every_sum_of_a_random_convolution_follows_from_its_bits(network, seed):
    layer = recorded(network, seed).layer("binary")
    check(layer, list(range(layer.value.shape[2])))


def test_a_matrix_is_a_layer_over_one_pixel():
    rng = np.random.default_rng(0)
    words = pack_filters(rng.standard_normal((7, 1, 1, 70)))[:, 0, 0]
    scale, bias, threshold = (rng.standard_normal(size).astype(np.float32) for size in (7, 7, 70))
    matrix = ops.BinaryLinear(
        name="matrix", inputs=("input",), words=words, features=70, scale=scale, bias=bias, threshold=threshold
    )
    layer = recorded(Network([matrix], input_shape=(70,))).layer("matrix")
    assert layer.value.shape == (1, 1, 7)
    check(layer, list(range(7)))


def test_a_wrong_value_is_counted_and_seen_at_its_pixel(network):
    recording = recorded(network)
    recording.values["first"][0, 3, 4, 5] += 1
    layer = recording.layer("first")
    assert layer.differing == 1
    assert not layer.pixel_sum(5, 3, 4).agrees
    assert layer.pixel_sum(5, 3, 5).agrees


def test_a_wrong_run_is_seen(network):
    recording = recorded(network)
    assert recording.agrees
    recording.fused[0, 0] += 1
    assert not recording.agrees


def test_the_stages_lead_from_a_layer_to_the_next_sign(network):
    recording = recorded(network)
    first, second = (recording.layer(name) for name in ("first", "second"))
    assert [stage.op.name for stage in first.stages] == ["sum", "norm", "pool"]
    np.testing.assert_array_equal(first.stages[0].added, recording.values["stem"][0])
    np.testing.assert_array_equal(first.last, second.x)
    np.testing.assert_array_equal(first.next_signs, second.signs)
    assert [stage.op.name for stage in second.stages] == ["relu", "mean"]
    assert second.next_signs is None
    assert second.input_scale is not None


def test_pixels_follow_pools_there_and_back(network):
    layer = recorded(network).layer("first")
    assert layer.pixels_after((7, 2)) == [(7, 2), (7, 2), (3, 1)]
    assert layer.pixel_before(1, (7, 2)) == (7, 2)
    row, column = layer.pixel_before(2, (3, 1))
    assert layer.pixels_after((row, column))[2] == (3, 1)
    last = recorded(network).layer("second")
    assert last.pixels_after((5, 5)) == [(5, 5), (0, 0)]
    assert last.pixel_before(1, (0, 0)) == (3, 3)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_the_patch_of_the_pixel_over_an_input_pixel_is_nearest_to_it(stride, padding):
    convolution = ops.BinaryConv(
        name="c",
        inputs=("input",),
        words=pack_filters(np.ones((1, 3, 3, 2))),
        channels=2,
        stride=(stride, stride),
        padding=(padding, padding),
    )
    layer = recorded(Network([convolution], input_shape=(8, 11, 2))).layer("c")
    middles = {
        (r, c): np.add(layer.pixel_sum(0, r, c).rows[1], 0)
        for r in range(layer.value.shape[0])
        for c in range(layer.value.shape[1])
    }
    for row in range(8):
        chosen, _ = layer.pixel_over((row, 4))
        distances = {r: abs(int(middle) - row) for (r, _), middle in middles.items()}
        assert distances[chosen] == min(distances.values())


def test_a_margin_has_the_sign_of_the_bit(network):
    layer = recorded(network).layer("first")
    margin = layer.rule.margin(layer.x)
    decided = margin != 0
    np.testing.assert_array_equal(np.sign(margin[decided]), layer.signs[decided])


def test_the_map_before_the_classifier_is_the_one_before_its_mean(network):
    recording = recorded(network)
    np.testing.assert_array_equal(recording.last_map_before("head"), recording.values["relu"][0])
    assert recording.input_of("head").shape == (1, 1, 6)


def test_bad_arguments_are_named(network):
    recording = recorded(network)
    with pytest.raises(ValueError, match="name='stem' is no layer with binary inputs; there are first, second"):
        recording.layer("stem")
    layer = recording.layer("first")
    for place, message in (((8, 0, 0), "filter=8 must be from 0 to 7"), ((0, -1, 0), "row=-1 must be from 0 to 11")):
        with pytest.raises(ValueError, match=message):
            layer.pixel_sum(*place)
    with pytest.raises(ValueError, match=r"x is shape \(2, 12, 12, 3\); the rule is one input"):
        record(network, np.zeros((2, 12, 12, 3), np.float32))
