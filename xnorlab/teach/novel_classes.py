"""How well shipped networks learn classes that they have never seen, on a folder of such classes; with its record.

A draw takes some of the classes at random and, of each, some photos to learn from. The test is the others, as many per
class as the smallest class has. Draws are alike for all networks, so that two networks are compared draw by draw.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xnorlab import atomic
from xnorlab.benchmark.machine import describe
from xnorlab.images import open_image
from xnorlab.images.class_folders import DataError, class_folders, pictures_of_class
from xnorlab.teach import linear_classifier
from xnorlab.teach.taught import both_views
from xnorlab.zoo import files, manifest

FILE = "novel-classes.json"

SCHEMES = ("float", "bwn", "xnor", "reactnet")
"""Schemes whose features are compared, in this order."""


@dataclass(frozen=True)
class Protocol:
    """What is drawn.

    Attributes:
        classes: per draw.
        photos: of each class to learn from.
        draws: how many.
        seed: of all draws.
    """

    classes: int = 5
    photos: int = 20
    draws: int = 100
    seed: int = 0


@dataclass(frozen=True)
class NovelAccuracy:
    """The accuracies of one network's features.

    Attributes:
        name: of the shipped network.
        latent_sha256: of the file with its latent weights: a retrained network has another one, and a packed file that
            is written anew with the same weights has not.
        right: of each draw, how many test photos got the right answer.
        tested: how many test photos a draw has.
    """

    name: str
    latent_sha256: str
    right: tuple[int, ...]
    tested: int

    @property
    def accuracies(self) -> np.ndarray:
        """float64 (draws,), 0 to 1."""
        return np.array(self.right) / self.tested

    @property
    def mean(self) -> float:
        """The mean accuracy over the draws."""
        return float(self.accuracies.mean())

    @property
    def error(self) -> float:
        """The standard error of `mean`: how far other draws may lie."""
        return _standard_error(self.accuracies)

    def minus(self, other: "NovelAccuracy") -> tuple[float, float]:
        """The mean difference to another network's accuracy on equal draws, and its standard error."""
        difference = self.accuracies - other.accuracies
        return float(difference.mean()), _standard_error(difference)


@dataclass(frozen=True)
class NovelClasses:
    """The record of a measurement.

    Attributes:
        data: name of the folder of classes.
        classes: in it.
        photos: in it.
        pictures_sha256: over the bytes of all photos, in order.
        protocol: what was drawn.
        machine: see `benchmark.machine.Machine`.
        networks: one per network, in the order of the manifest.
    """

    data: str
    classes: int
    photos: int
    pictures_sha256: str
    protocol: Protocol
    machine: dict[str, Any]
    networks: tuple[NovelAccuracy, ...]

    def twin(self, name: str) -> NovelAccuracy | None:
        """The float network of the data set and architecture of `name`, where it was measured."""
        wanted = manifest.sibling(name, "float")
        return next((network for network in self.networks if network.name == wanted), None)


def default_names() -> list[str]:
    """Every shipped network under one of SCHEMES, by data set and architecture, then in the order of SCHEMES."""
    shipped = [entry for entry in manifest.entries().values() if entry.scheme in SCHEMES]
    return [e.name for e in sorted(shipped, key=lambda e: (e.dataset, e.model, SCHEMES.index(e.scheme)))]


