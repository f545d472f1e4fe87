"""A run that no longer computes with numbers stops, and its last good checkpoint stays."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from xnorlab.training.classification import Classification
from xnorlab.training.divergence import DivergedError
from xnorlab.training.run import Result
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
Run = Callable[..., Result]


def test_a_rate_that_is_too_high_is_named(run_small: Run, small_recipe: Make, tmp_path: Path):
    with pytest.raises(DivergedError, match=r"in epoch 1, step \d, at learning rate 9\.\d+e\+29 .* lower peak_rate"):
        run_small(small_recipe(peak_rate=1e30, warmup=0.0), tmp_path)
    assert not (tmp_path / "last.ckpt").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run_and_the_checkpoint_stays(
    value: float, run_small: Run, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run_small(small_recipe(), tmp_path, stop_after=1)
    before, step = (tmp_path / "last.ckpt").read_bytes(), Classification.training_step
    monkeypatch.setattr(Classification, "training_step", lambda *given: step(*given) * value)
    with pytest.raises(DivergedError, match=r"the loss .* in epoch 2, step 1, .*; epoch 1 of 3 is safe in "):
        run_small(None, tmp_path, resume=True)
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_weights_that_the_last_step_spoiled_are_not_kept(
    run_small: Run, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run_small(small_recipe(), tmp_path, stop_after=1)
    before, step = (tmp_path / "last.ckpt").read_bytes(), Classification.optimizer_step

    def spoil(task: Classification, epoch: int, batch: int, *rest, **named) -> None:
        step(task, epoch, batch, *rest, **named)
        if batch == 5:  # the last of 72 / 12
            with torch.no_grad():
                task.model.get_submodule("classifier").get_parameter("bias")[0] = torch.nan

    monkeypatch.setattr(Classification, "optimizer_step", spoil)
    with pytest.raises(DivergedError, match=r"classifier\.bias is no longer a finite number, in epoch 2, step 6"):
        run_small(None, tmp_path, resume=True)
    assert (tmp_path / "last.ckpt").read_bytes() == before
