"""Teachers and starts: where they are looked for, and which weights are copied."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from xnorlab import models, pretrained
from xnorlab.training.run import Result
from xnorlab.training.trained_networks import TrainedNetwork, copy_weights_, open_trained_network
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
Run = Callable[..., Result]


def source(scheme: str, make: Make) -> TrainedNetwork:
    recipe = make(scheme=scheme)
    torch.manual_seed(5)
    model = models.build(recipe.model, scheme, 3, **recipe.model_options)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return TrainedNetwork(model.eval(), recipe, ("ant", "bee", "cat"))


def test_a_run_is_found_by_name_by_path_and_before_a_shipped_network(finished_run: Result, tmp_path: Path):
    folder = tmp_path / finished_run.recipe.name
    shutil.copytree(finished_run.folder, folder)
    for name, runs in ((finished_run.recipe.name, tmp_path), (str(folder), None)):
        network = open_trained_network(name, runs)
        assert network.recipe == finished_run.recipe
        assert network.labels == ("ant", "bee", "cat")
        assert not network.model.training
    shipped = pretrained.names()[0]
    assert open_trained_network(shipped, tmp_path).labels == pretrained.entry(shipped).labels
    with pytest.raises(ValueError, match="name='nothing' is not a pretrained network"):
        open_trained_network("nothing", tmp_path)


def test_an_unfinished_run_teaches_nothing(run_small: Run, small_recipe: Make, tmp_path: Path):
    run_small(small_recipe(), tmp_path, stop_after=1)
    with pytest.raises(ValueError, match="has trained 1 of 3 epochs: resume it"):
        open_trained_network(str(tmp_path))


def test_across_block_orders_only_weights_come_along(small_recipe: Make):
    float_ = source("float", small_recipe)
    model = models.build("resnet18", "xnor", 3, **float_.recipe.model_options)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copy_weights_(model, "xnor", float_)
    theirs = float_.model.state_dict()
    for name, value in model.state_dict().items():
        weighs = before[name].dim() > 1 or name == "classifier.bias"
        assert torch.equal(value, theirs[name] if weighs else before[name]), name


def test_a_first_stage_hands_everything_on(small_recipe: Make):
    first = source("reactnet-stage-1", small_recipe)
    model = models.build("resnet18", "reactnet", 3, **first.recipe.model_options)
    copy_weights_(model, "reactnet", first)
    theirs = first.model.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in model.state_dict().items())


def test_a_start_of_another_shape_is_refused(small_recipe: Make):
    model = models.build("resnet18", "xnor", 3, width=4, stem="cifar")
    with pytest.raises(ValueError, match=r"start: insects/resnet18-float has no weight stem\.conv\.weight of shape"):
        copy_weights_(model, "xnor", source("float", small_recipe))


def test_a_taught_run_that_starts_from_another_resumes_exactly(
    finished_run: Result, run_small: Run, small_recipe: Make, tmp_path: Path
):
    name = str(finished_run.folder)
    recipe = small_recipe(scheme="bwn", teacher=name, teacher_weight=0.7, temperature=2.0, start=name, epochs=2)
    unbroken = run_small(recipe, tmp_path / "unbroken")
    run_small(recipe, tmp_path / "broken", stop_after=1)
    resumed = run_small(None, tmp_path / "broken", resume=True)
    for ours, theirs in zip(resumed.epochs, unbroken.epochs, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}
    state = torch.load(unbroken.checkpoint, weights_only=True)["state_dict"]
    assert all(key.startswith("model.") for key in state), "the teacher stays out of the checkpoint"
    untaught = run_small(small_recipe(scheme="bwn", start=name, epochs=2), tmp_path / "alone", stop_after=1)
    assert untaught.epochs[0]["train_loss"] != unbroken.epochs[0]["train_loss"]


def test_a_teacher_of_other_classes_is_refused(run_small: Run, small_recipe: Make, tmp_path: Path):
    with pytest.raises(ValueError, match="the data has ant, bee, cat"):
        run_small(small_recipe(teacher=pretrained.names()[0]), tmp_path / "run")
