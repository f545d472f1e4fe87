"""Calibration of shipped networks: how each of them tells its own classes' pictures from others, and how often it errs.

Own pictures are those of the validation set, foreign ones those of data sets with other classes. Foreign pictures are
small and were compressed anew. So that neither blur nor compression tells the two apart, the larger of the two are
shrunk to the smaller ones' size and stored as JPEG with their quantization tables.

Half of the foreign classes and every other own picture choose the score and the threshold; the figures are those of
the others.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from xnorlab.images import Preprocessing, open_image
from xnorlab.images.class_folders import DataError, class_folders, pictures_of_class
from xnorlab.runtime import Network, UnknownRule
from xnorlab.training.dataset import Split
from xnorlab.training.folders import find
from xnorlab.training.ship import enter_calibrated
from xnorlab.zoo import files, manifest
from xnorlab.zoo.calibration import Calibration, ForeignPictures
from xnorlab.zoo.manifest import ShippedNetwork

FOREIGN = ("tiny-imagenet", "novel-24")
"""Data sets whose pictures are shown to networks of other data sets. None of Imagenette's classes is in one of them."""

KEPT = 0.9
"""Share of the own pictures that the threshold lets pass."""

CANDIDATES = (("softmax", 1.0), ("softmax", 2.0), ("logit", 1.0), ("energy", 1.0), ("energy", 2.0))
"""Scores with their temperatures among which the calibrating half chooses. The norm of the features, tried as well,
refused 1 to 16 % of foreign pictures and is not among them."""

MOST_PICTURES = 4000
"""Pictures of one set that are shown; of a larger set every second, third, … one."""


@dataclass(frozen=True)
class _Form:
    """How large a set's pictures are, and how they were compressed.

    Attributes:
        side: short side in pixels.
        tables: quantization tables of a JPEG; None where the pictures are no JPEGs.
    """

    side: int
    tables: dict[int, list[int]] | None


@dataclass(frozen=True)
class _Shown:
    """Pictures as a network sees them: uint8 (N, S, S, 3), and their classes (N,)."""

    crops: np.ndarray
    targets: np.ndarray


class PictureSets:
    """The pictures of a folder with data sets, cropped once for all networks that see them alike.

    Args:
        data: a folder that holds the networks' data sets and those of FOREIGN.
    """

    def __init__(self, data: str | Path):
        self.data = Path(data)
        self._splits: dict[str, Split] = {}
        self._shown: dict[tuple[str, str, Preprocessing], _Shown] = {}

    def shown(self, name: str, like: str, preprocessing: Preprocessing) -> _Shown:
        """The set `name` as a network with `preprocessing` sees it, no larger than pictures of the set `like` are."""
        key = (name, like, preprocessing)
        if key not in self._shown:
            # One preprocessing at a time: each of its sets takes up to 200 MB.
            self._shown = {k: v for k, v in self._shown.items() if k[2] == preprocessing}
            self._shown[key] = self._cropped(name, like, preprocessing)
        return self._shown[key]

    def side(self, first: str, second: str) -> int:
        """The short side in pixels at which pictures of two sets are shown alike."""
        return min(_form(self._split(name)).side for name in (first, second))

    def _cropped(self, name: str, like: str, preprocessing: Preprocessing) -> _Shown:
        split, form = self._split(name), _form(self._split(like))
        crops = np.empty((len(split), preprocessing.crop, preprocessing.crop, 3), np.uint8)
        for crop, picture in zip(crops, split.pictures, strict=True):
            pixels = picture if isinstance(picture, np.ndarray) else open_image(picture)
            crop[...] = preprocessing.crop_image(_shrunk(pixels, form))
        return _Shown(crops, split.targets)

    def _split(self, name: str) -> Split:
        if name not in self._splits:
            self._splits[name] = _thinned(_open(name, self.data))
        return self._splits[name]


def calibrate_all(
    data: str | Path, out: str | Path | None = None, only: Sequence[str] | None = None, *, again: bool = False
) -> Iterator[ShippedNetwork]:
    """Calibrate shipped networks, one after the other; yields each one's new record when its files are written.

    A network that is calibrated already is passed over, so that a call goes on where an earlier one was stopped.

    Args:
        data: a folder that holds the networks' data sets and those of FOREIGN.
        out: the folder of shipped networks; None is the checkout's `pretrained/`.
        only: names of networks; None is all of them.
        again: whether networks that are calibrated are calibrated anew.

    Raises:
        ValueError: a name is unknown, or a data set is not there.
    """
    out = manifest.folder() if out is None else Path(out)
    networks = manifest.read(out)
    for name in only or ():
        if name not in networks:
            raise ValueError(f"only={name!r} is not among the shipped networks: {', '.join(networks)}")
    sets = PictureSets(data)
    for name in only or networks:
        shipped = networks[name]
        if shipped.calibration is None or again:
            network = Network.open(files.checked(name, out / shipped.file, shipped.sha256))
            record, rule = calibrate(network, shipped.dataset, sets)
            network.unknown = rule
            yield enter_calibrated(out, replace(shipped, calibration=record), network)


