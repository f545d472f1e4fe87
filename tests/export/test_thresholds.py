"""The threshold of a sign is exact to the last float32, whatever monotone function stands before it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from xnorlab.binarize import ClippedSign, RSign
from xnorlab.export import thresholds

numbers = st.floats(-1e6, 1e6, width=32)


def bits(x, threshold, flip):
    return (x >= threshold) != flip


def neighbours(values):
    """Each value, and the float32 just below and just above it."""
    values = values[np.isfinite(values)].astype(np.float32)
    return np.concatenate([values, np.nextafter(values, np.float32(-np.inf)), np.nextafter(values, np.float32(np.inf))])


def check(function, channels, points):
    """The threshold found for `function` gives its sign on all points, in every channel."""
    threshold, flip = thresholds.find(lambda x: function(x) >= 0, channels, 4)
    assert threshold.dtype == np.float32
    assert flip.dtype == bool
    x = np.broadcast_to(
        np.concatenate([points, neighbours(threshold)])[:, None],
        (len(points) + 3 * channels, channels)
        if np.isfinite(threshold).all()
        else (len(points) + len(neighbours(threshold)), channels),
    )
    with torch.no_grad():
        want = function(torch.from_numpy(x.copy())[:, :, None, None])[:, :, 0, 0].numpy() >= 0
    np.testing.assert_array_equal(bits(x, threshold, flip), want)
    return threshold, flip


@settings(max_examples=100, deadline=None)
@given(
    gamma=arrays(np.float32, 6, elements=numbers),
    beta=arrays(np.float32, 6, elements=numbers),
    mean=arrays(np.float32, 6, elements=numbers),
    variance=arrays(np.float32, 6, elements=st.floats(0, 1e6, width=32)),
    points=arrays(np.float32, 20, elements=numbers),
)
def test_sign_behind_any_batch_norm(gamma, beta, mean, variance, points):
    norm = nn.BatchNorm2d(6).eval()
    for name, value in (("weight", gamma), ("bias", beta), ("running_mean", mean), ("running_var", variance)):
        getattr(norm, name).data = torch.from_numpy(value)
    check(norm, 6, points)


def test_constant_channels():
    norm = nn.BatchNorm2d(4).eval()
    norm.weight.data = torch.tensor([0.0, 0.0, 0.0, -0.0])
    norm.bias.data = torch.tensor([1.0, -1.0, 0.0, -1e-30])
    threshold, flip = check(norm, 4, np.float32([-1e9, -1, 0, 1, 1e9]))
    np.testing.assert_array_equal(threshold, [-np.inf, np.inf, -np.inf, np.inf])
    assert not flip.any()


def test_a_chain_of_steps():
    chain = nn.Sequential(nn.BatchNorm2d(3), nn.Hardtanh(), nn.PReLU(3), RSign(3)).eval()
    chain[0].weight.data = torch.tensor([1.5, -0.3, 2.0])
    chain[0].bias.data = torch.tensor([0.1, 0.2, -0.3])
    chain[2].weight.data = torch.tensor([0.25, 0.0, 0.5])
    chain[3].threshold.data = torch.tensor([-0.2, 0.1, 2.0])
    threshold, flip = check(chain, 3, np.linspace(-5, 5, 101, dtype=np.float32))
    np.testing.assert_array_equal(flip, [False, True, False])
    # Hardtanh ends at 1, so that a threshold of 2 is never reached.
    assert threshold[2] == np.inf


def test_plain_sign_is_trivial():
    threshold, flip = check(ClippedSign(), 2, np.float32([0.0, -0.0, 1e-45, -1e-45]))
    assert not threshold.any()
    assert not np.signbit(threshold).any()
    assert not flip.any()


@pytest.mark.parametrize("value", [1e-45, -1e-45, 2.0**-126, 1.0, -3.3e5, 2.0**60])
def test_every_float_can_be_a_threshold(value):
    threshold, _ = thresholds.find(lambda x: x >= value, 1, 2)
    assert threshold[0] == np.float32(value)


@pytest.mark.parametrize("bias", [-0.5, -0.3, 0.0, 0.25])
def test_thresholds_hold_near_and_far(bias):
    """Torch's sigmoid rounds; a threshold that `holds` agrees on every number near it, as vectors compute them."""

    def is_plus(x):
        return x * 3 + bias >= 0

    threshold, flip = thresholds.find(is_plus, 5, 4)
    assert thresholds.holds(is_plus, threshold, flip, 4)
    assert not thresholds.holds(is_plus, np.nextafter(threshold, np.float32(9)), flip, 4)
    assert not thresholds.holds(is_plus, threshold, ~flip, 4)


def test_a_function_that_turns_twice_has_no_threshold():
    def is_plus(x):
        return x.abs() >= 1

    assert not thresholds.holds(is_plus, *thresholds.find(is_plus, 2, 2), 2)
