import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from manifests import enter, use

from xnorlab import pretrained
from xnorlab.images import Preprocessing, open_image
from xnorlab.images.class_folders import DataError
from xnorlab.runtime import Network
from xnorlab.training.checkpoints import load_checkpoint
from xnorlab.training.evaluate import evaluate, evaluate_all, packed_logits, pictures, top1
from xnorlab.training.folders import open_folder
from xnorlab.training.run import Result
from xnorlab.training.ship import ship
from xnorlab.zoo.manifest import ShippedNetwork

NAME = "insects/resnet18-xnor"


@pytest.fixture
def shipped(
    finished_run: Result, image_folder: Path, cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder of shipped networks that `pretrained` takes for its own."""
    ship(finished_run.folder, image_folder, tmp_path / "pretrained", cache_folder=cache_folder)
    use(monkeypatch, tmp_path / "pretrained")
    return tmp_path / "pretrained"


def change_manifest(folder: Path, **changes: Any) -> None:
    enter(folder, replace(pretrained.entry(NAME), **changes))


def test_a_shipped_network_has_the_top1_that_the_manifest_says(shipped: Path, image_folder: Path, cache_folder: Path):
    seen: list[dict] = []
    (row,) = rows = evaluate_all(image_folder, cache_folder=cache_folder, report=seen.append)
    assert seen == rows
    assert (row["network"], row["dataset"], row["images"]) == (NAME, "insects", 24)
    assert row["packed_top1"] == row["torch_top1"] == row["manifest_top1"]
    assert row["labels_differ"] == 0
    assert row["largest_logit_difference"] < 1e-3
    assert (row["differs"], row["same_pictures"]) == (False, True)
    json.dumps(row)


@pytest.mark.parametrize(("off", "differs"), [(0.0009, False), (0.0011, True), (-0.0011, True)])
def test_a_difference_above_a_tenth_of_a_point_is_reported(
    shipped: Path, image_folder: Path, cache_folder: Path, off: float, differs: bool, monkeypatch: pytest.MonkeyPatch
):
    measured = {"images": 24, "packed_top1": 0.5, "packed_top5": 1.0, "torch_top1": 0.5, "labels_differ": 0}
    monkeypatch.setattr("xnorlab.training.evaluate.compare", lambda *given: measured)
    change_manifest(shipped, top1=0.5 + off, top5=1.0)
    assert evaluate(NAME, image_folder, cache_folder=cache_folder)["differs"] is differs


@pytest.mark.parametrize("cache", [True, False])
def test_pictures_left_out_are_those_of_neither_the_accuracy_nor_the_fingerprint(
    cache: bool, finished_run: Result, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    options = {"cache_folder": tmp_path / "cache", "skip_unreadable": True}
    if not cache:
        options = {"cache": False, "skip_unreadable": True}
    (root / "val/bee/03.png").write_text("no picture")
    network = ship(finished_run.folder, root, tmp_path / "pretrained", **options)
    assert isinstance(network, ShippedNetwork)
    use(monkeypatch, tmp_path / "pretrained")
    with pytest.raises(DataError, match="1 of 24 pictures cannot be read"):
        evaluate(NAME, root, cache_folder=tmp_path / "cache")
    row = evaluate(NAME, root, **options)
    assert (row["images"], row["differs"], row["same_pictures"]) == (23, False, True)
    (root / "val/bee/03.png").unlink()
    assert open_folder(root).val.fingerprint() == network.pictures_sha256
    assert evaluate(NAME, root, cache_folder=tmp_path / "cache")["same_pictures"]


def test_other_pictures_are_reported(shipped: Path, image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    (root / "val/ant/00.png").unlink()
    row = evaluate(NAME, root, cache_folder=tmp_path / "cache")
    assert (row["images"], row["differs"], row["same_pictures"]) == (23, True, False)


def test_packed_files_and_checkpoints_are_evaluated_alike(
    shipped: Path, finished_run: Result, image_folder: Path, cache_folder: Path
):
    by_file = evaluate(shipped / f"{NAME}.safetensors", image_folder, cache_folder=cache_folder)
    by_checkpoint = evaluate(finished_run.checkpoint, image_folder, cache_folder=cache_folder, threads=2)
    assert by_file["packed_top1"] == by_checkpoint["packed_top1"] == by_checkpoint["torch_top1"]
    assert by_file["images"] == by_checkpoint["images"] == 24


def test_it_is_the_accuracy_of_the_network_called_on_the_files(shipped: Path, image_folder: Path, cache_folder: Path):
    network = Network.open(shipped / f"{NAME}.safetensors")
    val = open_folder(image_folder).val
    logits = network([open_image(picture) for picture in val.pictures])
    shown = pictures(val, network.preprocessing or Preprocessing(), cache_folder=cache_folder)
    np.testing.assert_array_equal(packed_logits(network, shown), logits)
    assert evaluate(NAME, image_folder, cache_folder=cache_folder)["packed_top1"] == top1(logits, val.targets)


def test_other_classes_are_refused(shipped: Path, image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    for split in ("train", "val"):
        (root / split / "cat").rename(root / split / "dog")
    with pytest.raises(DataError, match=r"has 3 classes \(ant, bee, dog.*the network has 3 \(ant, bee, cat"):
        evaluate(NAME, root)


def test_a_checkpoint_that_is_none_is_refused_and_not_run(tmp_path: Path, image_folder: Path):
    (tmp_path / "last.ckpt").write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR.")
    with pytest.raises(ValueError, match="is not a checkpoint of xnorlab train"):
        evaluate(tmp_path / "last.ckpt", image_folder)
    assert not (tmp_path / "owned").exists()
    torch.save({"weights": torch.zeros(2)}, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="is not a checkpoint of xnorlab train"):
        load_checkpoint(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="does not exist"):
        load_checkpoint(tmp_path / "none.ckpt")
