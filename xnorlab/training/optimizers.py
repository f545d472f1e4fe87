"""A recipe's optimiser, and its learning rate in each step."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from xnorlab.zoo.recipe import Recipe

MOMENTUM = 0.9
"""Momentum of "sgd": that of XNOR-Net (section 4.2), Bi-Real Net (section 4.1) and ResNet (He et al. 2016)."""


def rate_at(step: int, recipe: Recipe, steps_per_epoch: int) -> float:
    """Learning rate of a step in units of the peak: it climbs linearly, then follows the recipe's schedule.

    Args:
        step: number of the step, from 0.
        recipe: its epochs, warmup and schedule.
        steps_per_epoch: optimiser steps in one epoch.
    """
    total = recipe.epochs * steps_per_epoch
    climb = round(recipe.warmup * total)
    if step < climb:
        return (step + 1) / climb
    share = (step - climb) / max(1, total - climb)
    if recipe.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * share))
    if recipe.schedule == "linear":
        return 1 - share
    epoch = 1 + step // steps_per_epoch
    return next((factor for begin, factor in reversed(recipe.rate_factors) if epoch >= begin), 1.0)


def optimizer_and_schedule(
    recipe: Recipe, parameters: Iterable[nn.Parameter], latent_weights: Sequence[nn.Parameter], steps_per_epoch: int
) -> dict[str, Any]:
    """The recipe's optimiser and the schedule of its rate, as Lightning's `configure_optimizers` returns them.

    Real weights decay; latent binary weights, norms, biases and scales do not. The rates are those of the recipe for
    any number of processes, since its batch size counts the pictures of all of them.

    Args:
        recipe: how to train.
        parameters: of the whole network.
        latent_weights: those of its parameters that are binarized.
        steps_per_epoch: optimiser steps in one epoch.
    """
    latent, every = {id(weight) for weight in latent_weights}, list(parameters)
    groups: list[dict[str, Any]] = [
        {
            "params": [p for p in every if p.dim() > 1 and id(p) not in latent],
            "lr": recipe.peak_rate,
            "weight_decay": recipe.weight_decay,
        },
        {"params": [p for p in every if p.dim() <= 1], "lr": recipe.peak_rate, "weight_decay": 0.0},
    ]
    if latent:
        binary_rate = recipe.peak_rate * recipe.binary_rate_factor
        groups.append({"params": list(latent_weights), "lr": binary_rate, "weight_decay": 0.0})
    if recipe.optimizer == "sgd":
        optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, fused=True)
    else:
        optimizer = (torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW)(groups, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, recipe, steps_per_epoch))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
