"""The manifest of the shipped networks: `pretrained/manifest.json` as typed records, checked when it is read.

It lists each network's packed file, latent (training) weights and training history with their sha256, the accuracy
measured on the whole validation set, the recipe and the date. Never imports torch.
"""

import datetime
import difflib
import json
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from xnorlab import atomic
from xnorlab.suggestions import nearest
from xnorlab.zoo.calibration import Calibration
from xnorlab.zoo.recipe import PRECISIONS, Recipe

MANIFEST = "manifest.json"

_PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (_PACKAGE / "pretrained", _PACKAGE.parent / "pretrained")
"""Where the shipped networks may lie: inside the installed package, or beside it in a checkout."""


class PretrainedError(ValueError):
    """An unknown name, a manifest that breaks a rule, or a shipped file that is missing or altered."""


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """A network trained by a shipped network's recipe with another seed: its figures are kept, not its files.

    The attributes are those of `ShippedNetwork`, but for the seed.

    Attributes:
        seed: what its recipe differs in.
    """

    seed: int
    sha256: str
    bytes: int
    top1: float
    top5: float | None = None
    images: int
    trained_seconds: float
    hardware: str | None
    precision: str
    date: str

    @classmethod
    def from_dict(cls, values: Any) -> "Repeat":
        """The record of an object in the manifest. Raises ValueError with the field, the value and the rule."""
        return cls(**_checked(values, _REPEAT))

    def to_dict(self) -> dict[str, Any]:
        """The object that the manifest holds, in its order of fields."""
        return _written({field: getattr(self, field) for field in _REPEAT}, _REPEAT)


@dataclass(frozen=True, kw_only=True)
class ShippedNetwork:
    """What the manifest says of one shipped network.

    Attributes:
        file, latent_file, history_file: the packed network, the weights that torch needs beside it and the curves of
            its training, as paths within the folder. A network may lack the history; its three fields are then None.
        sha256, latent_sha256, history_sha256: of these files.
        bytes, latent_bytes, history_bytes: their sizes.
        top1: share of the validation pictures that the packed network names rightly, 0 to 1.
        top5: share of them whose class is among its five best; None where that was not measured.
        torch_top1: `top1` of the same weights through torch, in float32.
        images: how many validation pictures there are.
        labels_differ: how many of them the packed network and torch name differently.
        pictures_sha256: fingerprint of these pictures, see `Split.fingerprint`.
        recipe: how it was trained.
        trained_seconds: how long that took.
        hardware, precision: what it was trained on (None: not recorded) and in, see `Recipe.precision`.
        date: the day on which its training ended, "2026-11-23".
        labels: the names of its classes, in the order of its outputs.
        data_note: how the copy of the data that it saw differs from its publisher's; None where nothing is said.
        repeats: the recipe's other seeds, in their order.
        calibration: when it refuses a picture, and how often it errs; None where it was not calibrated.
    """

    file: str
    latent_file: str
    history_file: str | None = None
    sha256: str
    bytes: int
    latent_sha256: str
    latent_bytes: int
    history_sha256: str | None = None
    history_bytes: int | None = None
    top1: float
    top5: float | None = None
    torch_top1: float
    images: int
    labels_differ: int
    pictures_sha256: str
    recipe: Recipe
    trained_seconds: float
    hardware: str | None
    precision: str
    date: str
    labels: tuple[str, ...]
    data_note: str | None = None
    repeats: tuple[Repeat, ...] = ()
    calibration: Calibration | None = None

    @property
    def name(self) -> str:
        """`<data set>/<model>-<scheme>`, what `xnorlab.load` takes."""
        return self.recipe.name

    @property
    def dataset(self) -> str:
        """The name of the data set that it was trained on."""
        return self.recipe.dataset

    @property
    def model(self) -> str:
        """The name of its architecture."""
        return self.recipe.model

    @property
    def scheme(self) -> str:
        """The name of its scheme."""
        return self.recipe.scheme

    @property
    def top1_by_seed(self) -> tuple[float, ...]:
        """Top-1 of the network and of its repeats, one share per seed."""
        return (self.top1, *(repeat.top1 for repeat in self.repeats))

    def as_repeat(self) -> Repeat:
        """What is kept of it where a lower seed of its recipe is the shipped network."""
        kept = {field.name: getattr(self, field.name) for field in fields(Repeat) if field.name != "seed"}
        return Repeat(seed=self.recipe.seed, **kept)

    @classmethod
    def from_dict(cls, name: str, values: Any) -> "ShippedNetwork":
        """The record of the manifest's object under `name`.

        Raises:
            ValueError: a field is unknown, missing or breaks its rule, or disagrees with the recipe; the message
                has the field, the value and the rule.
        """
        values = _checked(values, _NETWORK)
        try:
            recipe = Recipe.from_dict(values["recipe"])
        except ValueError as error:
            raise ValueError(f"recipe: {error}") from None
        for field in ("dataset", "model", "scheme"):
            value = values.pop(field)
            if value != getattr(recipe, field):
                raise ValueError(f"{field}={value!r} must be that of the recipe, {getattr(recipe, field)!r}")
        if name != recipe.name:
            raise ValueError(f"name={name!r} must be <data set>/<model>-<scheme> of the recipe, {recipe.name!r}")
        if len({field in values for field in _HISTORY}) > 1:
            raise ValueError(f"{', '.join(_HISTORY)} must all be there, or none of them")
        seeds = [recipe.seed]
        repeats = []
        for place, repeat in enumerate(values.get("repeats", ())):
            try:
                repeats.append(Repeat.from_dict(repeat))
            except ValueError as error:
                raise ValueError(f"repeats[{place}]: {error}") from None
            if repeats[-1].seed <= seeds[-1]:
                raise ValueError(f"repeats[{place}]: seed={repeats[-1].seed} must be above the one before, {seeds[-1]}")
            seeds.append(repeats[-1].seed)
        if "calibration" in values:
            try:
                values["calibration"] = Calibration.from_dict(values["calibration"])
            except ValueError as error:
                raise ValueError(f"calibration: {error}") from None
        return cls(**values | {"recipe": recipe, "labels": tuple(values["labels"]), "repeats": tuple(repeats)})

    def to_dict(self) -> dict[str, Any]:
        """The object that the manifest holds under `name`, in its order of fields."""
        values = {field: getattr(self, field) for field in _NETWORK}
        values |= {"recipe": self.recipe.to_dict(), "labels": list(self.labels)}
        values["repeats"] = [repeat.to_dict() for repeat in self.repeats]
        values["calibration"] = None if self.calibration is None else self.calibration.to_dict()
        return _written(values, _NETWORK)


