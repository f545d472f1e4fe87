"""The body of `xnorlab evaluate`: top-1 and top-5 of any network on a data set, packed and through torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from torch import nn

from xnorlab import export, models
from xnorlab.images import Preprocessing
from xnorlab.images.class_folders import DataError
from xnorlab.runtime import Network
from xnorlab.training.cache import Prepared, Preparing, prepare
from xnorlab.training.checkpoints import load_checkpoint
from xnorlab.training.dataset import Split
from xnorlab.training.folders import find, open_folder
from xnorlab.training.rounding import round_weights_
from xnorlab.zoo import files, manifest
from xnorlab.zoo.manifest import ShippedNetwork
from xnorlab.zoo.recipe import Recipe

TOLERANCE = 0.001
"""Largest allowed difference between a recomputed accuracy and the manifest's, as a share: 0.1 point."""

BATCH = 64


@dataclass(frozen=True)
class Pictures:
    """A validation set as a network sees it, made batch by batch.

    Attributes:
        prepared: the split with its pictures, squared.
        preprocessing: turns a picture into the network's input of S × S pixels.
    """

    prepared: Prepared
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.prepared.split)

    @property
    def split(self) -> Split:
        """The pictures that are shown."""
        return self.prepared.split

    @property
    def targets(self) -> np.ndarray:
        """The pictures' classes, int64 (n,)."""
        return self.prepared.split.targets

    def inputs(self, start: int, stop: int) -> np.ndarray:
        """Inputs of the pictures from `start` to before `stop`, float32 (stop − start, S, S, 3).

        They come from the runtime's own preprocessing.
        """
        side = self.preprocessing.crop
        # The squares are cropped already; a Preprocessing of that very size only shifts and scales.
        finish = Preprocessing(side, side, self.preprocessing.mean, self.preprocessing.std)
        return finish(np.asarray(self.prepared.squares[start:stop]))


def pictures(split: Split, preprocessing: Preprocessing, **preparing: Unpack[Preparing]) -> Pictures:
    """The pictures of a split under a network's preprocessing; further options as `cache.prepare` takes them."""
    (prepared,) = prepare((split, preprocessing), **preparing)
    return Pictures(prepared, preprocessing)


def packed_logits(network: Network, shown: Pictures) -> np.ndarray:
    """Outputs of a packed network, float32 (n, classes)."""
    return np.concatenate([network.run(shown.inputs(i, i + BATCH)) for i in range(0, len(shown), BATCH)])


@torch.no_grad()
def torch_logits(model: nn.Module, shown: Pictures) -> np.ndarray:
    """Outputs of a torch model in eval mode, (n, classes), in float32: bfloat16 would round large sums of ±1."""
    if model.training:
        raise ValueError("model must be in eval mode")
    batches = []
    for i in range(0, len(shown), BATCH):
        x = torch.from_numpy(shown.inputs(i, i + BATCH)).permute(0, 3, 1, 2)
        batches.append(model(x).numpy())
    return np.concatenate(batches)


def top1(logits: np.ndarray, targets: np.ndarray) -> float:
    """Share of rows whose largest logit is the target's."""
    return top(1, logits, targets)


def top(k: int, logits: np.ndarray, targets: np.ndarray) -> float:
    """Share of rows in which fewer than k logits are larger than the target's, or equal to it and of an earlier class.

    Args:
        k: how many answers count.
        logits: (n, classes).
        targets: (n,) int64.
    """
    own = np.take_along_axis(logits, targets[:, None], 1)
    earlier = np.arange(logits.shape[1]) < targets[:, None]
    ahead = ((logits > own) | ((logits == own) & earlier)).sum(1)
    return float((ahead < k).mean())


def compare(network: Network, model: nn.Module, shown: Pictures) -> dict[str, Any]:
    """Both top-1, the packed network's top-5, how many pictures are labelled differently, how far two logits differ."""
    packed, real = packed_logits(network, shown), torch_logits(model, shown)
    return {
        "images": len(shown),
        "packed_top1": top1(packed, shown.targets),
        "packed_top5": top(5, packed, shown.targets),
        "torch_top1": top1(real, shown.targets),
        "labels_differ": int((packed.argmax(1) != real.argmax(1)).sum()),
        "largest_logit_difference": float(np.abs(packed - real).max()),
    }


