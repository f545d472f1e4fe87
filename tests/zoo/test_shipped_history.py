"""Shipped training histories: what is read is what was written, and what is missing is named."""

from dataclasses import replace

import numpy as np
import pytest
from manifests import enter, use

from xnorlab import pretrained
from xnorlab.zoo.history import TrainingHistory, load_history

NAME = "test/resnet18-xnor"
RECORDS = [
    {"epoch": 1, "seconds": 2.0, "train_loss": 2.0, "train_top1": 0.25, "rate": 0.1, "flips": {"a": 0.25, "b": 0.5}},
    {
        "epoch": 2,
        "seconds": 2.0,
        "train_loss": 1.0,
        "train_top1": 0.5,
        "rate": 0.0,
        "flips": {"a": 0.125, "b": 0.0},
        "val_loss": 1.5,
        "val_top1": 0.375,
    },
    {"epoch": 3, "seconds": 2.0, "train_loss": 0.5, "train_top1": 0.75, "rate": 0.0, "flips": {"a": 0.0, "b": 0.0}},
]
HISTOGRAMS = [
    {"epoch": 0, "layers": {"a": {"limit": 2.0, "counts": [1, 2, 3, 2]}, "b": {"limit": 1.0, "counts": [1, 1]}}},
    {"epoch": 2, "layers": {"a": {"limit": 4.0, "counts": [4, 0, 0, 4]}, "b": {"limit": 1.0, "counts": [0, 2]}}},
]


@pytest.fixture
def history() -> TrainingHistory:
    return TrainingHistory(NAME, tuple(RECORDS), tuple(HISTOGRAMS))


def test_a_curve_holds_the_epochs_that_recorded_it(history):
    epochs, values = history.curve("train_loss")
    assert (list(epochs), list(values)) == ([1, 2, 3], [2.0, 1.0, 0.5])
    epochs, values = history.curve("val_top1")
    assert (list(epochs), list(values)) == ([2], [0.375])


def test_flips_go_by_layer_and_epoch(history):
    assert history.layers == ("a", "b")
    np.testing.assert_array_equal(history.flips("a"), [0.25, 0.125, 0.0])


@pytest.mark.parametrize(("epoch", "kept"), [(0, 0), (1, 0), (2, 2), (3, 2)])
def test_the_histogram_of_an_epoch_is_the_last_one_kept(history, epoch, kept):
    kept_histogram = history.histogram("a", epoch)
    assert kept_histogram.epoch == kept
    np.testing.assert_allclose(kept_histogram.edges, np.linspace(-1, 1, 5) * (2 if kept == 0 else 4))
    assert [h.epoch for h in history.kept("a")] == [0, 2]


def test_mean_abs_weighs_the_middles_of_the_bins(history):
    assert history.histogram("a", 0).mean_abs == pytest.approx((1.5 * 1 + 0.5 * 2 + 0.5 * 3 + 1.5 * 2) / 8)
    assert history.histogram("a", 2).mean_abs == 3.0


def test_every_shipped_network_has_a_history_that_ends_at_its_recipes_last_epoch():
    for name in pretrained.names():
        learned = load_history(name)
        assert learned.epochs[-1]["epoch"] == pretrained.entry(name).recipe.epochs
        latent = pretrained.weights(name)
        for layer in learned.layers:
            weight = latent[f"{layer}.weight"]
            last = learned.histogram(layer, len(learned.epochs))
            assert last.counts.sum() == weight.size
            width = last.edges[1] - last.edges[0]
            assert abs(last.mean_abs - np.abs(weight).mean()) < width / 2, "as near as bins can tell"


def test_a_network_without_a_history_is_named(shipped):
    with pytest.raises(pretrained.PretrainedError, match=f"{NAME} was shipped without a history file"):
        load_history(NAME)


def test_a_missing_or_altered_history_is_refused(shipped, tmp_path, monkeypatch):
    told = replace(pretrained.entry(NAME), history_file="h.json", history_sha256="0" * 64, history_bytes=2)
    enter(tmp_path, told)
    use(monkeypatch, tmp_path)
    with pytest.raises(pretrained.PretrainedError, match="missing"):
        load_history(NAME)
    (tmp_path / "h.json").write_text("{}")
    with pytest.raises(pretrained.PretrainedError, match="sha256"):
        load_history(NAME)