def folder() -> Path:
    """The folder with manifest.json: inside the installed package, or beside it in a checkout."""
    for place in PLACES:
        if (place / MANIFEST).is_file():
            return place
    raise PretrainedError(
        f"no pretrained networks: neither {' nor '.join(map(str, PLACES))} has a "
        "manifest.json; install xnorlab again or use a complete checkout"
    )


def entries() -> Mapping[str, ShippedNetwork]:
    """Every shipped network, by name."""
    return read(folder())


def names() -> tuple[str, ...]:
    """Every name that `load` takes, `<data set>/<model>-<scheme>`."""
    return tuple(entries())


def entry(name: str) -> ShippedNetwork:
    """What the manifest says of `name`; an unknown name raises PretrainedError that lists the nearest ones."""
    known = entries()
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
        near += [e for e in known if e.rpartition("/")[2] == str(name) and e not in near]
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known) or 'none'}"
        raise PretrainedError(f"name={name!r} is not a pretrained network; {hint}")
    return known[name]


def sibling(name: str, scheme: str) -> str:
    """The name of a network's twin on the same data under another scheme; it need not be shipped."""
    data, _, network = name.rpartition("/")
    return f"{data}/{network.partition('-')[0]}-{scheme}"


def read(folder: Path) -> Mapping[str, ShippedNetwork]:
    """The networks that a folder's manifest lists, by name and in its order; none where it has no manifest.

    A file that has not changed since it was last read is not parsed again.

    Raises:
        PretrainedError: the manifest is no JSON or breaks a rule; the message has the file, the network, the field,
            the value and the rule.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return MappingProxyType({})
    state = path.stat()
    return _read(path, (state.st_mtime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=8)
def _read(path: Path, state: tuple[int, ...]) -> Mapping[str, ShippedNetwork]:
    """The parsed manifest at `path`; `state` changes with the file."""
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")), path)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PretrainedError(f"{path} is not valid JSON: {error}") from None


def _parsed(values: Any, path: Path) -> Mapping[str, ShippedNetwork]:
    if not isinstance(values, dict):
        raise PretrainedError(f"{path} must hold one object with one entry per network")
    networks = {}
    for name, value in values.items():
        try:
            networks[name] = ShippedNetwork.from_dict(name, value)
        except ValueError as error:
            raise PretrainedError(f"{path}, network {name!r}: {error}") from None
    return MappingProxyType(networks)


def to_dict(networks: Mapping[str, ShippedNetwork]) -> dict[str, dict[str, Any]]:
    """The manifest of these networks as plain values, as JSON holds it."""
    return {name: network.to_dict() for name, network in networks.items()}


def write(folder: Path, networks: Mapping[str, ShippedNetwork]) -> Path:
    """Write the manifest of a folder, networks in the order of their names; returns the file.

    Raises PretrainedError, before anything is written, where a record breaks a rule and could not be read again.
    """
    path = folder / MANIFEST
    values = to_dict(dict(sorted(networks.items())))
    _parsed(values, path)
    atomic.write_json(path, values)
    return path


@dataclass(frozen=True)
class _Rule:
    """What a field's value must be, in words and as a test. A field that is not required may be left out."""

    text: str
    holds: Callable[[Any], bool]
    required: bool = True


