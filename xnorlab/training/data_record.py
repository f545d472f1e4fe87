"""Whether a resumed run is shown the pictures that it began with, whatever their folder is called."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xnorlab.training.folders import DataError, DataFolder, Split

SPLITS = {"train": "training", "val": "validation"}


def described(found: DataFolder) -> dict[str, dict[str, Any]]:
    """What a checkpoint keeps of its data, by split: `listing` (see `Split.listing`) and `counts`, pictures a class."""
    return {
        name: {"listing": split.listing(), "counts": _counts(split, len(found.labels))}
        for name, split in (("train", found.train), ("val", found.val))
    }


def well_formed(data: Any, classes: int) -> bool:
    """Whether `data`, from a file, is what `described` gives of so many classes, or None."""
    return data is None or (
        isinstance(data, dict)
        and all(
            isinstance(split, dict)
            and isinstance(split.get("listing"), str)
            and isinstance(split.get("counts"), list)
            and len(split["counts"]) == classes
            and all(isinstance(count, int) for count in split["counts"])
            for split in map(data.get, SPLITS)
        )
    )


def require_same(found: DataFolder, labels: Sequence[str], data: Mapping[str, Mapping[str, Any]] | None) -> None:
    """Raises DataError, which says what differs, where `found` is not the data that a run began with.

    labels: the run's class names. data: what `described` gave then; None for a checkpoint of before it was kept, of
    which the labels alone are compared.
    """
    if list(found.labels) != list(labels):
        raise DataError(f"data={str(found.folder)!r} has other classes than the run: {_labels(found.labels, labels)}")
    if data is None:
        return
    now = described(found)
    for name, word in SPLITS.items():
        if now[name]["listing"] != data[name]["listing"]:
            differs = _pictures(found.labels, now[name]["counts"], data[name]["counts"])
            raise DataError(
                f"data={str(found.folder)!r}: the {word} pictures are not those that the run began with: {differs}; "
                "where unreadable ones were left out then, leave them out now, too"
            )


def _labels(ours: Sequence[str], theirs: Sequence[str]) -> str:
    added, gone = ([x for x in a if x not in b] for a, b in ((ours, theirs), (theirs, ours)))
    said = [f"{_some(words)} {verb}" for words, verb in ((added, "added"), (gone, "missing")) if words]
    return "; ".join(said) if said else "the same names in another order"


def _pictures(labels: Sequence[str], now: Sequence[int], then: Sequence[int]) -> str:
    changed = [f"{label!r} has {n} instead of {m}" for label, n, m in zip(labels, now, then, strict=True) if n != m]
    if not changed:
        return f"each class has as many as then, of {sum(then):,} in all, but with other names or sizes"
    return f"{sum(now):,} instead of {sum(then):,}, {', '.join(changed[:3])}" + (", …" if len(changed) > 3 else "")


def _some(words: Sequence[str]) -> str:
    return ", ".join(repr(word) for word in words[:5]) + (", …" if len(words) > 5 else "")


def _counts(split: Split, classes: int) -> list[int]:
    return np.bincount(split.targets, minlength=classes).tolist()
