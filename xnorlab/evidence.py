"""What the verdicts rest on: the manifest's accuracies, recorded ablations, the benchmark, the packed files' sizes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorlab.cost_model import PAPER, PUBLISHED_ACCURACY
from xnorlab.network_cost import NetworkCost, network_cost

BENCHMARK = "benchmark.json"
ABLATIONS = "ablations.json"


@dataclass(frozen=True)
class Gap:
    """Top-1 of two networks in points, `first` − `second`; error: its standard error from the pictures alone."""

    first: float
    second: float
    error: float
    based_on: tuple[str, ...]

    @property
    def points(self) -> float:
        """The difference."""
        return self.first - self.second

    def __str__(self) -> str:
        return f"{signed(self.points)} ± {self.error:.1f} points ({self.first:.1f} against {self.second:.1f} %)"


def signed(points: float) -> str:
    """One decimal with its sign; zero has none."""
    text = f"{abs(points):.1f}"
    return text if text == "0.0" else ("+" if points > 0 else "−") + text


@dataclass(frozen=True)
class Evidence:
    """What is measured: manifest and ablations by name, the benchmark's shapes, and packed networks' costs."""

    manifest: Mapping[str, Mapping[str, Any]]
    ablations: Mapping[str, Mapping[str, Any]]
    benchmark: Mapping[str, Any]
    cost: Callable[[str], NetworkCost]

    @classmethod
    def read(cls, folder: Path) -> "Evidence":
        """From the files in a folder of shipped networks; a missing ablation or benchmark file is an empty one."""
        found = {}
        for name in ("manifest.json", ABLATIONS, BENCHMARK):
            path = folder / name
            found[name] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        manifest = found["manifest.json"]

        def cost(name: str) -> NetworkCost:
            from xnorlab.runtime import Network  # only here: what compiles kernels is slow to import

            return network_cost(name, manifest[name], Network.open(folder / manifest[name]["file"]))

        return cls(manifest, found[ABLATIONS], found[BENCHMARK], cost)

    def gap(self, model: str, first: str, second: str) -> Gap | None:
        """Of two shipped schemes on Imagenette, means over the seeds; None unless both had the same recipe."""
        entries = [self.manifest.get(f"imagenette/{model}-{scheme}") for scheme in (first, second)]
        if entries[0] is None or entries[1] is None:
            return None
        recipes = [{**e["recipe"], "scheme": "", "binary_rate_factor": 1.0} for e in entries if e is not None]
        if recipes[0] != recipes[1]:
            return None
        tops, names = [], []
        for scheme, entry in zip((first, second), entries, strict=True):
            assert entry is not None
            runs = [entry, *entry.get("repeats", [])]
            tops.append(100 * sum(run["top1"] for run in runs) / len(runs))
            seeds = f", {len(runs)} seeds" if len(runs) > 1 else ""
            names.append(f"imagenette/{model}-{scheme}, {recipes[0]['epochs']} epochs{seeds}")
        return Gap(tops[0], tops[1], _error(tops, entries[0]["images"]), tuple(names))

    def ablated(self, name: str, first: str, second: str) -> Gap | None:
        """Of two rows, by label, of a recorded ablation."""
        if name not in self.ablations:
            return None
        entry = self.ablations[name]
        tops = {row["label"]: 100 * row["top1"] for row in entry["rows"]}
        pair = [tops[first], tops[second]]
        return Gap(pair[0], pair[1], _error(pair, entry["images"]), (f"{ABLATIONS}: {entry['command']}",))


def _error(tops: list[float], images: int) -> float:
    return sum(top * (100 - top) / images for top in tops) ** 0.5


def published_top1(network: str, scheme: str, note: str | None = None) -> float:
    """ImageNet top-1 in % as the paper's tables print it; note: which of several rows."""
    for row in PUBLISHED_ACCURACY:
        printed = (row.network, row.scheme, row.data) == (network, scheme, "ImageNet") and row.source.startswith(PAPER)
        if printed and note in (None, row.note):
            return row.top1
    raise ValueError(f"network={network!r}, scheme={scheme!r}, note={note!r} is in none of the paper's tables")
