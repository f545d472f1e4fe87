from types import SimpleNamespace

import torch
from torch import nn

from xnorlab.binarize import AbsMeanTernary
from xnorlab.nn import BinaryConv2d
from xnorlab.training.classification import binary_layers
from xnorlab.training.epoch_recorder import HISTOGRAM_BINS, EpochRecorder, kept_epochs, stored_history
from xnorlab.training.evaluate import load_checkpoint
from xnorlab.training.run import Result


def test_flips_are_shares_of_every_binary_layer(finished_run: Result):
    model = load_checkpoint(finished_run.checkpoint)[0]
    names = [name for name, _ in binary_layers(model)]
    assert len(names) == 16
    for record in finished_run.epochs:
        assert list(record["flips"]) == names
        assert all(0 <= share < 0.5 for share in record["flips"].values())
    assert all(share > 0 for share in finished_run.epochs[0]["flips"].values())


def test_flips_count_signs_that_changed(finished_run: Result, run_small, small_recipe, tmp_path):
    first = run_small(small_recipe(), tmp_path, stop_after=1)
    before = torch.load(first.checkpoint, weights_only=True)["state_dict"]
    second = run_small(None, tmp_path, stop_after=2, resume=True)
    after = torch.load(second.checkpoint, weights_only=True)["state_dict"]
    for name, share in second.epochs[1]["flips"].items():
        key = f"model.{name}.weight"
        changed = ((before[key] >= 0) != (after[key] >= 0)).float().mean().item()
        assert share == changed


def test_a_flip_of_a_ternary_weight_is_a_change_of_its_value():
    layer = BinaryConv2d(1, 1, 2, weight_binarizer=AbsMeanTernary())
    values, nothing = torch.tensor([1.0, -1.0, 0.1, -0.1]), SimpleNamespace(compute=lambda: torch.zeros(()))
    layer.weight.data = values.view(1, 1, 2, 2)
    module = SimpleNamespace(
        model=nn.Sequential(layer),
        log=lambda *given, **how: None,
        hardware=lambda: "",
        train_loss=nothing,
        train_top1=nothing,
        recipe=SimpleNamespace(epochs=100),
    )
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.1}])
    trainer = SimpleNamespace(current_epoch=0, precision="32-true", optimizers=[optimizer], is_global_zero=True)
    recorder = EpochRecorder()
    recorder.on_train_epoch_start(trainer, module)
    # A new sign of what stays 0 is no flip, and +1 that becomes 0 is one.
    layer.weight.data = torch.tensor([0.1, -1.0, -0.1, -0.1]).view(1, 1, 2, 2)
    recorder.on_train_epoch_end(trainer, module)
    assert recorder.epochs[0]["flips"] == {"0": 0.25}


def test_histograms_begin_before_training_and_count_every_weight(finished_run: Result):
    model, _, _, checkpoint = load_checkpoint(finished_run.checkpoint)
    histograms = stored_history(checkpoint)["histograms"]
    assert [record["epoch"] for record in histograms] == [0, 1, 2, 3]
    for record in histograms:
        for name, layer in binary_layers(model):
            found = record["layers"][name]
            assert len(found["counts"]) == HISTOGRAM_BINS
            assert sum(found["counts"]) == layer.weight.numel()
            assert found["limit"] > 0


def test_long_runs_keep_a_dozen_histograms():
    assert kept_epochs(60) == {5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60}
    assert kept_epochs(7) == {1, 2, 3, 4, 5, 6, 7}
    assert max(kept_epochs(100)) == 100
    assert len(kept_epochs(100)) == 12