def calibrate(network: Network, dataset: str, sets: PictureSets) -> tuple[Calibration, UnknownRule]:
    """Choose a network's score and threshold, and measure how often it errs.

    Args:
        network: a packed network with preprocessing.
        dataset: the name of its own data set.
        sets: where the pictures come from.

    Returns:
        What the manifest keeps, and the rule for the packed file.
    """
    assert network.preprocessing is not None
    foreign = [name for name in FOREIGN if name != dataset]
    logits: dict[tuple[str, str], np.ndarray] = {}
    targets: dict[str, np.ndarray] = {}
    for name, like in [(dataset, dataset), *((dataset, f) for f in foreign), *((f, dataset) for f in foreign)]:
        shown = sets.shown(name, like, network.preprocessing)
        logits[name, like] = _logits(network, shown.crops)
        targets[name] = shown.targets
    calibrates = np.arange(len(targets[dataset])) % 2 == 0
    chooses = {name: in_first_half(targets[name]) for name in foreign}

    def refused(rule: UnknownRule, name: str, which: np.ndarray) -> float:
        return float((rule.scores(logits[name, dataset][which]) < rule.threshold).mean())

    own_logits = np.concatenate([logits[dataset, name][calibrates] for name in foreign])
    rules = [with_threshold(UnknownRule(score, t, 0.0), own_logits) for score, t in CANDIDATES]
    rule = max(rules, key=lambda rule: np.mean([refused(rule, name, chooses[name]) for name in foreign]))
    records = []
    for name in foreign:
        own = rule.scores(logits[dataset, name][~calibrates])
        others = rule.scores(logits[name, dataset][~chooses[name]])
        records.append(
            ForeignPictures(
                data=name,
                side=sets.side(dataset, name),
                classes=len(np.unique(targets[name][~chooses[name]])),
                pictures=len(others),
                refused=refused(rule, name, ~chooses[name]),
                own_pictures=len(own),
                own_passed=float((own >= rule.threshold).mean()),
                auroc=auroc(own, others),
            )
        )
    full = rule.scores(logits[dataset, dataset][~calibrates])
    passed = float((full >= rule.threshold).mean())
    return Calibration(**rule.to_dict(), full_size_passed=passed, foreign=tuple(records)), rule


def with_threshold(rule: UnknownRule, own_logits: np.ndarray) -> UnknownRule:
    """The rule with a threshold that at least KEPT of these own pictures reach; own_logits: (N, classes)."""
    threshold = float(np.quantile(rule.scores(own_logits), 1 - KEPT, method="lower"))
    return replace(rule, threshold=threshold)


def in_first_half(targets: np.ndarray) -> np.ndarray:
    """Which pictures are of the classes that calibrate: half of them, drawn at random and always alike; bool (N,)."""
    classes = np.unique(targets)
    drawn = np.random.default_rng(0).permutation(classes)[: len(classes) // 2]
    return np.isin(targets, drawn)


def auroc(higher: np.ndarray, lower: np.ndarray) -> float:
    """The area under the ROC curve: the share of pairs in which `higher` scores above `lower`, ties counted half.

    Args:
        higher: (N,) scores of own pictures.
        lower: (M,) scores of foreign ones.
    """
    ordered = np.sort(lower)
    below, up_to = (np.searchsorted(ordered, higher, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(lower)))


def _logits(network: Network, crops: np.ndarray) -> np.ndarray:
    """The logits of pictures that are cropped already, (N, classes)."""
    assert network.preprocessing is not None
    side = network.preprocessing.crop
    finish = Preprocessing(side, side, network.preprocessing.mean, network.preprocessing.std)
    return np.concatenate([network.run(finish(crops[i : i + 32])) for i in range(0, len(crops), 32)])


def _open(name: str, data: Path) -> Split:
    """The pictures of a data set: the validation split of one with two splits, all of a folder of class folders."""
    folder = next((path for path in (data / name, data) if path.name == name and path.is_dir()), None)
    if folder is None or (folder / "train").is_dir():
        return find(name, data).val
    classes = class_folders(folder)
    pictures = [pictures_of_class(path)[0] for path in classes.values()]
    targets = np.repeat(np.arange(len(classes)), [len(paths) for paths in pictures])
    return Split([path for paths in pictures for path in paths], targets, folder, tuple(classes))


def _thinned(split: Split) -> Split:
    """At most MOST_PICTURES of a split's pictures, evenly over its order."""
    step = -(-len(split) // MOST_PICTURES)
    return replace(split, pictures=split.pictures[::step], targets=split.targets[::step])


def _form(split: Split) -> _Form:
    """The form of a set's first picture; those of one set are alike."""
    first = split.pictures[0]
    if isinstance(first, np.ndarray):
        return _Form(min(first.shape[:2]), None)
    try:
        with Image.open(first) as image:
            tables: Any = getattr(image, "quantization", None)
            return _Form(min(image.size), tables)
    except OSError as error:
        raise DataError(f"{first} cannot be read: {error}") from None


def _shrunk(pixels: np.ndarray, form: _Form) -> np.ndarray:
    """A picture shrunk to the form's short side and compressed with its tables; a picture no larger stays as it is."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    if short <= form.side:
        return pixels
    size = (round(width * form.side / short), round(height * form.side / short))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    if form.tables is None:
        return np.asarray(image)
    file = io.BytesIO()
    image.save(file, "JPEG", qtables=form.tables)
    return open_image(file.getvalue())
