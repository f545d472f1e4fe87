"""Measures what is left of a trained float network whose filters are replaced by signs, without training after it.

Here the paper's argument for α can be seen undisturbed: every later layer and norm expects the real filters' sums.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xnorlab.binarize import sign, weight_scale
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.training.cache import prepare
from xnorlab.training.dataset import Split
from xnorlab.training.evaluate import Pictures, pictures, top1, torch_logits
from xnorlab.training.folders import find
from xnorlab.training.trained_networks import open_trained_network
from xnorlab.zoo.latent_weights import weights_digest
from xnorlab.zoo.recipe import Recipe

CALIBRATION_PICTURES = 1024


def unit(w: Tensor) -> Tensor:
    """The factor 1 for every filter: w (N, ...) → (N,)."""
    return torch.ones(len(w), dtype=w.dtype)


def projecting(w: Tensor) -> Tensor:
    """The factor α/ρ with ρ = ‖W‖₁²/(n‖W‖²), which is ‖W‖²/‖W‖₁: w (N, ...) → (N,).

    ρ, 2/π for normal weights, is the share of W's energy that α·sign(W) keeps. α·B is W's best approximation but
    shorter than W; scaled by 1/ρ its part along W has W's own length, so that the following norm sees the sums that
    it was trained for, with more noise. A filter of zeros has scale 0.
    """
    flat = w.flatten(1)
    return flat.square().sum(1) / flat.abs().sum(1).clamp_(min=torch.finfo(w.dtype).tiny)


SCALES: dict[str, Callable[[Tensor], Tensor]] = {
    "sign(W)": unit,
    "α·sign(W)": weight_scale,
    "(α/ρ)·sign(W)": projecting,
}
"""One factor per filter, by what replaces the filter."""


@torch.no_grad()
def with_binary_filters(model: nn.Module, scale: Callable[[Tensor], Tensor]) -> nn.Module:
    """A copy in which W becomes scale(W)·sign(W) in every layer that a binary network would binarize.

    Args:
        model: a network of a scheme with real weights, such as "float".
        scale: gives one factor per filter, (N, ...) → (N,).
    """
    changed = copy.deepcopy(model)
    for layer in changed.modules():
        if isinstance(layer, (BinaryConv2d, BinaryLinear)):
            if layer.weight_binarizer is not None:
                raise ValueError("model must have real weights; one of its layers binarizes them already")
            w = layer.weight
            w.copy_(sign(w) * scale(w).view(-1, *([1] * (w.dim() - 1))))
    return changed


@torch.no_grad()
def estimate_norms_(model: nn.Module, x: Tensor, batch: int = 128) -> nn.Module:
    """Replace every norm's mean and variance by those of x (N, 3, H, W), averaged over batches; returns the model."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for part in x.split(batch):
        model(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
    return model


def no_retraining(
    networks: Sequence[str],
    data: str | Path,
    *,
    runs: str | Path | None = None,
    cache_folder: str | Path | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Top-1 of a float network and of its copies under SCALES, over the whole validation set.

    Each copy is measured with the norms as they were trained, and with their statistics estimated anew on training
    pictures, which lets them absorb any factor per filter.

    Args:
        networks: a shipped float network or a run (see `open_trained_network`), then runs of its recipe with other
            seeds, whose accuracies become the rows' `repeats`.
        data: the data set's folder, or one that holds it.
        runs: a folder in which runs are looked for first.
        cache_folder: where decoded pictures are kept.
        report: called with each row of the first network.

    Returns:
        The ablation's entry, as `zoo.ablations.record` takes it.

    Raises:
        ValueError: there is no network, the data has other classes, or a further network differs in more than its seed
            or has one that is there already.
    """
    if not networks:
        raise ValueError("networks is empty; it must name at least one float network")
    sources = [open_trained_network(network, runs) for network in networks]
    first = sources[0]
    for network, source in zip(networks[1:], sources[1:], strict=True):
        if not source.recipe.same_but_seed(first.recipe):
            raise ValueError(f"networks: {network} differs from {networks[0]} in more than its seed")
    if len({source.recipe.seed for source in sources}) < len(sources):
        raise ValueError(f"networks={list(networks)} must be of different seeds")
    data_set = find(first.recipe.dataset, data)
    if data_set.labels != first.labels:
        raise ValueError(f"data={str(data)!r} has other classes than {networks[0]}")
    shown = pictures(data_set.val, first.recipe.preprocessing(), cache_folder=cache_folder)
    calibration = _calibration(data_set.train, first.recipe, cache_folder)
    rows: list[dict[str, Any]] = []
    for filters, norms, accuracy in _accuracies(first.model, shown, calibration):
        label, against = f"{filters}, norms {norms}", rows[0]["label"] if rows else None
        row = {"label": label, "against": against, "filters": filters, "norms": norms, "top1": accuracy}
        rows.append(row | {"recipe": first.recipe.to_dict()})
        if report is not None:
            report(rows[-1])
    for source in sources[1:]:
        for row, (*_, accuracy) in zip(rows, _accuracies(source.model, shown, calibration), strict=True):
            row.setdefault("repeats", []).append({"seed": source.recipe.seed, "top1": accuracy})
    named = " ".join([networks[0], *(f"RUNS/{source.recipe.run_name}" for source in sources[1:])])
    return {
        "question": "A float network's filters replaced by signs, without training after it",
        "command": f"xnorlab ablate no-retraining {named} --data DATA",
        "network": first.recipe.name,
        "weights_sha256": weights_digest({name: value.numpy() for name, value in first.model.state_dict().items()}),
        "images": len(shown),
        "pictures_sha256": shown.split.fingerprint(),
        "calibration_pictures": len(calibration),
        "rows": rows,
    }


def _accuracies(model: nn.Module, shown: Pictures, calibration: Tensor) -> Iterator[tuple[str, str, float]]:
    """What replaces the filters, how the norms were obtained, and top-1: of the model itself, then under SCALES."""

    def measured(changed: nn.Module) -> float:
        return top1(torch_logits(changed, shown), shown.targets)

    yield "W", "as trained", measured(model)
    for filters, scale in SCALES.items():
        changed = with_binary_filters(model, scale)
        yield filters, "as trained", measured(changed)
        yield filters, "estimated anew", measured(estimate_norms_(changed, calibration))


def _calibration(split: Split, recipe: Recipe, cache_folder: str | Path | None) -> Tensor:
    """Training pictures, evenly spread, as evaluation would show them: (n, 3, S, S) float32."""
    (prepared,) = prepare((split, recipe.training_square()), cache_folder=cache_folder)
    whole = prepared.squares
    chosen = np.linspace(0, len(whole) - 1, min(CALIBRATION_PICTURES, len(whole))).astype(np.int64)
    # Classes lie one after the other on disk; in another order each batch holds all of them.
    chosen = np.random.default_rng(0).permutation(chosen)
    shown = np.stack([recipe.preprocessing().crop_image(whole[i]) for i in chosen])
    return torch.from_numpy(recipe.preprocessing()(shown)).permute(0, 3, 1, 2)
