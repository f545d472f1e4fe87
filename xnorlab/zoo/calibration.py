"""How well a shipped network knows what it does not know: its record in the manifest, checked when it is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ForeignPictures:
    """What a network makes of pictures of classes that it does not have, at its threshold.

    All figures are those of the half of the foreign classes, and of the own pictures, that the threshold and the score
    were not chosen by.

    Attributes:
        data: the name of the foreign pictures' data set.
        side: short side in pixels at which own and foreign pictures were shown alike.
        classes: how many foreign classes there are.
        pictures: how many pictures of them.
        refused: share of them that the network refuses, 0 to 1.
        own_pictures: how many pictures of its own classes were shown beside them.
        own_passed: share of those that it does not refuse, 0 to 1.
        auroc: how often an own picture scores higher than a foreign one, 0 to 1; 0.5 is chance.
    """

    data: str
    side: int
    classes: int
    pictures: int
    refused: float
    own_pictures: int
    own_passed: float
    auroc: float

    def __post_init__(self):
        _check_text("data", self.data)
        for name in ("side", "classes", "pictures", "own_pictures"):
            _check_count(name, getattr(self, name))
        for name in ("refused", "own_passed", "auroc"):
            _check_number(name, getattr(self, name), 0, 1)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The rule by which a network refuses pictures (`runtime.UnknownRule`), and how often it errs.

    Attributes:
        score, temperature, threshold: those of the packed file.
        full_size_passed: share of the own pictures that pass at their full size, 0 to 1.
        foreign: one record per foreign data set, at least one.
    """

    score: str
    temperature: float
    threshold: float
    full_size_passed: float
    foreign: tuple[ForeignPictures, ...]

    def __post_init__(self):
        _check_text("score", self.score)
        _check_number("temperature", self.temperature, 0.01, 100)
        _check_number("threshold", self.threshold, -math.inf, math.inf)
        _check_number("full_size_passed", self.full_size_passed, 0, 1)
        if not self.foreign:
            raise ValueError("foreign=() must be a list of one object or more")

    @classmethod
    def from_dict(cls, values: Any) -> "Calibration":
        """The record of an object in the manifest. Raises ValueError with the field, the value and the rule."""
        values = _complete(cls, values)
        foreign = values["foreign"]
        if not isinstance(foreign, list):
            raise ValueError(f"foreign={foreign!r} must be a list of one object or more")
        records = []
        for place, record in enumerate(foreign):
            try:
                records.append(ForeignPictures(**_complete(ForeignPictures, record)))
            except ValueError as error:
                raise ValueError(f"foreign[{place}]: {error}") from None
        return cls(**values | {"foreign": tuple(records)})

    def to_dict(self) -> dict[str, Any]:
        """The object that the manifest holds, in its order of fields."""
        return {**vars(self), "foreign": [dict(vars(record)) for record in self.foreign]}


def _complete(record: type, values: Any) -> dict[str, Any]:
    """A copy of an object that has exactly a record's fields."""
    names = [field.name for field in fields(record)]
    if not isinstance(values, Mapping) or set(values) != set(names):
        raise ValueError(f"it must be an object with exactly the fields {', '.join(names)}")
    return dict(values)


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}={value!r} must be a text that is not empty")


def _check_count(name: str, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}={value!r} must be an integer of 1 or more")


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name}={value!r} must be a finite number")
    if not low <= value <= high:
        raise ValueError(f"{name}={value!r} must be a number from {low:g} to {high:g}")
