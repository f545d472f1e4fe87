"""What a split tells about its pictures, and what it is without some of them."""

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from xnorlab.images.class_folders import DataError
from xnorlab.training.dataset import Split
from xnorlab.training.folders import open_folder


def test_fingerprint_follows_contents_not_places(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "elsewhere")
    here, there = open_folder(image_folder), open_folder(root)
    assert here.val.fingerprint() == there.val.fingerprint()
    picture = there.val.pictures[3]
    assert not isinstance(picture, np.ndarray)
    picture.write_bytes(picture.read_bytes() + b"\0")
    assert here.val.fingerprint() != there.val.fingerprint()


def test_a_listing_is_that_of_every_copy_and_of_no_other_folder(image_folder: Path, tmp_path: Path):
    here = open_folder(image_folder).train.listing()

    def copied(change) -> str:
        root = shutil.copytree(image_folder, tmp_path / f"copy{len(list(tmp_path.iterdir()))}" / "renamed")
        change(root / "train")
        return open_folder(root).train.listing()

    assert len(here) == 64
    assert copied(lambda train: None) == here
    assert copied(lambda train: (train.parent / "val/ant/00.png").unlink()) == here, "that is the other split"
    changes = [
        lambda train: (train / "ant/00.png").unlink(),
        lambda train: (train / "ant/00.png").rename(train / "ant/99.png"),
        lambda train: (train / "ant/00.png").rename(train / "bee/99.png"),
        lambda train: (train / "ant/00.png").write_bytes((train / "ant/00.png").read_bytes() + b"\0"),
        lambda train: [(at / "ant").rename(at / "aphid") for at in (train, train.parent / "val")],
    ]
    assert len({here, *map(copied, changes)}) == 6


def test_a_listing_opens_no_picture_and_knows_names_in_either_form(image_folder: Path, tmp_path: Path, monkeypatch):
    roots = [shutil.copytree(image_folder, tmp_path / form) for form in ("NFC", "NFD")]
    for root in roots:
        name = unicodedata.normalize(root.name, "café")
        (root / "train/bee").rename(root / "train" / name)
        (root / "val/bee").rename(root / "val" / name)
        (root / "val" / name / "00.png").rename(root / "val" / name / f"{name}.png")
        (root / "val" / name / "01.png").rename(root / "val" / name / "caff.png")
    monkeypatch.setattr(Path, "read_bytes", None)
    assert open_folder(roots[0]).val.listing() == open_folder(roots[1]).val.listing()


def test_a_listing_of_arrays_counts_their_bytes(tmp_path: Path):
    small, large = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8)
    splits = [
        Split([small, large], np.array([0, 1]), tmp_path),
        Split([large, small], np.array([0, 1]), tmp_path),
        Split([small, large], np.array([1, 0]), tmp_path),
    ]
    assert len({split.listing() for split in splits}) == 3
    assert splits[0].listing() == Split([small + 1, large], np.array([0, 1]), tmp_path / "elsewhere").listing()


def test_pictures_are_left_out_with_their_class_numbers(image_folder: Path):
    whole = open_folder(image_folder).val
    rest = whole.without({0, 9, 23})
    kept = [index for index in range(24) if index not in (0, 9, 23)]
    assert rest.pictures == [whole.pictures[index] for index in kept]
    assert rest.targets.tolist() == [whole.targets[index] for index in kept]
    assert rest.listing() != whole.listing()
    with pytest.raises(DataError, match="no picture of the class 'bee' can be read"):
        whole.without(range(8, 16))
