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
    """Latent weights of one layer after one epoch.

    Attributes:
        epoch: counted from 1; 0 is before training.
        edges: (bins + 1,), rising.
        counts: (bins,) weights in each bin; the outermost bins also hold what lies beyond.
    """

    epoch: int
    edges: np.ndarray
    counts: np.ndarray

    @property
    def mean_abs(self) -> float:
        """The layer's mean|W|, to within the width of a bin: what α is on average over the filters."""
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        return float((np.abs(middles) * self.counts).sum() / self.counts.sum())


@dataclass(frozen=True)
class TrainingHistory:
    """How one network learned. Accuracies and flips are shares, 0 to 1.

    Attributes:
        name: the network's name.
        epochs: one record per epoch, counted from 1, as `training.epoch_recorder` writes them.
        histograms: one record per epoch at which the latent weights were kept.
    """

    name: str
    epochs: tuple[dict[str, Any], ...]
    histograms: tuple[dict[str, Any], ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The binary layers, by their names in the torch module; none for a float network."""
        return tuple(self.epochs[0]["flips"])

    def curve(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """One quantity over the epochs that recorded it: validation need not follow each one, or any.

        Args:
            key: "train_loss", "train_top1", "val_loss", "val_top1", "rate" or "seconds".

        Returns:
            The epochs, int64 (n,), and the values, float64 (n,).
        """
        records = [record for record in self.epochs if key in record]
        epochs = np.array([record["epoch"] for record in records], np.int64)
        return epochs, np.array([record[key] for record in records], np.float64)

    def flips(self, layer: str) -> np.ndarray:
        """The share of a layer's signs that differ from the epoch's start, (epochs,)."""
        return np.array([record["flips"][layer] for record in self.epochs], np.float64)

    def histogram(self, layer: str, epoch: int) -> WeightHistogram:
        """The layer's last histogram up to `epoch`; training keeps a dozen and the one before it began."""
        record = [record for record in self.histograms if record["epoch"] <= epoch][-1]
        kept = record["layers"][layer]
        edges = np.linspace(-kept["limit"], kept["limit"], len(kept["counts"]) + 1)
        return WeightHistogram(record["epoch"], edges, np.array(kept["counts"], np.int64))

    def kept(self, layer: str) -> tuple[WeightHistogram, ...]:
        """All histograms of a layer that were kept, in order."""
        return tuple(self.histogram(layer, record["epoch"]) for record in self.histograms)


def load_history(name: str) -> TrainingHistory:
    """The history of the shipped network `name`.

    Raises:
        PretrainedError: there is no such network, it was shipped without a history, or the file is missing or altered.
    """
    stored = json.loads(files.history_path(name).read_text(encoding="utf-8"))
    return TrainingHistory(name, tuple(stored["epochs"]), tuple(stored["histograms"]))