def _optional(rule: _Rule) -> _Rule:
    return _Rule(rule.text, rule.holds, required=False)


def _or_null(rule: _Rule) -> _Rule:
    return _Rule(f"null or {rule.text}", lambda value: value is None or rule.holds(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_inside(value: Any) -> bool:
    """Whether a path stays within the folder that it is relative to, on any system."""
    if not _is_text(value) or "\\" in value or ":" in value:
        return False
    path = PurePosixPath(value)
    return not path.is_absolute() and ".." not in path.parts


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


_TEXT = _Rule("a text that is not empty", _is_text)
_FILE = _Rule("a path within the folder, with / between its parts", _is_inside)
_DIGEST = _Rule("64 hexadecimal digits", lambda value: isinstance(value, str) and bool(_HEX.fullmatch(value)))
_HEX = re.compile("[0-9a-f]{64}")
_SHARE = _Rule("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
_COUNT = _Rule("an integer of 0 or more", _is_count)
_POSITIVE = _Rule("an integer of 1 or more", lambda value: _is_count(value) and value > 0)
_SECONDS = _Rule("a number of 0 or more", lambda value: _is_number(value) and value >= 0)
_PRECISION = _Rule(f"one of {', '.join(PRECISIONS)}", lambda value: value in PRECISIONS)
_DATE = _Rule("a date as 2026-11-23", _is_date)
_OBJECT = _Rule("an object", lambda value: isinstance(value, Mapping))
_LIST = _Rule("a list", lambda value: isinstance(value, list))
_LABELS = _Rule(
    "a list of one text per class", lambda value: isinstance(value, list) and value != [] and all(map(_is_text, value))
)

_RUN: Mapping[str, _Rule] = {
    "trained_seconds": _SECONDS,
    "hardware": _or_null(_TEXT),
    "precision": _PRECISION,
    "date": _DATE,
}
_HISTORY = ("history_file", "history_sha256", "history_bytes")
_NETWORK: Mapping[str, _Rule] = {
    "file": _FILE,
    "latent_file": _FILE,
    "history_file": _optional(_FILE),
    "sha256": _DIGEST,
    "bytes": _POSITIVE,
    "latent_sha256": _DIGEST,
    "latent_bytes": _POSITIVE,
    "history_sha256": _optional(_DIGEST),
    "history_bytes": _optional(_POSITIVE),
    "top1": _SHARE,
    "top5": _optional(_SHARE),
    "torch_top1": _SHARE,
    "images": _POSITIVE,
    "labels_differ": _COUNT,
    "model": _TEXT,
    "scheme": _TEXT,
    "dataset": _TEXT,
    "pictures_sha256": _DIGEST,
    "recipe": _OBJECT,
    **_RUN,
    "labels": _LABELS,
    "data_note": _or_null(_TEXT),
    "repeats": _optional(_LIST),
    "calibration": _optional(_OBJECT),
}
"""The fields of an entry in the order in which they are written, each with its rule."""
_REPEAT: Mapping[str, _Rule] = {
    "seed": _COUNT,
    "sha256": _DIGEST,
    "bytes": _POSITIVE,
    "top1": _SHARE,
    "top5": _optional(_SHARE),
    "images": _POSITIVE,
    **_RUN,
}
"""The fields of a repeat, likewise."""

_short = reprlib.Repr()
_short.maxstring = 80


def _checked(values: Any, rules: Mapping[str, _Rule]) -> dict[str, Any]:
    """A copy of `values`, whose fields are known, complete and by their rules; see `ShippedNetwork.from_dict`."""
    if not isinstance(values, Mapping):
        raise ValueError(f"it must be an object with the fields {', '.join(rules)}, not {_short.repr(values)}")
    for field in values:
        if field not in rules:
            raise ValueError(f"there is no field {field!r}; the fields are {', '.join(rules)}{nearest(field, rules)}")
    for field, rule in rules.items():
        if field in values and not rule.holds(values[field]):
            raise ValueError(f"{field}={_short.repr(values[field])} must be {rule.text}")
        if field not in values and rule.required:
            raise ValueError(f"{field} is missing; it must be {rule.text}")
    return dict(values)


def _written(values: dict[str, Any], rules: Mapping[str, _Rule]) -> dict[str, Any]:
    """The fields that are written: all that are required, and of the others those that hold something."""
    return {field: value for field, value in values.items() if rules[field].required or value not in (None, [])}
