"""The networks that are shipped, as recipes, and one call that trains any list of recipes to its end."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from xnorlab.suggestions import nearest
from xnorlab.training.checkpoints import CHECKPOINT, read_checkpoint, trained_epochs
from xnorlab.training.epoch_recorder import stored_history
from xnorlab.training.imagenet import IMAGENET_RECIPES, PaperRecipe
from xnorlab.training.run import Result, train
from xnorlab.zoo.recipe import Recipe, recipe_for

EPOCHS = 60
STAGE_1_EPOCHS = 30
TINY_STAGE_EPOCHS = 16
FIRST_SIZE = 64
TAUGHT_FIRST_SIZE = 80
"""A teacher that was last trained on 112 pixels has poor answers at 64."""
DATASET = "imagenette"
ALEXNETS = ("float", "binaryconnect", "bnn", "bwn", "xnor", "xnor-k", "binaryconnect-stochastic")
RESNETS = ("float", "bwn", "xnor", "binaryconnect", "bnn", "bireal")
REPEATED = {"alexnet": ALEXNETS[:6], "resnet18": RESNETS[:3]}
"""The networks that a verdict rests on, by model: they are trained with seed 1, too."""


def _recipes() -> tuple[Recipe, ...]:
    recipes = []
    for model, schemes in (("alexnet", ALEXNETS), ("resnet18", RESNETS)):
        for seed, chosen in ((0, schemes), (1, REPEATED[model])):
            shared: dict[str, Any] = {"epochs": EPOCHS, "seed": seed, "first_size": FIRST_SIZE}
            recipes += [recipe_for(DATASET, model, scheme, **shared) for scheme in chosen]
    taught: dict[str, Any] = {"teacher": f"{DATASET}/resnet18-float", "teacher_weight": 1.0, "label_smoothing": 0.0}
    taught["first_size"] = TAUGHT_FIRST_SIZE
    first = recipe_for(DATASET, "resnet18", "reactnet-stage-1", epochs=STAGE_1_EPOCHS, **taught)
    second = recipe_for(DATASET, "resnet18", "reactnet", epochs=EPOCHS, start=first.name, **taught)
    return (*recipes, first, second, *_tiny_recipes())


def _tiny_recipes() -> list[Recipe]:
    """ResNet-18 on Tiny ImageNet: 24 epochs of pictures that grow from 32 to 48 pixels, evaluated at 64."""
    float_name = "tiny-imagenet/resnet18-float"
    plain = [recipe_for("tiny-imagenet", "resnet18", scheme) for scheme in ("float", "bwn", "xnor")]
    taught: dict[str, Any] = {
        "teacher": float_name,
        "teacher_weight": 1.0,
        "label_smoothing": 0.0,
        "epochs": TINY_STAGE_EPOCHS,
    }
    first = recipe_for("tiny-imagenet", "resnet18", "reactnet-stage-1", **taught)
    return [*plain, first, recipe_for("tiny-imagenet", "resnet18", "reactnet", start=first.name, **taught)]


RECIPES = _recipes()
"""The recipes that `xnorlab zoo train` follows, each network behind those that it learns from.

Networks of one architecture share one recipe, so that their rows can be compared, except ReActNet, which is trained
as its paper says: in two stages, from the float network's answers alone (Liu et al. 2020, sections 4.3 and 5.1).
"""


def select(names: Iterable[str] | None) -> tuple[Recipe, ...]:
    """The recipes of these run names, in the zoo's order; None is all. Raises ValueError for an unknown name."""
    if names is None:
        return RECIPES
    wanted = list(names)
    known = [recipe.run_name for recipe in RECIPES]
    for name in wanted:
        if name not in known:
            raise ValueError(f"name={name!r} is not in the zoo: {', '.join(known)}{nearest(name, known)}")
    return tuple(recipe for recipe in RECIPES if recipe.run_name in wanted)


def named(name: str, dataset: str) -> tuple[Recipe, PaperRecipe | None]:
    """Recipe of a name, of the zoo or for ImageNet, for a data set that may be another one.

    Args:
        name: a run's name in the zoo, or a key of IMAGENET_RECIPES.
        dataset: name of the data set to train on. Networks that the recipe learns from are those of this data set.

    Returns:
        The recipe, and where its numbers come from if it is one for ImageNet.

    Raises:
        ValueError: no recipe has this name.
    """
    known = {recipe.run_name: recipe for recipe in RECIPES} | {n: p.recipe for n, p in IMAGENET_RECIPES.items()}
    if name not in known:
        raise ValueError(f"recipe={name!r} is not one of {', '.join(known)}{nearest(name, known)}")
    recipe = known[name]

    def there(other: str | None) -> str | None:
        return other and f"{dataset}/{other.partition('/')[2]}"

    moved = replace(recipe, dataset=dataset, teacher=there(recipe.teacher), start=there(recipe.start))
    return moved, IMAGENET_RECIPES.get(name)


def complete(data: str | Path, recipe: Recipe, folder: str | Path, **options: Any) -> Result:
    """Train a recipe to its end: begin it, resume it, or take it as it is where it is finished.

    Args:
        data: as `run.train` takes it.
        recipe: what to train.
        folder: the run's folder.
        **options: as `run.train` takes them.

    Raises:
        ValueError: the folder holds a run of another recipe.
    """
    checkpoint = Path(folder) / CHECKPOINT
    if not checkpoint.is_file():
        return train(data, recipe, folder, **options)
    stored, _, content = read_checkpoint(checkpoint)
    if trained_epochs(content) >= recipe.epochs and stored == recipe:
        return Result(Path(folder), checkpoint, recipe, stored_history(content)["epochs"])
    return train(data, recipe, folder, resume=True, **options)


def train_all(
    recipes: Iterable[Recipe],
    data: str | Path,
    out: str | Path,
    *,
    begin: Callable[[Recipe], None] | None = None,
    **options: Any,
) -> list[Result]:
    """Train every recipe in `<out>/<run name>`, one after the other; what is finished there is not trained again.

    Teachers and starts are looked for in `out` first.

    Args:
        recipes: in the order in which they are trained.
        data: a folder of data sets.
        out: the folder of the runs.
        begin: called with each recipe before it starts.
        **options: as `run.train` takes them.
    """
    results = []
    for recipe in recipes:
        if begin is not None:
            begin(recipe)
        results.append(complete(data, recipe, Path(out) / recipe.run_name, runs=out, **options))
    return results
