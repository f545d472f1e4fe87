import dataclasses
import json
import pickle

import pytest

from xnorlab.zoo.recipe import Recipe, recipe_for


def test_a_recipe_survives_json():
    recipe = recipe_for("cifar10", "resnet18", "bwn", epochs=7, seed=3, model_options={"width": 16})
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_a_recipe_survives_pickling():
    recipe = recipe_for("cifar10", "resnet18", "bwn", epochs=7, seed=3, model_options={"width": 16})
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_a_recipe_cannot_be_changed():
    recipe = Recipe(model_options={"head": "pool"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.epochs = 3
    with pytest.raises(TypeError):
        recipe.model_options["head"] = "dense"


def test_defaults_follow_data_set_and_network():
    assert dict(recipe_for("imagenette", "alexnet", "xnor").model_options) == {"head": "pool"}
    assert dict(recipe_for("cifar10", "resnet18", "xnor").model_options) == {"width": 32, "stem": "cifar"}
    assert recipe_for("tiny-imagenet", "resnet18", "xnor").eval_size == 64
    assert recipe_for("my-photos", "nin", "float").eval_size == 128
    assert recipe_for("tiny-imagenet", "alexnet", "bnn").name == "tiny-imagenet/alexnet-bnn"


def test_pictures_grow_evenly_to_their_last_size():
    sizes = [Recipe(epochs=60, first_size=64).size_at(epoch) for epoch in range(60)]
    assert [sizes.count(size) for size in (64, 80, 96, 112)] == [10, 20, 20, 10]
    assert sizes == sorted(sizes)
    assert Recipe(epochs=1, first_size=64).size_at(0) == 64
    assert {Recipe(epochs=9).size_at(epoch) for epoch in range(9)} == {112}


def test_training_and_evaluation_see_the_same_square():
    recipe = Recipe()
    assert (recipe.preprocessing().resize, recipe.preprocessing().crop) == (144, 128)
    assert (recipe.training_square().resize, recipe.training_square().crop) == (144, 144)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("epochs", 0, "an int of 1 or more"),
        ("epochs", True, "an int of 1 or more"),
        ("batch_size", 2.5, "an int of 1 or more"),
        ("eval_size", 145, "at most resize=144"),
        ("peak_rate", 0, "above 0"),
        ("peak_rate", "fast", "above 0"),
        ("binary_rate_factor", -1.0, "above 0"),
        ("weight_decay", -0.1, "0 or more"),
        ("first_size", 0, "None, or train_size=112 less a multiple of 16"),
        ("first_size", 128, "None, or train_size=112 less a multiple of 16"),
        ("first_size", 65, "None, or train_size=112 less a multiple of 16"),
        ("teacher", "", "None or a name"),
        ("start", 3, "None or a name"),
        ("teacher_weight", 0, r"in \(0, 1\]"),
        ("temperature", 0, "above 0"),
        ("warmup", 1.0, r"in \[0, 1\)"),
        ("label_smoothing", -0.1, r"in \[0, 1\)"),
        ("crop_area", (0.5, 1.5), "0 < low <= high <= 1"),
        ("crop_area", 0.5, "0 < low <= high <= 1"),
        ("crop_ratio", (2.0, 1.0), "0 < low <= high"),
        ("flip", 1, "true or false"),
        ("seed", -1, "an int in"),
        ("scheme", "", "a name"),
        ("model_options", [1], "a mapping"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: object, rule: str):
    with pytest.raises(ValueError, match=f"{name}=.* must be {rule}"):
        Recipe.from_dict({name: value})


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="recipe has no 'epoch'; it has dataset, model"):
        Recipe.from_dict({"epoch": 3})


def test_a_word_that_is_not_one_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"precision='bf16-mixd' is not one of auto, .*; did you mean 'bf16-mixed'"):
        Recipe(precision="bf16-mixd")
    with pytest.raises(ValueError, match=r"recipe has no 'epcohs'; .*; did you mean 'epochs'"):
        Recipe.from_dict({"epcohs": 3})


def test_recipes_of_before_distillation_are_still_read():
    values = Recipe(scheme="bwn").to_dict()
    for name in ("teacher", "teacher_weight", "temperature", "start", "first_size"):
        del values[name]
    assert Recipe.from_dict(values) == Recipe(scheme="bwn")


def test_stochastic_signs_have_a_rate_of_their_own():
    assert recipe_for("imagenette", "alexnet", "binaryconnect-stochastic").binary_rate_factor > 1
    changed = recipe_for("imagenette", "alexnet", "binaryconnect-stochastic", binary_rate_factor=1.5)
    assert changed.binary_rate_factor == 1.5


def test_help_of_the_model_names_every_network():
    from xnorlab.models import MODELS

    help_text = next(item.metadata["help"] for item in dataclasses.fields(Recipe) if item.name == "model")
    assert help_text.replace(" (default)", "").rstrip(".").split(", ") == list(MODELS)


@pytest.mark.parametrize("model", ["vgg_small", "resnet34"])
def test_networks_for_small_pictures_fit_the_pictures_of_a_data_set(model):
    from xnorlab.training.recipe_checks import require_feasible

    for dataset in ("imagenette", "tiny-imagenet", "cifar10"):
        require_feasible(recipe_for(dataset, model, "bnn"), 10)
