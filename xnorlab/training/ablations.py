"""One thing changed at a time: which networks to train, and the table that comes of it."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorlab import pretrained
from xnorlab.training.evaluate import pictures, top1, torch_logits
from xnorlab.training.folders import find
from xnorlab.training.recipe import Recipe, recipe_for
from xnorlab.training.sources import load_checkpoint
from xnorlab.training.zoo import train_all

FILE = "ablations.json"
EPOCHS = 16


@dataclass(frozen=True)
class Row:
    """One network of an ablation: what it shows, and the model and scheme to train.

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


def _of(model: str, name: str, question: str, **schemes: str) -> Ablation:
    """Rows of one model, by label with _ for spaces; all are compared with the first."""
    labels = [label.replace("_", " ") for label in schemes]
    against = [None, *[labels[0]] * (len(labels) - 1)]
    rows = zip(labels, [model] * len(labels), schemes.values(), against, strict=True)
    return Ablation(name, question, tuple(Row(*row) for row in rows))


ABLATIONS: dict[str, Ablation] = {
    ablation.name: ablation
    for ablation in (
        Ablation(
            "scale",
            "α = mean|W|, a learned factor, or none, where a norm follows every convolution",
            (
                Row("BWN, mean", "alexnet", "bwn"),
                Row("BWN, learned", "alexnet", "bwn-learned", "BWN, mean"),
                Row("BWN, none", "alexnet", "binaryconnect", "BWN, mean"),
                Row("XNOR, mean", "alexnet", "xnor"),
                Row("XNOR, learned", "alexnet", "xnor-learned", "XNOR, mean"),
                Row("XNOR, none", "alexnet", "xnor-unscaled", "XNOR, mean"),
            ),
        ),
        Ablation(
            "scale-norm",
            "α where a norm follows the convolution, and where none does",
            (
                Row("plain, norm, α", "alexnet", "bwn"),
                Row("plain, norm, no α", "alexnet", "binaryconnect", "plain, norm, α"),
                Row("plain, no norm, α", "alexnet", "bwn-no-norm"),
                Row("plain, no norm, no α", "alexnet", "binaryconnect-no-norm", "plain, no norm, α"),
                Row("residual, norm, α", "resnet18", "xnor-cbap"),
                Row("residual, norm, no α", "resnet18", "xnor-unscaled-cbap", "residual, norm, α"),
                Row("residual, no norm, α", "resnet18", "xnor"),
                Row("residual, no norm, no α", "resnet18", "xnor-unscaled", "residual, no norm, α"),
            ),
        ),
        _of("alexnet", "input-scale", "The input scale K", without_K="xnor", with_K="xnor-k"),
        _of("alexnet", "order", "Block order (Table 3b)", B_A_C_P="xnor", C_B_A_P="xnor-cbap"),
        _of("alexnet", "gradient", "Gradient of the sign", clipped="xnor", polynomial="xnor-polynomial"),
        Ablation(
            "ends",
            "First convolution and last matrix",
            (
                Row("BWN, real", "alexnet", "bwn"),
                Row("BWN, binary", "alexnet", "bwn-binary-ends", "BWN, real"),
                Row("XNOR, real", "alexnet", "xnor"),
                Row("XNOR, binary", "alexnet", "xnor-binary-ends", "XNOR, real"),
            ),
        ),
        Ablation(
            "bits",
            "Bits of an activation",
            (
                Row("1 bit", "alexnet", "xnor"),
                *(Row(f"{k} bits", "alexnet", f"xnor-{k}-bit", "1 bit") for k in (2, 4, 8)),
            ),
        ),
    )
}
"""By name. A network that serves several is trained once."""


def recipes(ablation: Ablation, dataset: str, epochs: int = EPOCHS, seed: int = 0) -> list[Recipe]:
    """A recipe a row: the data set's default but for epochs and seed."""
    return [recipe_for(dataset, row.model, row.scheme, epochs=epochs, seed=seed) for row in ablation.rows]


def run_ablation(
    name: str,
    data: str | Path,
    out: str | Path,
    *,
    dataset: str = "imagenette",
    epochs: int = EPOCHS,
    seed: int = 0,
    cache_folder: str | Path | None = None,
    changes: Callable[[Recipe], Recipe] = lambda recipe: recipe,
    **options: Any,
) -> dict[str, Any]:
    """Train what is not yet trained of an ablation in `out` and measure every row; returns its entry for FILE.

    name: a key of ABLATIONS. data: the data set's folder, or one that holds it. dataset: its name. changes: turns a
    row's recipe into the one to use, alike for all. options: as `run.train` takes them.

    Top-1 is measured in float32 through torch on the whole validation set, with the last epoch's weights.
    """
    if name not in ABLATIONS:
        raise ValueError(f"name={name!r} is not one of {', '.join(ABLATIONS)}")
    ablation = ABLATIONS[name]
    found = find(dataset, data)
    chosen = [changes(recipe) for recipe in recipes(ablation, dataset, epochs, seed)]
    results = train_all(chosen, data, out, cache_folder=cache_folder, **options)
    rows = []
    for row, result in zip(ablation.rows, results, strict=True):
        model, recipe, _, _ = load_checkpoint(result.checkpoint)
        shown = pictures(found.val, recipe.preprocessing(), cache_folder=cache_folder)
        accuracy = top1(torch_logits(model, shown), shown.targets)
        rows.append(
            {"label": row.label, "against": row.against, "network": recipe.name, "top1": accuracy}
            | {"recipe": recipe.to_dict()}
        )
    return {
        "question": ablation.question,
        "command": f"xnorlab ablate run {name} --data DATA --dataset {dataset} --epochs {epochs} --seed {seed}",
        "images": len(found.val),
        "pictures_sha256": found.val.fingerprint(),
        "rows": rows,
    }


def stored(folder: str | Path | None = None) -> dict[str, dict[str, Any]]:
    """The entries of `ablations.json` in the folder of shipped networks, by name; none where there is no file."""
    path = (pretrained.folder() if folder is None else Path(folder)) / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def record(name: str, entry: dict[str, Any], folder: str | Path | None = None) -> Path:
    """Enter an ablation's result into `ablations.json`, in place of an earlier one; returns the file."""
    folder = pretrained.folder() if folder is None else Path(folder)
    entries = stored(folder) | {name: entry}
    partial = folder / f"{FILE}.partial"
    ordered = {key: entries[key] for key in sorted(entries)}
    partial.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, folder / FILE)
    return folder / FILE
