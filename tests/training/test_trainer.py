"""How a run starts: what it says, and in which precision."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from xnorlab.benchmark.machine import cpu_name
from xnorlab.training import devices
from xnorlab.training.run import Result
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
Run = Callable[..., Result]


def test_a_run_goes_on_in_another_machines_precision(
    run_small: Run, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The recipe says auto; each start asks its own machine, says which precision that is, and records it."""
    said: list[str] = []
    for epoch, bf16 in ((1, True), (2, False)):
        monkeypatch.setattr(devices, "cpu_has_bf16", lambda bf16=bf16: bf16)
        recipe = small_recipe(precision="auto", epochs=2) if epoch == 1 else None
        result = run_small(recipe, tmp_path, resume=epoch > 1, stop_after=epoch, announce=said.append)
    assert said == [
        f"precision bf16-mixed (auto) on cpu: 1 thread of {cpu_name()}",
        f"precision 32-true (auto) on cpu: 1 thread of {cpu_name()}",
    ]
    assert [record["precision"] for record in result.epochs] == ["bf16-mixed", "32-true"]
    assert result.recipe == small_recipe(precision="auto", epochs=2)
    assert result.recipe.same_but_seed(small_recipe(precision="auto", epochs=2, seed=1))


def test_a_precision_of_this_start_leaves_the_recipe(run_small: Run, small_recipe: Make, tmp_path: Path):
    run_small(small_recipe(precision="bf16-mixed", epochs=2), tmp_path, stop_after=1)
    said: list[str] = []
    result = run_small(None, tmp_path, resume=True, precision="32-true", announce=said.append)
    assert [record["precision"] for record in result.epochs] == ["bf16-mixed", "32-true"]
    assert said[0].startswith("precision 32-true on cpu")
    assert torch.load(result.checkpoint, weights_only=True)["recipe"]["precision"] == "bf16-mixed"
    with pytest.raises(ValueError, match=r"precision='32-ture' is not one of .*; did you mean '32-true'"):
        run_small(None, tmp_path, resume=True, precision="32-ture")
