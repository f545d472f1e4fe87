"""Recipes that cannot be trained are refused before anything is computed."""

import pytest
import torch

from xnorlab.training import recipe_checks
from xnorlab.training.recipe_checks import out_of_memory, require_feasible, require_teacher_fits
from xnorlab.zoo.recipe import Recipe, recipe_for

SMALL = {"model_options": {"width": 8, "stem": "cifar"}}


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("alexnet", {"train_size": 16}, "train_size=16 does not fit alexnet with head=pool: it must be at least 31"),
        ("alexnet", {"eval_size": 16}, "eval_size=16 does not fit alexnet"),
        ("alexnet", {"train_size": 112, "first_size": 16}, "train_size=16 does not fit alexnet"),
        ("alexnet", {"model_options": {"head": "dense"}}, "train_size=112 .* must be at least 223"),
        ("alexnet", {"model_options": {"head": "dense"}, "train_size": 400}, "it must be smaller, 223 for one"),
        ("resnet18", {"train_size": 8, "batch_size": 1}, "train_size=8 does not fit resnet18 .* must be at least 33"),
        ("resnet18", {"model_options": {"width": 10**6}}, r"with width=1000000 needs [\d,.]+ GiB for its weights"),
        ("resnet18", {"model_options": {"width": 10**12}}, "with width=1000000000000 is too large to be built"),
        ("resnet18", {"model_options": {"widht": 3}}, "resnet18 has no option 'widht'; .*; did you mean 'width'"),
        ("resnt18", {}, "model='resnt18' is not one of .*; did you mean 'resnet18'"),
    ],
)
def test_a_recipe_that_cannot_run_is_refused_before_anything_is_computed(model: str, changes: dict, message: str):
    with pytest.raises(ValueError, match=message):
        require_feasible(recipe_for("photos", model, "xnor", **changes), 10)


@pytest.mark.parametrize("scheme", ["float", "binaryconnect-stochastic", "xnor-k", "reactnet", "xnor-binary-ends"])
def test_recipes_as_they_are_pass(scheme: str):
    for model in ("alexnet", "resnet18"):
        require_feasible(recipe_for("imagenette", model, scheme, first_size=64), 10)
    require_feasible(recipe_for("tiny-imagenet", "resnet18", scheme), 200)


def test_too_little_memory_is_said_where_the_machine_tells(monkeypatch: pytest.MonkeyPatch):
    recipe = recipe_for("photos", "resnet18", "xnor", **SMALL)
    monkeypatch.setattr(recipe_checks, "_memory_bytes", lambda: 2**20)
    with pytest.raises(ValueError, match=r"for its weights, their gradients and moments; this machine has 0\.0 GiB"):
        require_feasible(recipe, 10)
    monkeypatch.setattr(recipe_checks, "_memory_bytes", lambda: None)
    require_feasible(recipe, 10)


def test_a_teacher_must_take_the_pictures_too():
    teacher = recipe_for("photos", "alexnet", "float")
    require_teacher_fits(teacher, 10, Recipe(train_size=64))
    with pytest.raises(ValueError, match="train_size=16 does not fit alexnet"):
        require_teacher_fits(teacher, 10, Recipe(train_size=16))


def test_torchs_own_error_for_too_little_memory_is_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)
    assert out_of_memory(caught.value)
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("sizes do not match"))
