"""Live training: its curves depend on neither the calls nor other runs, and it learns."""

import dataclasses

import numpy as np
import pytest
import torch

from xnorlab.binarize import sign
from xnorlab.training import live_training
from xnorlab.training.digits import Digits
from xnorlab.training.live_training import LAYERS, RECORD_STEPS, LiveSettings, LiveTraining, live_network


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits(train_count=200, test_count=50)


def trained(digits: Digits, *cuts: int, **settings) -> LiveTraining:
    run = LiveTraining(LiveSettings(width=4, **settings), digits)
    for steps in cuts:
        run.advance(steps)
    return run


@pytest.mark.parametrize("scheme", live_training.SCHEMES)
def test_stopped_and_resumed_the_curve_is_that_of_an_unbroken_run(digits, scheme):
    whole = trained(digits, 40, scheme=scheme)
    cut = trained(digits, 7, scheme=scheme)
    cut.probabilities(5)  # what the page asks for in between
    torch.rand(3)
    other = trained(digits, 3, scheme="bnn", seed=5)  # another visitor's run
    for steps in (1, 0, 20, 12):
        cut.advance(steps)
        other.advance(1)
    assert cut.step == whole.step == 40
    assert cut.curves == whole.curves
    for layer in LAYERS:
        np.testing.assert_array_equal(cut.weights(layer), whole.weights(layer))


def test_another_seed_is_another_run(digits):
    assert trained(digits, 10).curves != trained(digits, 10, seed=1).curves


@pytest.mark.parametrize("scheme", ["float", "xnor"])
def test_it_learns(scheme):
    run = LiveTraining(LiveSettings(scheme=scheme, width=8), Digits(640, 100))
    run.advance(75)
    assert run.curves.train_loss[-1] < 0.8 * run.curves.train_loss[0]
    assert run.curves.test_top1[-1] > 0.35  # guessing is 0.1


def test_flips_count_signs_that_changed_since_the_last_record(digits):
    run = trained(digits, RECORD_STEPS)
    before = {layer: run.weights(layer) >= 0 for layer in LAYERS}
    run.advance(RECORD_STEPS)
    assert run.curves.step == [RECORD_STEPS, 2 * RECORD_STEPS]
    for layer in LAYERS:
        changed = ((run.weights(layer) >= 0) != before[layer]).mean()
        assert run.curves.flips[layer][1] == pytest.approx(changed)
    assert any(run.curves.flips[layer][1] > 0 for layer in LAYERS)


def test_the_rate_falls_to_zero_and_the_run_ends(digits, monkeypatch):
    monkeypatch.setattr(live_training, "STEPS", 20)
    run = trained(digits, 0)
    assert run.rate == 0.02
    run.advance(1000)
    assert run.step == 20
    assert run.rate == pytest.approx(0)


@pytest.mark.parametrize("scheme", live_training.SCHEMES)
def test_the_scale_is_the_schemes(digits, scheme):
    run = trained(digits, 1, scheme=scheme)
    expected = {"float": None, "binaryconnect": 1.0, "bnn": 1.0}.get(scheme, np.abs(run.weights("conv2")).mean())
    assert run.scale("conv2") == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("scheme", ["binaryconnect", "bnn"])
def test_latent_weights_stay_in_the_range_that_the_scheme_clips_to(digits, scheme):
    run = trained(digits, 20, scheme=scheme, rate=0.5)
    assert max(np.abs(run.weights(layer)).max() for layer in LAYERS) == 1


def test_a_narrow_range_stops_the_gradient_of_what_lies_beyond(digits):
    """With no input inside the range the second layer's norm learns nothing."""
    narrow = live_network(LiveSettings(scheme="xnor", clip_range=0.01, width=4))
    wide = live_network(LiveSettings(scheme="xnor", clip_range=100.0, width=4))
    shares = []
    for network in (narrow, wide):
        x = torch.linspace(-2, 2, 8).repeat(1, 4, 8, 1).requires_grad_()
        network.get_submodule("conv2.conv")(x).square().sum().backward()
        assert x.grad is not None
        shares.append((x.grad != 0).float().mean().item())
    assert shares[0] == 0
    assert shares[1] > 0.9


def test_probabilities_are_those_of_the_network_as_it_is(digits):
    run = trained(digits, 10)
    shares = run.probabilities(7)
    assert shares.shape == (7, 10)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
    assert not np.array_equal(shares, trained(digits, 20).probabilities(7))


def test_weights_handed_out_do_not_change_with_training(digits):
    run = trained(digits, 1)
    first = run.weights("conv1")
    kept = first.copy()
    run.advance(5)
    np.testing.assert_array_equal(first, kept)


def test_curves_copied_do_not_grow(digits):
    run = trained(digits, RECORD_STEPS)
    copy = run.curves.copy()
    run.advance(RECORD_STEPS)
    assert copy.step == [RECORD_STEPS]
    assert all(len(shares) == 1 for shares in copy.flips.values())


def test_settings_that_have_no_effect_do_not_tell_runs_apart():
    same = LiveSettings(scheme="bwn", estimator="bireal", clip_range=2.0).effective()
    assert same == LiveSettings(scheme="bwn")
    assert LiveSettings(estimator="identity", clip_range=2.0).effective() == LiveSettings(estimator="identity")
    kept = LiveSettings(estimator="bireal", clip_range=2.0)
    assert kept.effective() == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scheme", "ternary"),
        ("estimator", "stochastic"),
        ("clip_range", 0.0),
        ("rate", 2.0),
        ("rate", float("nan")),
        ("width", 0),
        ("seed", -1),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name}="):
        dataclasses.replace(LiveSettings(), **{name: value})


def test_pictures_for_less_than_one_step_are_refused():
    with pytest.raises(ValueError, match="train_count=100 must be at least"):
        LiveTraining(LiveSettings(), Digits(100, 10))


def test_the_input_of_the_binary_layers_is_binary_where_the_scheme_says_so():
    network = live_network(LiveSettings(scheme="xnor", width=4))
    binarizer = network.get_submodule("conv2.conv").get_submodule("input_binarizer")
    x = torch.randn(10)
    assert torch.equal(binarizer(x), sign(x))
    assert network.get_submodule("conv1.conv").input_binarizer is None
