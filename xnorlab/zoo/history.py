"""How the shipped networks learned: curves, sign flips and weight histograms of each epoch. Never imports torch.

`pretrained/<name>-history.json` is what training wrote (`training.epoch_recorder.EpochRecorder` says what it holds).
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorlab.zoo import files


@dataclass(frozen=True)
class WeightHistogram:
    """Latent weights of one layer after one epoch (0: before training).

    edges: (bins + 1,) rising; counts: (bins,) weights in each bin, the outermost also hold what lies beyond.
    """

    epoch: int
    edges: np.ndarray
    counts: np.ndarray

    @property
    def mean_abs(self) -> float:
        """mean|W| of the layer, to within the width of a bin: what α is on average over the filters."""
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        return float((np.abs(middles) * self.counts).sum() / self.counts.sum())


@dataclass(frozen=True)
class TrainingHistory:
    """One network's training. Epochs count from 1; accuracies and flips are shares, 0 to 1."""

    name: str
    epochs: tuple[dict[str, Any], ...]
    histograms: tuple[dict[str, Any], ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The binary layers, by their names in the torch module; none for a float network."""
        return tuple(self.epochs[0]["flips"])

    def curve(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """(epochs, values) of "train_loss", "train_top1", "val_loss", "val_top1", "rate" or "seconds".

        Only the epochs that recorded it: validation need not follow each one, or any.
        """
        found = [(record["epoch"], record[key]) for record in self.epochs if key in record]
        return np.array([epoch for epoch, _ in found], np.int64), np.array([value for _, value in found], np.float64)

    def flips(self, layer: str) -> np.ndarray:
        """(epochs,) share of the layer's signs that differ from the epoch's start."""
        return np.array([record["flips"][layer] for record in self.epochs], np.float64)

    def histogram(self, layer: str, epoch: int) -> WeightHistogram:
        """The last one that was kept up to `epoch`; training keeps a dozen and the one before it began."""
        record = [record for record in self.histograms if record["epoch"] <= epoch][-1]
        kept = record["layers"][layer]
        edges = np.linspace(-kept["limit"], kept["limit"], len(kept["counts"]) + 1)
        return WeightHistogram(record["epoch"], edges, np.array(kept["counts"], np.int64))

    def kept(self, layer: str) -> tuple[WeightHistogram, ...]:
        """All kept histograms of a layer, in order."""
        return tuple(self.histogram(layer, record["epoch"]) for record in self.histograms)


def load_history(name: str) -> TrainingHistory:
    """The history of the shipped network `name`.

    Raises PretrainedError where there is no such network, it was shipped without a history, or the file is missing
    or altered.
    """
    stored = json.loads(files.history_path(name).read_text(encoding="utf-8"))
    return TrainingHistory(name, tuple(stored["epochs"]), tuple(stored["histograms"]))
