"""Calibration: own and foreign pictures are shown alike, one half chooses, the other is reported, weights stay."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from manifests import calibrated, enter, shipped_network, stamped
from PIL import Image

from xnorlab import export, models
from xnorlab.pretrained import PretrainedError
from xnorlab.runtime import Network, UnknownRule
from xnorlab.training import calibration
from xnorlab.training.calibration import PictureSets, auroc, calibrate, calibrate_all, in_first_half, with_threshold
from xnorlab.training.card import card
from xnorlab.training.run import Result
from xnorlab.zoo import manifest
from xnorlab.zoo.cost import file_float32_bytes


def test_the_threshold_lets_nine_in_ten_pass():
    logits = np.random.default_rng(0).normal(size=(1000, 10)).astype(np.float32)
    for score, temperature in calibration.CANDIDATES:
        rule = with_threshold(UnknownRule(score, temperature, 0.0), logits)
        assert (rule.scores(logits) >= rule.threshold).mean() == pytest.approx(0.9, abs=0.002)
    alike = with_threshold(UnknownRule("logit", 1.0, 0.0), np.ones((50, 10), np.float32))
    assert (alike.scores(np.ones((50, 10), np.float32)) >= alike.threshold).all(), "ties pass"


def test_auroc_is_the_share_of_pairs_in_their_order():
    higher, lower = np.array([1.0, 2, 2, 5]), np.array([0.0, 2, 3])
    pairs = [(h > low) + (h == low) / 2 for h in higher for low in lower]
    assert auroc(higher, lower) == pytest.approx(np.mean(pairs))


def test_whole_classes_are_on_one_side():
    targets = np.repeat(np.arange(24), 60)
    first = in_first_half(targets)
    assert first.sum() == 12 * 60
    assert not set(targets[first]) & set(targets[~first])
    np.testing.assert_array_equal(first, in_first_half(targets))


@pytest.fixture
def data(tmp_path: Path, image_folder: Path) -> Path:
    """A folder with the data set `insects`, 20 pixels, and the foreign `novel-24`: four classes as JPEGs of 10."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "insects").symlink_to(image_folder)
    random = np.random.default_rng(5)
    for name in "wxyz":
        (folder / "novel-24" / name).mkdir(parents=True)
        for i in range(6):
            pixels = random.integers(0, 256, (10, 10, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "novel-24" / name / f"{i}.jpg", quality=60)
    return folder


def test_the_larger_picture_is_shrunk_and_compressed_as_the_smaller_one(data: Path):
    form = calibration._form(PictureSets(data)._split("novel-24"))
    large = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    assert form.side == 10
    shrunk = calibration._shrunk(large, form)
    assert shrunk.shape == (10, 12, 3)
    small = Image.fromarray(large).resize((12, 10), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=60)
    np.testing.assert_array_equal(shrunk, np.asarray(Image.open(file)))
    assert calibration._shrunk(large[:10, :10], form) is not None
    np.testing.assert_array_equal(calibration._shrunk(large[:10, :10], form), large[:10, :10])
    sets = PictureSets(data)
    assert sets.side("insects", "novel-24") == 10


@pytest.fixture
def shipped(finished_run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped networks: one of three classes of noise, with its history and its card."""

    out = tmp_path / "shipped"
    recipe = replace(finished_run.recipe, dataset="insects")
    torch.manual_seed(1)
    model = models.build(recipe.model, recipe.scheme, 3, **recipe.model_options).eval()
    network = export.pack(
        model,
        torch.zeros(1, 3, 16, 16),
        labels=["ant", "bee", "cat"],
        preprocessing=recipe.preprocessing(),
        name=recipe.name,
    )
    record = shipped_network(recipe, labels=("ant", "bee", "cat"), history_file=f"{recipe.name}-history.json")
    (out / "insects").mkdir(parents=True)
    network.save(out / record.file)
    (out / record.latent_file).write_bytes(b"latent")
    (out / f"{recipe.name}-history.json").write_text(json.dumps({"epochs": finished_run.epochs}))
    enter(out, stamped(out, record))
    monkeypatch.setattr(calibration, "FOREIGN", ("novel-24",))
    return out


def test_a_network_is_calibrated_once_and_its_weights_stay(shipped: Path, data: Path):
    (before,) = manifest.read(shipped).values()
    old = Network.open(shipped / before.file)
    (entered,) = calibrate_all(data, shipped)
    assert manifest.read(shipped) == {entered.name: entered}
    assert stamped(shipped, entered) == entered, "hashes and sizes are those of the files"
    assert replace(entered, calibration=None, sha256=before.sha256, bytes=before.bytes) == before
    new = Network.open(shipped / entered.file)
    record = entered.calibration
    assert new.unknown == UnknownRule(record.score, record.temperature, record.threshold)
    x = np.random.default_rng(0).normal(size=(3, *new.input_shape)).astype(np.float32)
    np.testing.assert_array_equal(new.run(x), old.run(x))
    new.unknown = None
    assert new.to_bytes() == old.to_bytes()
    (foreign,) = record.foreign
    assert (foreign.data, foreign.side, foreign.classes) == ("novel-24", 10, 2)
    assert (foreign.pictures, foreign.own_pictures) == (12, 12)
    epochs = json.loads((shipped / f"{entered.name}-history.json").read_text())["epochs"]
    assert (shipped / f"{entered.name}.md").read_text("utf-8") == card(
        entered, epochs, float32_bytes=file_float32_bytes(shipped / entered.file)
    )
    assert list(calibrate_all(data, shipped)) == [], "it is calibrated already"
    assert list(calibrate_all(data, shipped, again=True)) == [entered], "the figures come out alike"


def test_the_figures_are_those_of_the_other_half(shipped: Path, data: Path):
    (entered,) = manifest.read(shipped).values()
    network = Network.open(shipped / entered.file)
    sets = PictureSets(data)
    record, rule = calibrate(network, "insects", sets)
    foreign = sets.shown("novel-24", "insects", network.preprocessing)
    other = ~in_first_half(foreign.targets)
    scores = rule.scores(calibration._logits(network, foreign.crops[other]))
    assert record.foreign[0].refused == (scores < rule.threshold).mean()
    own = sets.shown("insects", "novel-24", network.preprocessing).crops
    scores = rule.scores(calibration._logits(network, own[1::2]))
    assert record.foreign[0].own_passed == (scores >= rule.threshold).mean()
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(own, sets.shown("insects", "insects", network.preprocessing).crops)


def test_what_cannot_be_calibrated_is_named(shipped: Path, data: Path):
    with pytest.raises(ValueError, match="only='insects/vgg' is not among the shipped networks: insects/resnet18-xnor"):
        list(calibrate_all(data, shipped, only=["insects/vgg"]))
    (network,) = manifest.read(shipped).values()
    (shipped / network.file).write_bytes(b"altered")
    with pytest.raises(PretrainedError, match="is not the one that was shipped"):
        list(calibrate_all(data, shipped))


def test_a_card_says_how_often_it_errs(finished_run: Result):
    network = shipped_network(finished_run.recipe)
    assert "is_unknown" not in card(network, finished_run.epochs, float32_bytes=40)
    text = card(replace(network, calibration=calibrated()), finished_run.epochs, float32_bytes=40)
    assert "Where its score (energy at temperature 2) is below 1.5, `is_unknown` says" in text
    assert "refuses 25.0 % of 720 pictures of 12 other classes (novel-24; AUROC 0.750) while 90.0 % of its own" in text
    assert "At full size 87.5 % of its own pass." in text
