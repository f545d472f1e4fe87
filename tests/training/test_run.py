"""Runs: what they leave, that they learn, resume exactly, and name bad arguments."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from xnorlab.images.class_folders import DataError
from xnorlab.training.cache import UnreadableError
from xnorlab.training.run import Result, train
from xnorlab.zoo.recipe import Recipe, recipe_for

Make = Callable[..., Recipe]
Run = Callable[..., Result]


def without_times(epochs: list[dict]) -> list[dict]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in epochs]


def test_a_run_leaves_recipe_checkpoint_history_and_logs(finished_run: Result):
    folder = finished_run.folder
    assert Recipe.from_dict(json.loads((folder / "recipe.json").read_text())) == finished_run.recipe
    history = json.loads((folder / "history.json").read_text())
    assert history["epochs"] == finished_run.epochs
    header, *rows = next((folder / "csv").rglob("metrics.csv")).read_text().splitlines()
    assert {"train_loss", "val_top1", "rate"} <= set(header.split(","))
    assert any(name.startswith("flips/") for name in header.split(","))
    assert len(rows) >= 3
    assert list((folder / "tensorboard").rglob("events.out.tfevents.*"))


def test_it_learns_and_every_epoch_is_recorded(finished_run: Result):
    assert [record["epoch"] for record in finished_run.epochs] == [1, 2, 3]
    assert finished_run.epochs[-1]["train_loss"] < 0.8 * finished_run.epochs[0]["train_loss"]
    assert finished_run.epochs[-1]["val_top1"] > 0.8
    assert finished_run.epochs[-1]["rate"] == 0


def test_a_checkpoint_holds_nothing_that_needs_unpickling(finished_run: Result):
    checkpoint = torch.load(finished_run.checkpoint, weights_only=True)
    assert checkpoint["recipe"] == finished_run.recipe.to_dict()
    assert checkpoint["labels"] == ["ant", "bee", "cat"]
    assert checkpoint["hardware"].startswith("1 thread of ")


def test_a_resumed_run_has_the_losses_of_an_unbroken_one(
    finished_run: Result, run_small: Run, small_recipe: Make, tmp_path: Path
):
    for epoch in (1, 2):
        part = run_small(small_recipe() if epoch == 1 else None, tmp_path, stop_after=epoch, resume=epoch > 1)
        assert len(part.epochs) == epoch
    resumed = run_small(None, tmp_path, resume=True)
    assert without_times(resumed.epochs) == without_times(finished_run.epochs)
    states = [torch.load(run.checkpoint, weights_only=True)["state_dict"] for run in (finished_run, resumed)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_stochastic_signs_and_bfloat16_resume_exactly_too(run_small: Run, small_recipe: Make, tmp_path: Path):
    recipe = small_recipe(
        scheme="binaryconnect-stochastic", model="nin", model_options={}, precision="bf16-mixed", epochs=2
    )
    unbroken = run_small(recipe, tmp_path / "unbroken")
    run_small(recipe, tmp_path / "broken", stop_after=1)
    resumed = run_small(recipe, tmp_path / "broken", resume=True)
    assert without_times(resumed.epochs) == without_times(unbroken.epochs)


def test_a_run_without_a_cache_learns_the_same(
    finished_run: Result, run_small: Run, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path / "cache"))
    fresh = run_small(small_recipe(), tmp_path / "run", cache_folder=None, cache=False, workers=1)
    assert without_times(fresh.epochs) == without_times(finished_run.epochs)
    assert not (tmp_path / "cache").exists()


def test_a_run_leaves_out_what_cannot_be_read_and_learns_what_it_learns_without(
    small_recipe: Make, image_folder: Path, cache_folder: Path, tmp_path: Path
):
    recipe, root = small_recipe(epochs=2, batch_size=10), shutil.copytree(image_folder, tmp_path / "insects")
    bad = [root / "train/ant/02.png", root / "train/ant/10.png", root / "train/cat/23.png", root / "val/bee/01.png"]
    for picture in bad:
        picture.write_text("no picture")
    options = {"accelerator": "cpu", "devices": 1, "cache_folder": cache_folder, "progress": False}
    with pytest.raises(UnreadableError, match="4 of 96 pictures cannot be read"):
        train(root, recipe, tmp_path / "refused", **options)
    left_out = train(root, recipe, tmp_path / "left out", skip_unreadable=True, **options)
    train(root, recipe, tmp_path / "resumed", skip_unreadable=True, stop_after=1, **options)
    with pytest.raises(DataError, match="leave them out now, too"):
        train(root, None, tmp_path / "resumed", resume=True, **options)
    resumed = train(root, None, tmp_path / "resumed", resume=True, skip_unreadable=True, **options)
    assert without_times(resumed.epochs) == without_times(left_out.epochs)
    for picture in bad:
        picture.unlink()
    gone = train(root, recipe, tmp_path / "gone", **options)
    assert without_times(left_out.epochs) == without_times(gone.epochs)
    assert (tmp_path / "left out/recipe.json").read_text() == (tmp_path / "gone/recipe.json").read_text()


def test_evaluation_can_be_rarer_than_epochs(run_small: Run, small_recipe: Make, tmp_path: Path):
    seen: list[dict] = []
    run_small(small_recipe(epochs=2), tmp_path, evaluate_every=2, report=seen.append)
    assert ["val_top1" in record for record in seen] == [False, True]


def test_arguments_that_do_not_fit_are_refused(
    finished_run: Result, run_small: Run, small_recipe: Make, tmp_path: Path
):
    with pytest.raises(ValueError, match=r"already holds last\.ckpt: pass resume"):
        run_small(small_recipe(), finished_run.folder)
    with pytest.raises(ValueError, match=r"resume=True needs .*which does not exist"):
        run_small(None, tmp_path / "nothing", resume=True)
    with pytest.raises(ValueError, match="epochs=9 differs from the checkpoint's 3"):
        run_small(small_recipe(epochs=9), finished_run.folder, resume=True)
    with pytest.raises(ValueError, match="recipe=None is only allowed with resume=True"):
        run_small(None, tmp_path)
    with pytest.raises(ValueError, match="stop_after=4 must be from 1 to epochs=3"):
        run_small(small_recipe(), tmp_path, stop_after=4)
    with pytest.raises(ValueError, match="stop_after=2 must be from 3 to epochs=3, of which 3 are trained"):
        run_small(None, finished_run.folder, resume=True, stop_after=2)
    with pytest.raises(ValueError, match="evaluate_every=0 must be from 1 to epochs=3"):
        run_small(small_recipe(), tmp_path, evaluate_every=0)
    with pytest.raises(ValueError, match="holds 'insects', the recipe is for 'imagenette'"):
        run_small(small_recipe(dataset="imagenette"), tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        train(tmp_path / "nowhere", small_recipe(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accelerator": "tpu"}, "accelerator='tpu', .* must be what this machine has"),
        ({"devices": "foo"}, "devices='foo' must be a whole number"),
        ({"devices": -1}, "devices=-1 must be a whole number"),
    ],
)
def test_devices_that_are_not_there_are_named(
    run_small: Run, small_recipe: Make, tmp_path: Path, changes: dict, message: str
):
    with pytest.raises(ValueError, match=message):
        run_small(small_recipe(), tmp_path, **changes)


def test_too_little_memory_is_a_sentence(
    run_small: Run, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*given):
        torch.empty(2**50, dtype=torch.uint8)

    monkeypatch.setattr("xnorlab.training.classification.Classification.training_step", refuse)
    with pytest.raises(ValueError, match=r"too little memory for batch_size=12 of resnet18 at 16 pixels: .*no epoch"):
        run_small(small_recipe(), tmp_path)


def test_a_recipe_that_cannot_run_leaves_no_folder(run_small: Run, small_recipe: Make, tmp_path: Path):
    with pytest.raises(ValueError, match="train_size=16 does not fit alexnet"):
        run_small(small_recipe(model="alexnet", model_options={"head": "pool"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_sigterm_ends_a_callers_process_with_its_status(
    run_small: Run, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without the command line's handlers, it is Lightning that raises SystemExit, of status 0."""

    def terminated(*given):
        raise SIGTERMException

    monkeypatch.setattr("xnorlab.training.classification.Classification.training_step", terminated)
    with pytest.raises(SystemExit) as caught:
        run_small(small_recipe(), tmp_path)
    assert caught.value.code == 143


@pytest.mark.parametrize(("scheme", "epochs"), [("binaryconnect-stochastic", 15), ("xnor-k", 4)])
def test_schemes_that_once_learned_nothing_learn(
    scheme: str, epochs: int, run_small: Run, small_recipe: Make, tmp_path: Path
):
    factor = recipe_for("insects", "resnet18", scheme).binary_rate_factor
    recipe = small_recipe(scheme=scheme, epochs=epochs, binary_rate_factor=factor)
    result = run_small(recipe, tmp_path, evaluate_every=epochs)
    assert result.epochs[-1]["val_top1"] > 0.7, "a third is chance"
