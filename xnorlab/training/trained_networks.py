"""Trained networks that a later run builds on, as its teacher or its start: runs, and the shipped networks."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from xnorlab import models
from xnorlab.nn import get_scheme
from xnorlab.training.checkpoints import CHECKPOINT, load_checkpoint, trained_epochs
from xnorlab.zoo import manifest
from xnorlab.zoo.recipe import Recipe


@dataclass(frozen=True)
class TrainedNetwork:
    """Network that has been trained.

    Attributes:
        model: in eval mode.
        recipe: how it was trained.
        labels: its class names.
    """

    model: nn.Module
    recipe: Recipe
    labels: tuple[str, ...]


def open_trained_network(name: str, runs: str | Path | None = None) -> TrainedNetwork:
    """Network that a recipe names as its teacher or its start.

    Args:
        name: looked for as a run's folder in `runs`, as the path of a run's folder, and among the shipped networks, in
            this order.
        runs: a folder of runs; None looks in none.

    Raises:
        ValueError: there is no such network, or the run is unfinished.
    """
    for folder in ([] if runs is None else [Path(runs) / name]) + [Path(name)]:
        if (folder / CHECKPOINT).is_file():
            model, recipe, labels, checkpoint = load_checkpoint(folder / CHECKPOINT)
            if trained_epochs(checkpoint) < recipe.epochs:
                raise ValueError(
                    f"{folder} has trained {trained_epochs(checkpoint)} of {recipe.epochs} epochs: resume it"
                )
            return TrainedNetwork(model, recipe, tuple(labels))
    shipped = manifest.entry(name)
    return TrainedNetwork(models.load(name), shipped.recipe, shipped.labels)


def copy_weights_(model: nn.Module, scheme: str, source: TrainedNetwork) -> None:
    """Copy the weights of a trained network into another one, by name.

    Convolutions and matrices are copied always, with their biases. Norms, thresholds and slopes are copied only where
    both schemes have the same block order, since a norm elsewhere sees other values.

    Args:
        model: the network that is to start from them.
        scheme: the scheme that `model` was built under.
        source: the trained network.

    Raises:
        ValueError: a convolution or matrix of `model` has no counterpart of its shape.
    """
    same_order = get_scheme(scheme).order == get_scheme(source.recipe.scheme).order
    theirs = source.model.state_dict()
    target = model.state_dict()
    for name, value in target.items():
        weight = target.get(name.rpartition(".")[0] + ".weight")
        of_a_layer = weight is not None and weight.dim() > 1
        if name in theirs and theirs[name].shape == value.shape and (of_a_layer or same_order):
            value.copy_(theirs[name])
        elif value.dim() > 1:
            raise ValueError(f"start: {source.recipe.name} has no weight {name} of shape {tuple(value.shape)}")