def measure(
    folder: str | Path,
    names: Iterable[str],
    protocol: Protocol | None = None,
    report: Callable[[NovelAccuracy], None] = lambda result: None,
) -> NovelClasses:
    """Teach networks classes drawn at random and measure the accuracy on photos that were not learnt from.

    Args:
        folder: with one folder of photos per class.
        names: of shipped networks.
        protocol: what is drawn; None is `Protocol()`.
        report: called after each network.

    Raises:
        DataError: the folder has too few classes or a class has too few photos for the protocol, or cannot be read.
        PretrainedError: a network is unknown, or its file is missing or altered.
    """
    protocol = Protocol() if protocol is None else protocol
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"data={str(folder)!r} is not a folder")
    classes = {label: pictures_of_class(place)[0] for label, place in class_folders(folder).items()}
    if len(classes) < protocol.classes:
        raise DataError(f"{folder} has {len(classes)} classes; the rule is at least classes={protocol.classes}")
    for label, paths in classes.items():
        if len(paths) <= protocol.photos:
            raise DataError(f"{folder}: {label!r} has {len(paths)} photos; the rule is more than {protocol.photos}")
    pictures = [open_image(path) for paths in classes.values() for path in paths]
    counts = [len(paths) for paths in classes.values()]
    digest = hashlib.sha256(b"".join(path.read_bytes() for paths in classes.values() for path in paths)).hexdigest()
    results = []
    for name in names:
        views = both_views(files.load(name), pictures)
        results.append(_measured(name, views, counts, protocol))
        report(results[-1])
    return NovelClasses(folder.resolve().name, len(counts), sum(counts), digest, protocol, _machine(), tuple(results))


def read(folder: Path | None = None) -> NovelClasses | None:
    """The record in the folder of shipped networks; None where there is none."""
    path = (manifest.folder() if folder is None else folder) / FILE
    if not path.is_file():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    networks = tuple(NovelAccuracy(**{**network, "right": tuple(network["right"])}) for network in values["networks"])
    return NovelClasses(**{**values, "protocol": Protocol(**values["protocol"]), "networks": networks})


def record(result: NovelClasses, folder: Path | None = None) -> Path:
    """Write a measurement into the folder of shipped networks; returns the file.

    Networks of the earlier record that were not measured again are kept where data, protocol and packed file are
    still those.
    """
    folder = manifest.folder() if folder is None else folder
    earlier = read(folder)
    same = earlier is not None and (earlier.pictures_sha256, earlier.protocol) == (
        result.pictures_sha256,
        result.protocol,
    )
    networks = {network.name: network for network in earlier.networks} if earlier is not None and same else {}
    networks |= {network.name: network for network in result.networks}
    shipped = manifest.read(folder)
    kept = [n for n in networks.values() if n.name in shipped and shipped[n.name].latent_sha256 == n.latent_sha256]
    order = {name: place for place, name in enumerate(default_names())}
    kept.sort(key=lambda network: (order.get(network.name, len(order)), network.name))
    atomic.write_json(folder / FILE, asdict(replace(result, networks=tuple(kept))), indent=None)
    return folder / FILE


def draws(counts: Sequence[int], protocol: Protocol) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Draw after draw: photos to learn from, their class numbers, photos of the test, their class numbers.

    Args:
        counts: photos of each class; photos are numbered class by class.
        protocol: what is drawn.
    """
    starts = np.concatenate([[0], np.cumsum(counts)])
    fewest = min(counts)
    for draw in range(protocol.draws):
        rng = np.random.default_rng([protocol.seed, draw])
        learnt, tested = [], []
        for number in rng.choice(len(counts), protocol.classes, replace=False):
            photos = starts[number] + rng.permutation(counts[number])
            learnt.append(photos[: protocol.photos])
            tested.append(photos[protocol.photos : fewest])
        yield np.concatenate(learnt), _targets(learnt), np.concatenate(tested), _targets(tested)


def _targets(by_class: Sequence[np.ndarray]) -> np.ndarray:
    return np.repeat(np.arange(len(by_class)), [len(photos) for photos in by_class])


def _measured(name: str, views: np.ndarray, counts: Sequence[int], protocol: Protocol) -> NovelAccuracy:
    right, tested = [], 0
    for learnt, targets, test, answers in draws(counts, protocol):
        classifier = linear_classifier.fit(views[:, learnt], targets)
        right.append(int((classifier.logits(views[0, test]).argmax(axis=1) == answers).sum()))
        tested = len(test)
    return NovelAccuracy(name, manifest.entry(name).latent_sha256, tuple(right), tested)


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def _machine() -> dict[str, Any]:
    from sklearn import __version__

    machine = describe().to_dict()
    machine["versions"]["scikit-learn"] = __version__
    return machine
