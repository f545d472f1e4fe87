"""Records what happens while a network learns, one record per epoch, with the share of signs that flipped.

`zoo.history` reads what was recorded of the shipped networks.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import lightning as L
import torch

from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.training.classification import Classification, binary_layers

STATE_KEY = "History"
"""Where a checkpoint keeps the records, among the states of its callbacks."""

HISTOGRAM_BINS = 48
HISTOGRAMS = 12
"""How many epochs, evenly spread over the run, have the latent weights' histograms kept."""


class EpochRecorder(L.Callback):
    """Records each epoch; its state travels in the checkpoint, so a resumed run's history is whole.

    Attributes:
        epochs: records with epoch (from 1), seconds, hardware and precision (which may change where a run is resumed),
            train_loss, train_top1, rate (after the epoch's last step), flips: layer → share of its signs that differ
            from the epoch's start, or of its −1, 0 and +1 where weights are ternary; and, where the epoch was followed
            by an evaluation, val_loss and val_top1. Accuracies are shares, 0 to 1.
        histograms: records with epoch (0 is the initialisation) and layers: name → {"limit": l, "counts": [...]},
            equal bins over [−l, l] where l is the 99.9 % quantile of |w|; the outermost bins also hold what lies
            beyond.
        report: called with each new record of `epochs` on the first process.
    """

    def __init__(self, report: Callable[[dict[str, Any]], None] | None = None):
        self.epochs: list[dict[str, Any]] = []
        self.histograms: list[dict[str, Any]] = []
        self.report = report
        self._signs: dict[str, torch.Tensor] = {}
        self._evaluated: dict[str, float] = {}
        self._started = 0.0

    @property
    def state_key(self) -> str:
        """The name that every checkpoint holds its state under."""
        return STATE_KEY

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the histogram before the first step."""
        if not self.histograms:
            self._keep_histogram(0, pl_module)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remember the signs."""
        self._started = time.perf_counter()
        self._signs = _signs(pl_module)
        self._evaluated = {}

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: Classification) -> None:
        """Keep the evaluation for this epoch's record."""
        self._evaluated = {
            "val_loss": pl_module.val_loss.compute().item(),
            "val_top1": pl_module.val_top1.compute().item(),
        }

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Classification) -> None:
        """Compare the signs; write the record."""
        now = _signs(pl_module)
        flips = {name: (now[name] != before).float().mean().item() for name, before in self._signs.items()}
        for name, share in flips.items():
            pl_module.log(f"flips/{name}", share, sync_dist=True)
        epoch = trainer.current_epoch + 1
        record: dict[str, Any] = {
            "epoch": epoch,
            "seconds": time.perf_counter() - self._started,
            "hardware": pl_module.hardware(),
            "precision": trainer.precision,
            "train_loss": pl_module.train_loss.compute().item(),
            "train_top1": pl_module.train_top1.compute().item(),
            "rate": trainer.optimizers[0].param_groups[0]["lr"],
            "flips": flips,
        }
        self.epochs.append(record | self._evaluated)
        if epoch in kept_epochs(pl_module.recipe.epochs):
            self._keep_histogram(epoch, pl_module)
        if self.report is not None and trainer.is_global_zero:
            self.report(self.epochs[-1])

    def _keep_histogram(self, epoch: int, pl_module: L.LightningModule) -> None:
        layers = {}
        for name, layer in _layers(pl_module):
            weight = layer.weight.detach().float().flatten().cpu()
            limit = weight.abs().kthvalue(max(1, int(0.999 * weight.numel()))).values.clamp_(min=1e-8).item()
            counts = torch.histc(weight.clamp(-limit, limit), HISTOGRAM_BINS, -limit, limit)
            layers[name] = {"limit": limit, "counts": counts.int().tolist()}
        self.histograms.append({"epoch": epoch, "layers": layers})

    def state_dict(self) -> dict[str, Any]:
        """Plain lists and dicts."""
        return {"epochs": self.epochs, "histograms": self.histograms}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the records of an earlier run."""
        self.epochs, self.histograms = list(state_dict["epochs"]), list(state_dict["histograms"])


def kept_epochs(total: int) -> set[int]:
    """The epochs of a run of `total` after which histograms are kept; the last one is among them."""
    count = min(HISTOGRAMS, total)
    return {total * i // count for i in range(1, count + 1)}


def stored_history(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The `epochs` and `histograms` that a loaded checkpoint holds."""
    return checkpoint["callbacks"][STATE_KEY]


def _layers(pl_module: L.LightningModule):
    return binary_layers(pl_module.model)  # pyright: ignore[reportArgumentType]


def _signs(pl_module: L.LightningModule) -> dict[str, torch.Tensor]:
    return {name: _sign(layer) for name, layer in _layers(pl_module)}


def _sign(layer: BinaryConv2d | BinaryLinear) -> torch.Tensor:
    """What a flip changes: whether each weight is at least 0, or the −1, 0 and +1 of a ternary layer."""
    weight, binarizer = layer.weight.detach(), layer.weight_binarizer
    return binarizer.signs(weight) if binarizer is not None and binarizer.gives_zeros else weight >= 0
