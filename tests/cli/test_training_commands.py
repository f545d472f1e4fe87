"""From a folder of pictures to a shipped network by commands alone."""

import json
import shlex
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from manifests import use
from PIL import Image
from typer.testing import CliRunner

from xnorlab import export
from xnorlab.cli import app
from xnorlab.cli.train import RECIPE_OPTIONS, parse_option
from xnorlab.runtime import Network
from xnorlab.training.card import train_command
from xnorlab.zoo.recipe import Recipe, recipe_for

SMALL = [
    *("--model", "resnet18", "--model-option", "width=8", "--model-option", "stem=cifar", "--precision", "32-true"),
    *("--batch-size", 4, "--resize", 18, "--eval-size", 16, "--train-size", 16, "--crop-area", 0.5, 1.0, "--no-flip"),
]


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, dark and bright; 8 training and 3 validation pictures each."""
    folder = tmp_path_factory.mktemp("data") / "lamps"
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 3)):
        for level, label in ((0, "off"), (180, "on")):
            target = folder / split / label
            target.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(level, level + 70, (20, 20, 3), np.uint8)).save(target / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def finished(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs, the second after --resume."""
    folder = tmp_path_factory.mktemp("runs") / "lamps"
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    where = ["--out", folder, "--accelerator", "cpu", "--cache-folder", folder.parent / "cache"]
    first = run("train", pictures, *SMALL, "--epochs", 2, "--stop-after", 1, *where)
    assert first.exit_code == 0, first.stderr
    assert "crop_area  [0.5, 1.0]" in first.stderr, "the recipe is printed"
    assert "epoch 1, loss" in first.stderr
    second = run("train", pictures, "--resume", *where)
    assert second.exit_code == 0, second.stderr
    assert "epoch 2, loss" in second.stderr
    assert "epoch 1, loss" not in second.stderr
    assert f"next: xnorlab pack {folder}" in second.stderr
    torch.set_num_threads(before)
    return folder


def test_every_option_reaches_the_recipe(finished: Path):
    recipe = Recipe.from_dict(json.loads((finished / "recipe.json").read_text()))
    assert recipe.name == "lamps/resnet18-xnor"
    assert (recipe.epochs, recipe.batch_size, recipe.resize, recipe.eval_size) == (2, 4, 18, 16)
    assert recipe.crop_area == (0.5, 1.0)
    assert recipe.flip is False
    assert dict(recipe.model_options) == {"width": 8, "stem": "cifar"}


def test_every_setting_of_a_recipe_is_an_option_with_a_help_text():
    assert set(RECIPE_OPTIONS) == {item.name for item in fields(Recipe)} - {"dataset", "model_options"}
    assert all(RECIPE_OPTIONS.values())
    shown = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"}).stdout
    assert all(f"--{name.replace('_', '-')} " in shown for name in RECIPE_OPTIONS)


