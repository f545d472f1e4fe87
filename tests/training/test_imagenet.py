"""Recipes for ImageNet, and one of them for a few steps on a generated folder of 1,000 classes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from xnorlab.cli import app
from xnorlab.models import build
from xnorlab.paper.published import PAPER
from xnorlab.training import recipes
from xnorlab.training.checkpoints import read_checkpoint
from xnorlab.training.estimate import Estimate, estimate
from xnorlab.training.imagenet import IMAGENET_RECIPES
from xnorlab.training.recipe_checks import require_feasible
from xnorlab.zoo.recipe import Recipe

TINY = ["--batch-size", "500", "--resize", "8", "--eval-size", "8", "--train-size", "8", "--crop-area", "0.5", "1.0"]
TINY += ["--model-option", "width=2", "--model-option", "stem=cifar", "--precision", "32-true", "--epochs", "1"]


@pytest.fixture(scope="module")
def thousand_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train/<wnid>` and `val/<wnid>` of 1,000 made-up classes, one tiny picture each."""
    root = tmp_path_factory.mktemp("data") / "ILSVRC2012"
    picture = root.parent / "one.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (10, 12, 3), np.uint8)).save(picture)
    content = picture.read_bytes()
    for split in ("train", "val"):
        for number in range(1000):
            folder = root / split / f"n{number:08}"
            folder.mkdir(parents=True)
            (folder / "0.JPEG").write_bytes(content)
    return root


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_every_network_of_the_papers_has_a_recipe_that_can_be_built():
    assert list(IMAGENET_RECIPES) == [
        *(f"imagenet/alexnet-{scheme}" for scheme in ("float", "binaryconnect", "bwn", "bnn", "xnor")),
        *(f"imagenet/resnet18-{s}" for s in ("float", "bwn", "xnor", "bireal", "reactnet-stage-1", "reactnet")),
    ]
    for name, paper in IMAGENET_RECIPES.items():
        require_feasible(paper.recipe, 1000)
        assert (paper.recipe.resize, paper.recipe.eval_size, paper.recipe.train_size) == (256, 224, 224)
        assert paper.source
        assert (paper.published is None) == (name == "imagenet/resnet18-reactnet-stage-1")


def test_the_networks_are_the_papers():
    weights = {}
    for model in ("alexnet", "resnet18"):
        with torch.device("meta"):
            network = build(model, "float", 1000, **of(f"imagenet/{model}-float").model_options)
        weights[model] = sum(parameter.numel() for parameter in network.parameters())
    assert 60e6 < weights["alexnet"] < 63e6
    assert 11e6 < weights["resnet18"] < 12e6


def of(name: str) -> Recipe:
    return IMAGENET_RECIPES[name].recipe


def test_two_stages_build_on_each_other():
    done: list[str] = []
    for name, paper in IMAGENET_RECIPES.items():
        assert {paper.recipe.teacher, paper.recipe.start} - {None} <= set(done)
        done.append(name)
    assert of("imagenet/resnet18-reactnet").start == "imagenet/resnet18-reactnet-stage-1"
    assert of("imagenet/resnet18-reactnet").teacher_weight == 1.0
    assert of("imagenet/resnet18-bireal").start == "imagenet/resnet18-float"


def test_a_recipe_follows_the_folders_name():
    moved, paper = recipes.named("imagenet/resnet18-reactnet", "ILSVRC2012")
    assert paper is IMAGENET_RECIPES["imagenet/resnet18-reactnet"]
    assert moved.name == "ILSVRC2012/resnet18-reactnet"
    assert (moved.teacher, moved.start) == ("ILSVRC2012/resnet18-float", "ILSVRC2012/resnet18-reactnet-stage-1")
    (zoo,) = recipes.select(["imagenette/alexnet-bwn-seed1"])
    assert recipes.named("imagenette/alexnet-bwn-seed1", "imagenette") == (zoo, None)
    with pytest.raises(ValueError, match=r"recipe='imagenet/resnet18-xnro' is not one of .*did you mean 'imagenet/res"):
        recipes.named("imagenet/resnet18-xnro", "x")


def test_two_steps_on_a_thousand_classes(thousand_classes: Path, tmp_path: Path):
    words = ["train", thousand_classes, "--recipe", "imagenet/resnet18-xnor", *TINY, "--out", tmp_path / "run"]
    result = run(*words, "--accelerator", "cpu", "--cache", "off")
    assert result.exit_code == 0, result.stderr
    assert "source  Rastegari et al. 2016, XNOR-Net, section 4.2" in result.stderr
    assert f"accuracy  not measured here; {PAPER}, Table 2: 51.2 % top-1" in result.stderr
    recipe, labels, content = read_checkpoint(tmp_path / "run/last.ckpt")
    assert recipe.name == "ILSVRC2012/resnet18-xnor"
    assert (recipe.optimizer, recipe.schedule, recipe.peak_rate) == ("adam", "30:0.01 40:0.0001", 0.001)
    assert dict(recipe.model_options) == {"width": 2, "stem": "cifar"}
    assert len(labels) == 1000
    assert content["global_step"] == 2


def test_the_estimate_measures_and_trains_nothing(thousand_classes: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("xnorlab.training.estimate.SECONDS", 0.0)
    words = ["train", thousand_classes, "--recipe", "imagenet/resnet18-reactnet", *TINY, "--accelerator", "cpu"]
    result = run(*words, "--estimate")
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stdout.split())
    assert "training step at 8 pixels, with decoding" in shown
    assert "the whole run" in shown
    assert "for the folder's pictures: 1,000 to train on, 1,000 to validate" in shown
    assert "measured in steps of 8 pictures; the recipe's have 500" in shown
    assert "measured on this device alone; other devices were not" in shown
    assert not list(tmp_path.iterdir())


def test_hours_are_those_of_all_steps():
    recipe = Recipe(epochs=4, batch_size=60, first_size=96, train_size=112)
    result = Estimate(recipe, "a CPU", "32-true", 0, False, (100, 50), 60, {96: 1.0, 112: 2.0}, 0.1, 3.0, 0.5, 2)
    sizes = [recipe.size_at(epoch) for epoch in range(4)]
    steps = 60 * sum({96: 1.0, 112: 2.0}[size] for size in sizes)  # 40 pictures of each epoch are dropped
    assert result.training_hours == steps / 3600
    assert result.evaluation_hours == 2 * 50 * 3.0 / 3600
    assert result.reading_hours == 150 * 0.5 / 3600
    assert result.hours == pytest.approx((steps + 300 + 75) / 3600)


def test_without_data_as_many_pictures_as_imagenets_are_generated():
    recipe = Recipe.from_dict(
        of("imagenet/resnet18-xnor").to_dict()
        | {"model_options": {"width": 2, "stem": "imagenet"}, "batch_size": 4, "precision": "32-true"}
    )
    result = estimate(None, recipe, device="cpu", seconds=0.0)
    assert result.generated
    assert result.pictures == (1_281_167, 50_000)
    assert result.batch == 4
    assert min(result.hours, result.loading_s, *result.step_s.values()) > 0
    assert list(result.step_s) == [224]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "DATA is missing"),
        (["train", "--recipe", "imagenet/alexnet-xnro", "--estimate"], "did you mean 'imagenet/alexnet-xnor'"),
        (["train", "--recipe", "imagenet/alexnet-xnor", "--scheme", "bwn", "--estimate"], "leave out --model and"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], message: str):
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
