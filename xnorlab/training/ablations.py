"""One thing changed at a time: which networks to train, and the table that comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorlab.suggestions import unknown
from xnorlab.training.checkpoints import load_checkpoint
from xnorlab.training.evaluate import pictures, top1, torch_logits
from xnorlab.training.folders import find
from xnorlab.training.recipes import train_all
from xnorlab.zoo.recipe import Recipe, recipe_for

EPOCHS = 16


@dataclass(frozen=True)
class Row:
    """One network of an ablation: what it shows, and the model and scheme to train.

    Attributes:
        label: what it shows.
        model, scheme: as `recipe_for` takes them.
        against: the label of the row that differs from it in one thing; None for that row itself.
    """

    label: str
    model: str
    scheme: str
    against: str | None = None


@dataclass(frozen=True)
class Ablation:
    """A question and the networks that answer it, trained alike but for the scheme."""

    name: str
    question: str
    rows: tuple[Row, ...]


def _rows(model: str, *schemes: tuple[str, str]) -> tuple[Row, ...]:
    """Rows of one model from pairs (label, scheme); all are set against the first."""
    base = schemes[0][0]
    return tuple(Row(label, model, scheme, None if label == base else base) for label, scheme in schemes)


ABLATIONS: dict[str, Ablation] = {
    ablation.name: ablation
    for ablation in (
        Ablation(
            "scale",
            "α = mean|W|, a learned factor, or none, where a norm follows every convolution",
            _rows("alexnet", ("BWN, mean", "bwn"), ("BWN, learned", "bwn-learned"), ("BWN, none", "binaryconnect"))
            + _rows(
                "alexnet", ("XNOR, mean", "xnor"), ("XNOR, learned", "xnor-learned"), ("XNOR, none", "xnor-unscaled")
            ),
        ),
        Ablation(
            "scale-norm",
            "α where a norm follows the convolution, and where none does",
            _rows("alexnet", ("plain, norm, α", "bwn"), ("plain, norm, no α", "binaryconnect"))
            + _rows("alexnet", ("plain, no norm, α", "bwn-no-norm"), ("plain, no norm, no α", "binaryconnect-no-norm"))
            + _rows("resnet18", ("residual, norm, α", "xnor-cbap"), ("residual, norm, no α", "xnor-unscaled-cbap"))
            + _rows("resnet18", ("residual, no norm, α", "xnor"), ("residual, no norm, no α", "xnor-unscaled")),
        ),
        Ablation("input-scale", "The input scale K", _rows("alexnet", ("without K", "xnor"), ("with K", "xnor-k"))),
        Ablation("order", "Block order (Table 3b)", _rows("alexnet", ("B A C P", "xnor"), ("C B A P", "xnor-cbap"))),
        Ablation(
            "gradient", "Gradient of the sign", _rows("alexnet", ("clipped", "xnor"), ("polynomial", "xnor-polynomial"))
        ),
        Ablation(
            "ends",
            "First convolution and last matrix",
            _rows("alexnet", ("BWN, real", "bwn"), ("BWN, binary", "bwn-binary-ends"))
            + _rows("alexnet", ("XNOR, real", "xnor"), ("XNOR, binary", "xnor-binary-ends")),
        ),
        Ablation(
            "bits",
            "Bits of an activation",
            _rows("alexnet", ("1 bit", "xnor"), *((f"{k} bits", f"xnor-{k}-bit") for k in (2, 4, 8))),
        ),
        Ablation(
            "ternary",
            "Weights of −1 and +1, and weights of −1, 0 and +1",
            _rows(
                "alexnet",
                ("binary, BWN", "bwn"),
                ("ternary, γ per filter", "ternary"),
                ("ternary, γ per layer", "ternary-one-scale"),
                ("ternary, TWN", "ternary-twn"),
            ),
        ),
    )
}
"""Every ablation, by name. A network that serves several is trained once."""


def recipes(ablation: Ablation, dataset: str, epochs: int = EPOCHS, seed: int = 0) -> list[Recipe]:
    """One recipe per row: the data set's default but for epochs and seed."""
    return [recipe_for(dataset, row.model, row.scheme, epochs=epochs, seed=seed) for row in ablation.rows]


def run_ablation(
    name: str,
    data: str | Path,
    out: str | Path,
    *,
    dataset: str = "imagenette",
    epochs: int = EPOCHS,
    seeds: Sequence[int] = (0,),
    cache_folder: str | Path | None = None,
    changes: Callable[[Recipe], Recipe] = lambda recipe: recipe,
    **options: Any,
) -> dict[str, Any]:
    """Train what is not yet trained of an ablation and measure every row.

    Top-1 is measured in float32 through torch on the whole validation set, with the last epoch's weights.

    Args:
        name: a key of ABLATIONS.
        data: the data set's folder, or one that holds it.
        out: the folder of the runs; what is trained there is not trained again.
        dataset: the data set's name.
        epochs: passes over the training pictures, alike for all rows.
        seeds: each row is trained with each of them; the first one's accuracy is the row's `top1`, the others are its
            `repeats`.
        cache_folder: where decoded pictures are kept.
        changes: turns a row's recipe into the one to use, alike for all.
        **options: as `run.train` takes them.

    Returns:
        The ablation's entry, as `zoo.ablations.record` takes it.

    Raises:
        ValueError: `name` is unknown, or `seeds` is empty or has one twice.
    """
    if name not in ABLATIONS:
        raise ValueError(unknown("name", name, ABLATIONS))
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds={list(seeds)} must be one seed or more, each of them once")
    ablation = ABLATIONS[name]
    data_set = find(dataset, data)
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        chosen = [changes(recipe) for recipe in recipes(ablation, dataset, epochs, seed)]
        results = train_all(chosen, data, out, cache_folder=cache_folder, **options)
        for at, (row, result) in enumerate(zip(ablation.rows, results, strict=True)):
            model, recipe, _, _ = load_checkpoint(result.checkpoint)
            shown = pictures(data_set.val, recipe.preprocessing(), cache_folder=cache_folder)
            accuracy = top1(torch_logits(model, shown), shown.targets)
            trained_in = result.epochs[-1].get("precision", recipe.precision)
            if len(rows) > at:
                repeat = {"seed": seed, "top1": accuracy, "precision": trained_in}
                rows[at].setdefault("repeats", []).append(repeat)
            else:
                named = {"label": row.label, "against": row.against, "network": recipe.name}
                rows.append(named | {"top1": accuracy, "precision": trained_in, "recipe": recipe.to_dict()})
    given = " ".join(f"--seed {seed}" for seed in seeds)
    return {
        "question": ablation.question,
        "command": f"xnorlab ablate run {name} --data DATA --dataset {dataset} --epochs {epochs} {given}",
        "images": len(data_set.val),
        "pictures_sha256": data_set.val.fingerprint(),
        "rows": rows,
    }