def test_packed_run_predicts(finished: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    packed = tmp_path / "lamps.safetensors"
    result = run("pack", finished, "-o", packed, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {
        "file": str(packed),
        "bytes": packed.stat().st_size,
        "name": "lamps/resnet18-xnor",
        "hints": [],
    }
    network = Network.open(packed)
    assert network.labels == ("off", "on")
    assert network.provenance["recipe"]["epochs"] == 2
    photo = pictures / "val/on/0.png"
    assert run("predict", photo, "--model", packed).exit_code == 0
    hint = export.Hint("conv\n (Conv2d)", "", "costs most of the time")
    monkeypatch.setattr(export, "hints", lambda model, example: [hint])
    again = run("pack", finished / "last.ckpt")
    assert again.stdout.splitlines()[1:] == [r"hint: conv\n (Conv2d): costs most of the time"]
    assert (finished / "packed.safetensors").read_bytes() == packed.read_bytes()


def test_shipped_and_evaluated(finished: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cache = ["--cache-folder", tmp_path / "cache"]
    result = run("ship", finished, "--data", pictures, "--out", tmp_path / "out", *cache, "--json")
    assert result.exit_code == 0, result.stderr
    entry = json.loads(result.stdout)
    manifest = tmp_path / "out/manifest.json"
    assert json.loads(manifest.read_text()) == {"lamps/resnet18-xnor": entry}
    use(monkeypatch, tmp_path / "out")
    for source in ("all", "lamps/resnet18-xnor"):
        result = run("evaluate", source, "--data", pictures, *cache, "--json")
        assert result.exit_code == 0, result.stderr
        (row,) = json.loads(result.stdout)
        assert row["packed_top1"] == entry["top1"]
        assert row["labels_differ"] == 0
    (row,) = json.loads(run("evaluate", finished / "last.ckpt", "--data", pictures, *cache, "--json").stdout)
    assert row["images"] == 6
    entry["top1"] = 1 - entry["top1"] / 2
    entry["pictures_sha256"] = "0" * 64
    manifest.write_text(json.dumps({"lamps/resnet18-xnor": entry}))
    result = run("evaluate", "all", "--data", pictures, *cache)
    assert result.exit_code == 1
    assert "differs" in result.stdout
    assert "6, another copy" in result.stdout
    assert result.stderr.startswith("lamps/resnet18-xnor: top-1 ")


def test_what_is_not_used_not_read_and_not_kept_is_said(finished: Path, pictures: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path / "cache"))
    root = shutil.copytree(pictures, tmp_path / "lamps")
    for name in ("a.raw", "b.raw", "c\nd.txt"):
        (root / "val/off" / name).write_text("no picture")
    bad = [root / "val/off/2.png", root / "val/on/1\n.png"]
    (root / "val/on/1.png").rename(bad[1])
    for picture in bad:
        picture.write_text("no picture")
    named = [str(picture).replace("\n", "\\n") for picture in bad]
    evaluate = ["evaluate", finished / "last.ckpt", "--data", root, "--json"]

    refused = run(*evaluate)
    unused, total, *lines = refused.stderr.splitlines()
    assert refused.exit_code == 2
    assert unused.startswith("xnorlab: 3 files are not used, being of no format that is read here: .raw 2, .txt 1, ")
    assert unused.endswith(f", such as {root}/val/off/a.raw")
    assert total.startswith("xnorlab: 2 of 6 pictures cannot be read; ")
    assert [line.split(": ")[:2] for line in lines] == [["xnorlab", name] for name in named]

    for options in ([], ["--cache", "off"]):
        answered = run(*evaluate, "--skip-unreadable", *options)
        assert answered.exit_code == 0, answered.stderr
        assert json.loads(answered.stdout)[0]["images"] == 4
        said = answered.stderr.splitlines()
        assert ("xnorlab: no cache: each epoch decodes 6 pictures" in answered.stderr) == bool(options)
        assert "xnorlab: 2 of 6 pictures cannot be read and are left out:" in said
        assert [line.split(": ")[1] for line in said[-2:]] == named


@pytest.mark.parametrize(
    ("command", "called"),
    [
        (["train"], "xnorlab.training.run.train"),
        (["evaluate", "x.ckpt", "--data"], "xnorlab.training.evaluate.evaluate"),
        (["evaluate", "all", "--data"], "xnorlab.training.evaluate.evaluate_all"),
        (["ship", "x", "--data"], "xnorlab.training.ship.ship"),
        (["zoo", "train", "--data"], "xnorlab.training.recipes.train_all"),
        (["zoo", "ship", "--data"], "xnorlab.training.ship.ship_all"),
    ],
)
def test_how_pictures_are_prepared_is_an_option_wherever_they_are(
    command: list, called: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[dict] = []

    def stop(*_, **options):
        seen.append({name: options[name] for name in ("cache_folder", "cache", "skip_unreadable")})
        raise ValueError("enough")

    monkeypatch.setattr(called, stop)
    for options in ([], ["--cache", "off", "--skip-unreadable"], ["--cache-folder", tmp_path]):
        assert "enough" in run(*command, pictures, *options).stderr
    assert seen == [
        {"cache_folder": None, "cache": True, "skip_unreadable": False},
        {"cache_folder": None, "cache": False, "skip_unreadable": True},
        {"cache_folder": tmp_path, "cache": True, "skip_unreadable": False},
    ]


def test_names_in_the_printed_recipe_stay_on_their_lines(pictures: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = shutil.copytree(pictures, tmp_path / "my\nlamps")
    result = run("train", root, *SMALL, "--teacher", "no\nsuch")
    assert result.exit_code == 2
    assert "             dataset  my\\nlamps" in result.stderr.splitlines()
    assert "             teacher  no\\nsuch" in result.stderr.splitlines()


def test_cards_commands_are_commands(monkeypatch: pytest.MonkeyPatch, pictures: Path):
    """What a model card prints as the way to train it again gives that very recipe."""
    wanted = recipe_for(
        "lamps",
        "resnet18",
        "bwn",
        epochs=7,
        crop_area=(0.25, 0.75),
        flip=False,
        peak_rate=0.001,
        model_options={"width": 16, "stem": "cifar", "shortcut_every_conv": False},
    )
    got: list[Recipe] = []

    class StopTrainingError(ValueError):
        pass

    def record(data, recipe, folder, **options):
        got.append(recipe)
        raise StopTrainingError("enough")

    monkeypatch.setattr("xnorlab.training.run.train", record)
    words = shlex.split(train_command(wanted).replace("DATA", str(pictures)))
    assert words[0] == "xnorlab"
    result = run(*words[1:])
    assert result.stderr.splitlines()[-1] == "xnorlab: enough"
    assert got == [wanted]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scheme", "xnr"], "xnr"),
        (["--epochs", 0], "epochs=0"),
        (["--model-option", "widht=3"], "resnet18 has no option 'widht'; it has width, stem"),
        (["--devices", "foo"], "devices='foo' must be a whole number"),
        (["--devices", "-1"], "devices='-1' must be a whole number"),
        (["--model-option", "width=1000000"], "for its weights"),
        (["--peak-rate", 1e30, "--warmup", 0.0], "no longer a finite number, in epoch 1"),
        (["--model-option", "width"], "model_option='width' must be NAME=VALUE"),
        (["--resume"], "--resume takes the recipe from the checkpoint"),
        (["--resume", "--out", "nowhere", "--epochs", 3], "--resume takes the recipe from the checkpoint"),
        (["--resume", "--out", "nowhere", "--precision", "auto"], "--resume takes the recipe from the checkpoint"),
    ],
)
def test_mistakes_are_one_line(pictures: Path, arguments: list, message: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("train", pictures, *SMALL[4:], "--model", "resnet18", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert result.stderr.splitlines()[-1].startswith("xnorlab: ")


def test_wrong_paths_are_one_line(tmp_path: Path):
    for command in (
        ["train", tmp_path / "none"],
        ["pack", tmp_path / "none"],
        ["evaluate", tmp_path / "none.ckpt", "--data", tmp_path],
        ["ship", tmp_path, "--data", tmp_path],
    ):
        result = run(*command)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1, result.stderr


@pytest.mark.parametrize(
    ("text", "value"), [("a=1", 1), ("a=0.5", 0.5), ("a=true", True), ("a=cifar", "cifar"), ("a=b=c", "b=c")]
)
def test_model_options_are_json_or_text(text: str, value):
    assert parse_option(text) == ("a", value)
