"""The only checkpoint of a run is never lost, and a damaged one is refused in one sentence."""

import copy
import errno
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from xnorlab.training.checkpoints import CheckpointFile, load_checkpoint, read_checkpoint, saved_epochs
from xnorlab.training.recipes import complete
from xnorlab.training.run import Result
from xnorlab.training.ship import ship
from xnorlab.training.trained_networks import open_trained_network
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
Run = Callable[..., Result]
BIG = 20_000
"""Bytes beyond which the simulated disk is full: checkpoints are larger, recipes and histories smaller."""


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a large file is written, then there is no space left."""
    write = Path.write_bytes

    def half(path: Path, data) -> int:
        if len(data) < BIG:
            return write(path, data)
        write(path, bytes(data)[: BIG // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", half)


def test_a_full_disk_ends_the_run_and_leaves_the_earlier_checkpoint(
    request: pytest.FixtureRequest, run_small: Run, small_recipe: Make, finished_run: Result, tmp_path: Path
):
    run_small(small_recipe(), tmp_path, stop_after=1)
    before = (tmp_path / "last.ckpt").read_bytes()
    request.getfixturevalue("full_disk")
    with pytest.raises(OSError, match=r"No space left on device; epoch 1 of 3 is safe in .*last\.ckpt"):
        run_small(None, tmp_path, resume=True)
    assert (tmp_path / "last.ckpt").read_bytes() == before
    assert not list(tmp_path.glob(".*"))
    request.getfixturevalue("monkeypatch").undo()
    resumed = run_small(None, tmp_path, resume=True)
    assert [record["train_loss"] for record in resumed.epochs] == [
        record["train_loss"] for record in finished_run.epochs
    ]


def test_a_disk_without_space_for_the_recipe_is_said_too(
    run_small: Run, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run_small(small_recipe(epochs=2), tmp_path, stop_after=1)
    before = (tmp_path / "recipe.json").read_bytes()
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match=rf"{tmp_path}: No space left on device; epoch 1 of 2 is safe in"):
        run_small(None, tmp_path, resume=True)
    assert (tmp_path / "recipe.json").read_bytes() == before


def test_what_cannot_be_read_back_does_not_take_the_earlier_ones_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, write = tmp_path / "last.ckpt", Path.write_bytes
    CheckpointFile().save_checkpoint({"epoch": 1, "weights": torch.zeros(1000)}, path)
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: write(path, bytes(data)[:-100]))
    with pytest.raises(OSError, match="what was written cannot be read back"):
        CheckpointFile().save_checkpoint({"epoch": 2, "weights": torch.zeros(1000)}, path)
    assert torch.load(path, weights_only=True)["epoch"] == 1


def _without(key: str) -> Callable[[dict], Any]:
    return lambda content: {name: value for name, value in content.items() if name != key}


def _narrower(content: dict) -> dict:
    return content | {"recipe": content["recipe"] | {"model_options": {"width": 4, "stem": "cifar"}}}


def _other_moments(content: dict) -> dict:
    content = copy.deepcopy(content)
    content["optimizer_states"][0]["param_groups"] = content["optimizer_states"][0]["param_groups"][:1]
    return content


DAMAGES: Mapping[str, tuple[Callable[[dict], Any], str]] = {
    "a list": (lambda content: [1, 2], "it holds a list"),
    "other content": (lambda content: {"weights": torch.zeros(2)}, "its 'recipe' is missing"),
    "no epoch": (_without("epoch"), "its 'epoch' is missing or not a int"),
    "no callbacks": (_without("callbacks"), "its 'callbacks' is missing"),
    "no loops": (_without("loops"), "its 'loops' is missing"),
    "no optimiser": (_without("optimizer_states"), "its 'optimizer_states' is missing"),
    "no history": (lambda content: content | {"callbacks": {}}, "no history of its epochs"),
    "labels of one class": (lambda content: content | {"labels": ["ant"]}, r"its labels are \['ant'\]"),
    "odd data": (lambda content: content | {"data": {"train": 3}}, "its record of the pictures"),
    "an unknown field": (lambda content: content | {"recipe": {"epoch": 3}}, "recipe has no 'epoch'"),
    "another width": (_narrower, "its weights are not those of its recipe's network"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_refused_wherever_one_is_opened(
    damage: str, finished_run: Result, run_small: Run, image_folder: Path, tmp_path: Path
):
    change, message = DAMAGES[damage]
    content = torch.load(finished_run.checkpoint, weights_only=True)
    torch.save(change(content), tmp_path / "last.ckpt")
    _refused_everywhere(message, tmp_path, run_small, image_folder)


@pytest.mark.parametrize("size", [0, 1000, 200_000])
def test_a_checkpoint_that_was_cut_off_is_refused_wherever_one_is_opened(
    size: int, finished_run: Result, run_small: Run, image_folder: Path, tmp_path: Path
):
    (tmp_path / "last.ckpt").write_bytes(finished_run.checkpoint.read_bytes()[:size])
    message = f"cannot read its {size:,} bytes" if size else "it is empty"
    _refused_everywhere(message, tmp_path, run_small, image_folder)


def test_another_zip_file_is_refused(run_small: Run, image_folder: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "last.ckpt", "w") as file:
        file.writestr("photo.txt", "no checkpoint")
    _refused_everywhere("torch cannot read its", tmp_path, run_small, image_folder)


def _refused_everywhere(message: str, folder: Path, run_small: Run, image_folder: Path) -> None:
    path = folder / "last.ckpt"
    said = rf"checkpoint='.*last\.ckpt' is not a checkpoint of xnorlab train, or is damaged: .*{message}"
    openers = (
        lambda: run_small(None, folder, resume=True),
        lambda: load_checkpoint(path),
        lambda: open_trained_network(str(folder)),
        lambda: ship(folder, image_folder, folder / "out"),
    )
    for opener in openers:
        with pytest.raises(ValueError, match=said) as caught:
            opener()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [_without("pytorch-lightning_version"), _other_moments])
def test_what_only_a_resume_needs_is_checked_there(
    change: Callable[[dict], Any], run_small: Run, small_recipe: Make, tmp_path: Path
):
    run_small(small_recipe(epochs=2), tmp_path, stop_after=1)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    torch.save(change(content), tmp_path / "last.ckpt")
    with pytest.raises(ValueError, match=r"checkpoint='.*last\.ckpt' is damaged: \w+Error"):
        run_small(None, tmp_path, resume=True)


def test_the_zoo_refuses_a_damaged_run(small_recipe: Make, image_folder: Path, tmp_path: Path):
    (tmp_path / "last.ckpt").write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged: it is empty"):
        complete(image_folder, small_recipe(), tmp_path)


def test_the_saved_epochs_are_told_in_words(finished_run: Result, run_small: Run, small_recipe: Make, tmp_path: Path):
    assert saved_epochs(tmp_path) == "no epoch is kept"
    assert saved_epochs(finished_run.folder) == f"epochs 1 to 3 of 3 are safe in {finished_run.checkpoint}"
    assert read_checkpoint(finished_run.checkpoint)[0] == finished_run.recipe
