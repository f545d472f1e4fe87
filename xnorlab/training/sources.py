"""Trained networks that later runs build on: checkpoints of run folders, and the shipped networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xnorlab import models, pretrained
from xnorlab.nn import get_scheme
from xnorlab.training.recipe import Recipe

CHECKPOINT = "last.ckpt"
"""The checkpoint in a run's folder."""


def load_checkpoint(path: str | Path) -> tuple[nn.Module, Recipe, list[str], Mapping[str, Any]]:
    """A run's model in eval mode, its recipe, labels and the whole checkpoint; never runs code from the file."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        recipe, labels = Recipe.from_dict(checkpoint["recipe"]), checkpoint["labels"]
        state = checkpoint["state_dict"]
    except FileNotFoundError:
        raise ValueError(f"checkpoint={str(path)!r} does not exist") from None
    except Exception as error:  # torch.load raises anything from EOFError to UnpicklingError
        raise ValueError(f"checkpoint={str(path)!r} is not a checkpoint of xnorlab train: {error}") from error
    model = models.build(recipe.model, recipe.scheme, len(labels), **recipe.model_options)
    weights = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    model.load_state_dict(weights)
    return model.eval(), recipe, labels, checkpoint


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
            if checkpoint["epoch"] + 1 < recipe.epochs:
                raise ValueError(f"{folder} has trained {checkpoint['epoch'] + 1} of {recipe.epochs} epochs: resume it")
            return Source(model, recipe, tuple(labels))
    entry = pretrained.manifest_entry(name)
    return Source(models.load(name), Recipe.from_dict(entry["recipe"]), tuple(entry["labels"]))


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