def evaluate(
    network: str | Path, data: str | Path, *, threads: int = 1, **preparing: Unpack[Preparing]
) -> dict[str, Any]:
    """Accuracies on validation pictures, recomputed from the files.

    Args:
        network: a shipped name ("imagenette/alexnet-xnor"), a packed file (.safetensors) or a checkpoint (.ckpt),
            whose weights are first rounded as they would be for shipping.
        data: the data set's folder, or one that holds it.
        threads: of the packed network.
        **preparing: where decoded pictures are kept and what becomes of unreadable ones, as `cache.prepare` takes it.

    Returns:
        A row of network, dataset, images, packed_top1, packed_top5; unless it is a packed file alone also torch_top1,
        labels_differ and largest_logit_difference; for a shipped name also manifest_top1, `differs`, true where
        an accuracy is more than TOLERANCE away from the manifest's or the pictures are not as many, and
        same_pictures, false where the validation files are not, byte for byte, those of the manifest's measurement.
        Accuracies are shares, 0 to 1.

    Raises:
        ValueError: the network or the data do not fit.
    """
    source = Path(network)
    if source.suffix == ".ckpt":
        model, recipe, labels, _ = load_checkpoint(source)
        round_weights_(model)
        shown, dataset = _validation(recipe.dataset, labels, recipe.preprocessing(), data, preparing)
        packed = pack(model, recipe, labels, shown)
        return {"network": str(network), "dataset": dataset, **_compared(packed, model, shown, threads)}
    if source.suffix == ".safetensors":
        return _evaluate_file(source, data, threads, preparing)
    shipped = manifest.entry(str(network))
    packed = files.load(str(network))
    shown, dataset = _validation(shipped.dataset, packed.labels, _preprocessing_of(packed), data, preparing)
    measured = _compared(packed, models.load(str(network)), shown, threads)
    row = {"network": str(network), "dataset": dataset, **measured}
    return row | _against(row, shipped, shown.split.fingerprint() == shipped.pictures_sha256)


def evaluate_all(
    data: str | Path,
    *,
    threads: int = 1,
    report: Callable[[dict[str, Any]], None] | None = None,
    **preparing: Unpack[Preparing],
) -> list[dict[str, Any]]:
    """Rows of `evaluate` for every shipped network, and one row for each of its repeats under other seeds.

    Repeats have their figures kept and no file: their rows have network, images, manifest_top1 and at_hand, which is
    false. The caller exits non-zero where any row's `differs` is true.

    Args:
        data: a folder with every data set of the manifest, or the only one.
        threads: of the packed networks.
        report: called with each row as it is done.
        **preparing: as `evaluate` takes it.
    """
    rows = []

    def done(row: dict[str, Any]) -> None:
        rows.append(row)
        if report is not None:
            report(row)

    for name, shipped in manifest.entries().items():
        done(evaluate(name, data, threads=threads, **preparing))
        for repeat in shipped.repeats:
            kept = {"images": repeat.images, "manifest_top1": repeat.top1, "at_hand": False}
            done({"network": f"{name}, seed {repeat.seed}", **kept})
    return rows


def _evaluate_file(file: Path, data: str | Path, threads: int, preparing: Preparing) -> dict[str, Any]:
    """Accuracies of a packed file on the data set that `data` is."""
    packed = Network.open(file)
    shown, dataset = _validation(None, packed.labels, _preprocessing_of(packed), data, preparing)
    packed.threads = threads
    logits = packed_logits(packed, shown)
    accuracies = {f"packed_top{k}": top(k, logits, shown.targets) for k in (1, 5)}
    return {"network": str(file), "dataset": dataset, "images": len(shown), **accuracies}


def _against(row: Mapping[str, Any], shipped: ShippedNetwork, same_pictures: bool) -> dict[str, Any]:
    """The manifest's part of a row; `differs`: an accuracy is more than TOLERANCE off, or the pictures not as many."""
    claims = {"packed_top1": shipped.top1, "torch_top1": shipped.top1, "packed_top5": shipped.top5}
    off = max(abs(row[key] - claimed) for key, claimed in claims.items() if claimed is not None)
    # A share of n pictures carries rounding of its own; 1e-9 keeps exactly 0.1 point on the allowed side.
    differs = off > TOLERANCE + 1e-9 or row["images"] != shipped.images
    return {"manifest_top1": shipped.top1, "differs": differs, "same_pictures": same_pictures}


def pack(
    model: nn.Module, recipe: Recipe, labels: Sequence[str], shown: Pictures, provenance: dict[str, Any] | None = None
) -> Network:
    """Pack a trained network; export checks it on a few of the pictures shown."""
    example = torch.from_numpy(shown.inputs(0, min(4, len(shown)))).permute(0, 3, 1, 2)
    return export.pack(
        model,
        example,
        labels=list(labels),
        preprocessing=recipe.preprocessing(),
        provenance={} if provenance is None else provenance,
        name=recipe.name,
    )


def _compared(network: Network, model: nn.Module, shown: Pictures, threads: int) -> dict[str, Any]:
    network.threads = threads
    return compare(network, model, shown)


def _preprocessing_of(network: Network) -> Preprocessing:
    if network.preprocessing is None:
        raise ValueError(f"network {network.name!r} has no preprocessing and cannot be shown pictures")
    return network.preprocessing


def _validation(
    dataset: str | None, labels: Sequence[str], preprocessing: Preprocessing, data: str | Path, preparing: Preparing
) -> tuple[Pictures, str]:
    """The validation pictures that are used, and the data set's name."""
    data_set = open_folder(data) if dataset is None else find(dataset, data)
    if list(data_set.labels) != list(labels):
        raise DataError(
            f"{data_set.folder} has {len(data_set.labels)} classes ({', '.join(data_set.labels[:3])}, …), "
            f"the network has {len(labels)} ({', '.join(labels[:3])}, …)"
        )
    return pictures(data_set.val, preprocessing, **preparing), data_set.name
