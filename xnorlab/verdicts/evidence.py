"""The evidence that verdicts rest on: the manifest's accuracies, ablations, the benchmarks, the packed files' sizes."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xnorlab import units
from xnorlab.paper.published import PAPER, PUBLISHED_ACCURACY
from xnorlab.zoo import ablations, benchmarks, manifest
from xnorlab.zoo.cost import DATA_TITLES, NetworkCost, architecture, network_cost, standard_error
from xnorlab.zoo.latent_weights import read_weights, weights_digest
from xnorlab.zoo.manifest import ShippedNetwork
from xnorlab.zoo.recipe import Recipe

DATASET = "imagenette"
"""The data set whose networks every claim is judged by."""


@dataclass(frozen=True)
class Gap:
    """The difference in top-1 between two networks, in points.

    Attributes:
        first, second: top-1 in %, the mean over the seeds.
        error: standard error of the difference. Each network's comes from the number of pictures, as if the two were
            independent; they see the same pictures and mostly err on the same ones, so that the true one is smaller.
            Where a network was trained with several seeds their spread is added; where there is one seed, nothing of
            what another would give is in it.
        network: the architecture in words, see `zoo.cost.architecture`.
        based_on: the networks or files that it was computed from.
        data: the data set in words.
        classes: how many classes it has; None where that is not recorded.
    """

    first: float
    second: float
    error: float
    network: str
    based_on: tuple[str, ...]
    data: str = DATA_TITLES[DATASET]
    classes: int | None = None

    @property
    def points(self) -> float:
        """The difference `first` − `second`."""
        return self.first - self.second

    @property
    def direction(self) -> int:
        """1 or −1 where the difference is beyond two standard errors, else 0."""
        return 0 if abs(self.points) <= 2 * self.error else 1 if self.points > 0 else -1

    @property
    def difference(self) -> str:
        """`points` and its error: "+2.4 ± 1.0"."""
        return f"{units.points(self.points)} ± {self.error:.1f}"

    def __str__(self) -> str:
        return f"{self.difference} points ({self.first:.1f} against {self.second:.1f} %)"


@dataclass(frozen=True)
class Changed:
    """A row of an ablation.

    Attributes:
        label: what it shows.
        top1: in %, the mean over its seeds.
        error: its standard error, as in `Gap`.
        against: the label of the row that it is set against; None where others are set against this row.
        gain: what it gains over that row; None likewise.
    """

    label: str
    top1: float
    error: float
    against: str | None
    gain: Gap | None


@dataclass(frozen=True)
class Evidence:
    """Everything that was measured and that a claim is judged by.

    Attributes:
        manifest: the shipped networks, by name.
        ablations: the recorded ablations, by name.
        benchmarks: the records of `zoo.benchmarks`.
        cost: gives the figures of a shipped network, by name.
        weights: gives the `weights_digest` of a shipped network's latent weights, by name.
    """

    manifest: Mapping[str, ShippedNetwork]
    ablations: Mapping[str, Mapping[str, Any]]
    benchmarks: Sequence[Mapping[str, Any]]
    cost: Callable[[str], NetworkCost]
    weights: Callable[[str], str]

    @classmethod
    def read(cls, folder: Path) -> "Evidence":
        """Read a folder of shipped networks; a missing file counts as an empty one."""
        networks = manifest.read(folder)

        def cost(name: str) -> NetworkCost:
            from xnorlab.runtime import Network  # only here: what compiles kernels is slow to import

            return network_cost(networks[name], Network.open(folder / networks[name].file))

        def weights(name: str) -> str:
            shipped = networks[name]
            return weights_digest(read_weights(folder / shipped.latent_file, folder / shipped.file))

        return cls(networks, ablations.read(folder), benchmarks.read(folder), cost, weights)

    def other_data_sets(self) -> list[str]:
        """The data sets of shipped networks beside DATASET, by name."""
        return sorted({name.partition("/")[0] for name in self.manifest} - {DATASET})

    def gap(self, model: str, first: str, second: str, dataset: str = DATASET) -> Gap | None:
        """The gap between two shipped schemes of a model on a data set, means over the seeds.

        None unless both had one recipe but for scheme and seed, and were shown the same pictures.
        """
        names = [f"{dataset}/{model}-{scheme}" for scheme in (first, second)]
        networks = [self.manifest[name] for name in names if name in self.manifest]
        if len(networks) < 2 or networks[0].pictures_sha256 != networks[1].pictures_sha256:
            return None
        recipes = [replace(network.recipe, scheme="any", seed=0) for network in networks]
        if recipes[0] != recipes[1]:
            return None
        tops = [network.top1_by_seed for network in networks]
        based_on = tuple(
            f"{name}, {recipes[0].epochs} epochs" + (f", {len(runs)} seeds" if len(runs) > 1 else "")
            for name, runs in zip(names, tops, strict=True)
        )
        gap = _gap(tops, networks[0].images, architecture(networks[0].recipe), based_on)
        return replace(gap, data=DATA_TITLES.get(dataset, dataset), classes=len(networks[0].labels))

    def ablated(self, name: str, first: str, second: str) -> Gap | None:
        """The gap between two rows of a recorded ablation, by label; None where one of them is not recorded."""
        entry = self.ablations.get(name, {"rows": []})
        rows = {row["label"]: row for row in entry["rows"]}
        if first not in rows or second not in rows:
            return None
        if "network" in entry:
            shipped = self.manifest.get(entry["network"])
            recipe = None if shipped is None else shipped.recipe
        else:
            recipe = Recipe.from_dict(rows[first]["recipe"])
        network = "" if recipe is None else architecture(recipe)
        based_on = (f"{ablations.FILE}: {entry['command']}",)
        return _gap([_tops(rows[label]) for label in (first, second)], entry["images"], network, based_on)

    def changes(self, name: str) -> list[Changed]:
        """Every row of a recorded ablation."""
        entry = self.ablations[name]
        return [
            Changed(
                row["label"],
                100 * statistics.fmean(_tops(row)),
                100 * _squared_error(_tops(row), entry["images"]) ** 0.5,
                row["against"],
                row["against"] and self.ablated(name, row["label"], row["against"]),
            )
            for row in entry["rows"]
        ]

    def seeds(self, name: str) -> int:
        """How many seeds the networks of a recorded ablation were trained with."""
        return len(_tops(self.ablations[name]["rows"][0]))

    def judged(self, name: str, first: str, second: str, model: str = "alexnet") -> Gap | None:
        """The gap of `ablated` where it may be judged; else None.

        Both rows must be of `model` on Imagenette. If they changed a shipped network, its weights and the pictures that
        it was measured on must be those of the manifest's network.
        """
        entry = self.ablations.get(name, {})
        rows = [row for row in entry.get("rows", []) if row["label"] in (first, second)]
        networks = [entry["network"]] if "network" in entry else [row["network"] for row in rows]
        if not all(network.startswith(f"{DATASET}/{model}-") for network in networks):
            return None
        if "weights_sha256" in entry:
            shipped = self.manifest.get(entry["network"])
            if shipped is None or shipped.pictures_sha256 != entry["pictures_sha256"]:
                return None
            if self.weights(entry["network"]) != entry["weights_sha256"]:
                return None
        return self.ablated(name, first, second)


def _tops(measured: Mapping[str, Any]) -> list[float]:
    """Shares of pictures named rightly, one per seed, of an ablation's row."""
    return [run["top1"] for run in (measured, *measured.get("repeats", []))]


