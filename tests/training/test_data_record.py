"""A run goes on with the pictures that it began with, by whatever name, and with no others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from xnorlab.images.class_folders import DataError
from xnorlab.training.data_record import data_record, is_data_record, require_same_data
from xnorlab.training.folders import open_folder
from xnorlab.training.run import Result, train
from xnorlab.zoo.recipe import Recipe

LOCAL = {"accelerator": "cpu", "devices": 1, "progress": False}


@pytest.fixture
def begun(run_small: Callable[..., Result], small_recipe: Callable[..., Recipe], tmp_path: Path) -> Path:
    """The folder of a run with one of two epochs trained."""
    return run_small(small_recipe(epochs=2), tmp_path / "run", stop_after=1).folder


def resume(data: Path, run: Path, tmp_path: Path) -> Result:
    return train(data, None, run, resume=True, cache_folder=tmp_path / "cache", **LOCAL)


def test_a_renamed_folder_is_the_same_data(begun: Path, image_folder: Path, tmp_path: Path):
    renamed = shutil.copytree(image_folder, tmp_path / "another-name")
    assert len(resume(renamed, begun, tmp_path).epochs) == 2


def test_other_classes_under_the_same_name_are_refused(begun: Path, image_folder: Path, tmp_path: Path):
    other = shutil.copytree(image_folder, tmp_path / "insects")
    for split in ("train", "val"):
        (other / split / "bee").rename(other / split / "dog")
    before = (begun / "last.ckpt").read_bytes()
    with pytest.raises(DataError, match=r"has other classes than the run: 'dog' added; 'bee' missing"):
        resume(other, begun, tmp_path)
    assert (begun / "last.ckpt").read_bytes() == before


def test_other_pictures_of_the_same_classes_are_refused(begun: Path, image_folder: Path, tmp_path: Path):
    other = shutil.copytree(image_folder, tmp_path / "insects")
    (other / "train/bee/00.png").unlink()
    with pytest.raises(DataError, match=r"the training pictures are not those .* 71 instead of 72, 'bee' has 23 .* 24"):
        resume(other, begun, tmp_path)
    shutil.copy(other / "train/bee/01.png", other / "train/bee/99.png")
    with pytest.raises(DataError, match=r"pictures are not those .* but with other names or sizes"):
        resume(other, begun, tmp_path)


def test_a_checkpoint_of_before_goes_by_its_labels(begun: Path, image_folder: Path, tmp_path: Path):
    checkpoint = torch.load(begun / "last.ckpt", weights_only=True)
    del checkpoint["data"]
    torch.save(checkpoint, begun / "last.ckpt")
    other = shutil.copytree(image_folder, tmp_path / "insects")
    (other / "train/bee/00.png").unlink()
    resume(other, begun, tmp_path)
    kept = torch.load(begun / "last.ckpt", weights_only=True)["data"]
    assert kept == data_record(open_folder(other))


def test_the_same_names_in_another_order_are_other_labels(image_folder: Path):
    with pytest.raises(DataError, match="the same names in another order"):
        require_same_data(open_folder(image_folder), ["bee", "ant", "cat"], None)


def test_what_a_file_says_of_its_pictures_is_looked_at(image_folder: Path):
    data = data_record(open_folder(image_folder))
    assert is_data_record(data, 3)
    assert is_data_record(None, 3)
    for damaged in ({}, [], {"train": data["train"]}, data | {"val": {"listing": 3, "counts": [1, 2, 3]}}):
        assert not is_data_record(damaged, 3)
    assert not is_data_record(data, 4)
