"""Trained networks that later runs build on: checkpoints of run folders, and the shipped networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xnorlab import models
from xnorlab.nn import get_scheme
from xnorlab.training.epoch_recorder import STATE_KEY
from xnorlab.training.same_data import well_formed
from xnorlab.zoo import manifest
from xnorlab.zoo.recipe import Recipe

CHECKPOINT = "last.ckpt"
"""The checkpoint in a run's folder."""

PARTS = {
    "recipe": dict,
    "labels": list,
    "state_dict": dict,
    "epoch": int,
    "callbacks": dict,
    "loops": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}
"""What every checkpoint of a run holds, and of which type. Without "loops", Lightning would begin at epoch 1 again."""

HISTORY_PARTS = ("epochs", "histograms")


def read_checkpoint(path: str | Path) -> tuple[Recipe, list[str], Mapping[str, Any]]:
    """A run's recipe, labels and the whole checkpoint as it was saved; never runs code from the file.

    Raises ValueError, which says what is wrong with it, for a file that is missing, cut off, damaged or another's.
    """
    path = Path(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"checkpoint={str(path)!r} does not exist") from None
    except Exception as error:  # torch.load raises anything from EOFError to UnpicklingError
        raise _unusable(path, _unreadable(path, error)) from error
    if not isinstance(checkpoint, dict):
        raise _unusable(path, f"it holds a {type(checkpoint).__name__}")
    for key, kind in PARTS.items():
        if not isinstance(checkpoint.get(key), kind):
            raise _unusable(path, f"its {key!r} is missing or not a {kind.__name__}")
    labels, history = checkpoint["labels"], checkpoint["callbacks"].get(STATE_KEY)
    if len(labels) < 2 or not all(isinstance(label, str) for label in labels):
        raise _unusable(path, f"its labels are {labels!r}")
    if not isinstance(history, dict) or not all(isinstance(history.get(key), list) for key in HISTORY_PARTS):
        raise _unusable(path, "it holds no history of its epochs")
    if not well_formed(checkpoint.get("data"), len(labels)):
        raise _unusable(path, "what it says of its pictures is not a listing and a count a class")
    try:
        return Recipe.from_dict(checkpoint["recipe"]), labels, checkpoint
    except (ValueError, TypeError) as error:
        raise _unusable(path, str(error)) from error


def load_checkpoint(path: str | Path) -> tuple[nn.Module, Recipe, list[str], Mapping[str, Any]]:
    """A run's model in eval mode, its recipe, labels and the whole checkpoint; raises as `read_checkpoint` does."""
    recipe, labels, checkpoint = read_checkpoint(path)
    try:
        model = models.build(recipe.model, recipe.scheme, len(labels), **recipe.model_options)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise _unusable(path, str(error).partition("\n")[0]) from error
    load_weights_(model, checkpoint, path)
    return model.eval(), recipe, labels, checkpoint


def load_weights_(model: nn.Module, checkpoint: Mapping[str, Any], path: str | Path) -> None:
    """The checkpoint's weights into the model; raises ValueError where they are not those of its recipe's network."""
    state = checkpoint["state_dict"]
    weights = {key.removeprefix("model."): value for key, value in state.items() if str(key).startswith("model.")}
    try:
        model.load_state_dict(weights)
    except Exception as error:  # of other names, shapes or kinds
        raise _unusable(path, f"its weights are not those of its recipe's network: {_on_one_line(error)}") from error


def trained_epochs(checkpoint: Mapping[str, Any]) -> int:
    """How many epochs of its recipe a checkpoint has behind it."""
    return checkpoint["epoch"] + 1


def kept(folder: str | Path) -> str:
    """What a run's folder holds, in words: "epochs 1 to 3 of 10 are safe in runs/a/last.ckpt"."""
    path = Path(folder) / CHECKPOINT
    try:
        recipe, _, checkpoint = read_checkpoint(path)
    except ValueError:
        return "no epoch is kept"
    done = trained_epochs(checkpoint)
    which = f"epoch 1 of {recipe.epochs} is" if done == 1 else f"epochs 1 to {done} of {recipe.epochs} are"
    return f"{which} safe in {path}"


def _unusable(path: str | Path, reason: str) -> ValueError:
    return ValueError(f"checkpoint={str(path)!r} is not a checkpoint of xnorlab train, or is damaged: {reason}")


def _unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    # torch's own words are ten lines about options that nobody here has
    return f"torch cannot read its {size:,} bytes ({type(error).__name__})"


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


@dataclass(frozen=True)
class Source:
    """A trained network in eval mode, the recipe that it was trained by, and its class names."""

    model: nn.Module
    recipe: Recipe
    labels: tuple[str, ...]


def open_source(name: str, runs: str | Path | None = None) -> Source:
    """The network that a recipe names as its teacher or its start.

    name: looked for as a run's folder in `runs`, as a run's folder by itself, and among the shipped networks; the first
    that is there is taken. Raises ValueError where there is none, or where the run is unfinished.
    """
    for folder in ([] if runs is None else [Path(runs) / name]) + [Path(name)]:
        if (folder / CHECKPOINT).is_file():
            model, recipe, labels, checkpoint = load_checkpoint(folder / CHECKPOINT)
            if trained_epochs(checkpoint) < recipe.epochs:
                raise ValueError(
                    f"{folder} has trained {trained_epochs(checkpoint)} of {recipe.epochs} epochs: resume it"
                )
            return Source(model, recipe, tuple(labels))
    shipped = manifest.entry(name)
    return Source(models.load(name), shipped.recipe, shipped.labels)


def copy_weights_(model: nn.Module, scheme: str, source: Source) -> None:
    """Give `model`, built under `scheme`, the weights of `source`, by name.

    Convolutions and matrices come along always, with their biases; norms, thresholds and slopes only where both
    schemes have the same block order, since a norm elsewhere sees other values. Raises ValueError where a
    convolution or matrix of `model` has no counterpart.
    """
    same_order = get_scheme(scheme).order == get_scheme(source.recipe.scheme).order
    theirs = source.model.state_dict()
    target = model.state_dict()
    for name, value in target.items():
        weight = target.get(name.rpartition(".")[0] + ".weight")
        weighs = weight is not None and weight.dim() > 1
        if name in theirs and theirs[name].shape == value.shape and (weighs or same_order):
            value.copy_(theirs[name])
        elif value.dim() > 1:
            raise ValueError(f"start: {source.recipe.name} has no weight {name} of shape {tuple(value.shape)}")