def _gap(tops: Sequence[Sequence[float]], images: int, network: str, based_on: tuple[str, ...]) -> Gap:
    """The gap between two lists of shares of `images` pictures, one share per seed."""
    first, second = (100 * statistics.fmean(runs) for runs in tops)
    error = 100 * sum(_squared_error(runs, images) for runs in tops) ** 0.5
    return Gap(first, second, error, network, based_on)


def _squared_error(runs: Sequence[float], images: int) -> float:
    """The squared standard error of a mean over seeds.

    All seeds see the same pictures, so that more of them do not lessen the pictures' part.
    """
    seeds = statistics.variance(runs) / len(runs) if len(runs) > 1 else 0.0
    return standard_error(statistics.fmean(runs), images) ** 2 + seeds


def published_top1(network: str, scheme: str, note: str | None = None) -> float:
    """ImageNet top-1 in % as the paper's tables print it.

    Args:
        network: as the tables write it: "AlexNet".
        scheme: ours for what they name.
        note: which of several rows; None takes the first.

    Raises:
        ValueError: the tables have no such row.
    """
    for row in PUBLISHED_ACCURACY:
        printed = (row.network, row.scheme, row.data) == (network, scheme, "ImageNet") and row.source.startswith(PAPER)
        if printed and note in (None, row.note):
            return row.top1
    raise ValueError(f"network={network!r}, scheme={scheme!r}, note={note!r} is in none of the paper's tables")
