import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xnorlab import pretrained
from xnorlab.nn import get_scheme
from xnorlab.training import recipes
from xnorlab.training.run import Result
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
LOCAL = {"accelerator": "cpu", "devices": 1, "progress": False}


def test_every_network_stands_behind_those_it_learns_from():
    done: list[str] = []
    for recipe in recipes.RECIPES:
        get_scheme(recipe.scheme)
        assert {recipe.teacher, recipe.start} - {None} <= set(done), recipe.run_name
        done.append(recipe.run_name)
    assert len(set(done)) == len(done)


def test_one_architectures_networks_share_a_recipe():
    kept = {"scheme": "", "seed": 0, "binary_rate_factor": 1.0}
    for network in {(r.dataset, r.model) for r in recipes.RECIPES}:
        plain = [r for r in recipes.RECIPES if (r.dataset, r.model) == network and r.teacher is None]
        assert len({json.dumps(recipe.to_dict() | kept) for recipe in plain}) == 1


def test_shipped_networks_were_trained_by_the_zoos_recipes():
    """In whatever precision their machine took; that stands beside the recipe."""
    zoo = {recipe.name: recipe for recipe in recipes.RECIPES if recipe.seed == 0}
    for name, shipped in pretrained.entries().items():
        assert shipped.recipe == zoo[name]
        assert {part.precision for part in (shipped, *shipped.repeats)} <= {"bf16-mixed", "32-true"}


def test_names_choose_and_unknown_ones_are_refused():
    assert recipes.select(None) == recipes.RECIPES
    (chosen,) = recipes.select(["imagenette/alexnet-bwn-seed1"])
    assert (chosen.scheme, chosen.seed) == ("bwn", 1)
    with pytest.raises(ValueError, match="name='bwn' is not in the zoo: imagenette/alexnet-float"):
        recipes.select(["bwn"])
    with pytest.raises(ValueError, match="did you mean 'imagenette/alexnet-bwn'"):
        recipes.select(["imagenette/alexnet-bnw"])


def test_training_all_begins_resumes_and_leaves_alone(
    image_folder: Path, cache_folder: Path, small_recipe: Make, run_small: Callable[..., Result], tmp_path: Path
):
    first = small_recipe(scheme="float", epochs=1)
    second = small_recipe(scheme="xnor", epochs=2, teacher=first.name, start=first.name, seed=1)
    epochs: list[int] = []
    run_small(second, tmp_path / second.run_name, stop_after=1, runs=_trained(first, run_small, tmp_path))
    for expected in ([2], []):
        epochs.clear()
        begun: list[str] = []
        results = recipes.train_all(
            (first, second),
            image_folder,
            tmp_path,
            cache_folder=cache_folder,
            begin=lambda recipe: begun.append(recipe.run_name),  # noqa: B023
            report=lambda record: epochs.append(record["epoch"]),
            **LOCAL,
        )
        assert begun == ["insects/resnet18-float", "insects/resnet18-xnor-seed1"]
        assert epochs == expected
        assert [len(result.epochs) for result in results] == [1, 2]
    with pytest.raises(ValueError, match="epochs=3 differs from the checkpoint's 1"):
        recipes.complete(image_folder, small_recipe(scheme="float", epochs=3), tmp_path / first.name, **LOCAL)


def _trained(recipe: Recipe, run_small: Callable[..., Result], folder: Path) -> Path:
    run_small(recipe, folder / recipe.run_name)
    return folder
