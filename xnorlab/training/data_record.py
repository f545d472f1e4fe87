"""Record of its data that a checkpoint keeps, and the check that a resumed run is shown the same pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xnorlab.images.class_folders import DataError
from xnorlab.training.dataset import DataFolder, Split

SPLITS = {"train": "training", "val": "validation"}


def data_record(data: DataFolder) -> dict[str, dict[str, Any]]:
    """Record of a data set by split: `listing` (see `Split.listing`), and `counts`, the pictures of each class."""
    return {
        name: {"listing": split.listing(), "counts": _counts(split, len(data.labels))}
        for name, split in (("train", data.train), ("val", data.val))
    }


def is_data_record(value: Any, classes: int) -> bool:
    """Whether a value from a file has the form of a `data_record` of so many classes, or is None."""
    return value is None or (
        isinstance(value, dict)
        and all(
            isinstance(split, dict)
            and isinstance(split.get("listing"), str)
            and isinstance(split.get("counts"), list)
            and len(split["counts"]) == classes
            and all(isinstance(count, int) for count in split["counts"])
            for split in map(value.get, SPLITS)
        )
    )


def require_same_data(data: DataFolder, labels: Sequence[str], record: Mapping[str, Mapping[str, Any]] | None) -> None:
    """Check that a data set is the one that a run began with, whatever its folder is called.

    Args:
        data: the data set.
        labels: the run's class names.
        record: the run's `data_record`. None compares the labels alone: checkpoints of earlier versions have no record.

    Raises:
        DataError: the classes or the pictures are other ones; the message says how they differ.
    """
    if list(data.labels) != list(labels):
        raise DataError(f"data={str(data.folder)!r} has other classes than the run: {_labels(data.labels, labels)}")
    if record is None:
        return
    now = data_record(data)
    for name, word in SPLITS.items():
        if now[name]["listing"] != record[name]["listing"]:
            differs = _pictures(data.labels, now[name]["counts"], record[name]["counts"])
            raise DataError(
                f"data={str(data.folder)!r}: the {word} pictures are not those that the run began with: {differs}; "
                "where unreadable ones were left out then, leave them out now, too"
            )


def _labels(ours: Sequence[str], theirs: Sequence[str]) -> str:
    added, gone = ([x for x in a if x not in b] for a, b in ((ours, theirs), (theirs, ours)))
    said = [f"{_some(words)} {verb}" for words, verb in ((added, "added"), (gone, "missing")) if words]
    return "; ".join(said) if said else "the same names in another order"


def _pictures(labels: Sequence[str], now: Sequence[int], then: Sequence[int]) -> str:
    changed = [f"{label!r} has {n} instead of {m}" for label, n, m in zip(labels, now, then, strict=True) if n != m]
    if not changed:
        return f"each class has as many as then, {sum(then):,} in all, but with other names or sizes"
    return f"{sum(now):,} instead of {sum(then):,}, {', '.join(changed[:3])}" + (", …" if len(changed) > 3 else "")


def _some(words: Sequence[str]) -> str:
    return ", ".join(repr(word) for word in words[:5]) + (", …" if len(words) > 5 else "")


def _counts(split: Split, classes: int) -> list[int]:
    return np.bincount(split.targets, minlength=classes).tolist()
