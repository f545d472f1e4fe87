"""Files to download: the shipped networks' figures, the machine, and what this session measured, as CSV and JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from xnorlab import pretrained
from xnorlab.benchmark import Machine, describe
from xnorlab.kernels.cpu import describe_cpu

MANIFEST_COLUMNS = (
    "name",
    "dataset",
    "classes",
    "model",
    "scheme",
    "top1",
    "torch_top1",
    "images",
    "bytes",
    "latent_bytes",
    "trained_seconds",
    "hardware",
    "precision",
    "date",
    "sha256",
)
SETTINGS = ("shape", "name", "input_shape", "threads", "batch", "repeats", "photo")
"""What a measurement's record may say of its settings."""
_NO_TIMES = {"median_s": "", "lower_quartile_s": "", "upper_quartile_s": "", "runs": 0, "first_call_s": ""}


def as_json(value: Any) -> bytes:
    """`value` as a JSON file: indented, in UTF-8."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def manifest_rows() -> list[dict[str, Any]]:
    """One row per shipped network; recipes and the classes' names are in the JSON alone."""
    rows = []
    for name, shipped in pretrained.entries().items():
        known = {**shipped.to_dict(), "name": name, "classes": len(shipped.labels)}
        rows.append({column: known.get(column) for column in MANIFEST_COLUMNS})
    return rows


def machine() -> dict[str, Any]:
    """The machine that the app runs on: processor, instruction path, versions."""
    return {**describe_cpu(), **describe().to_dict()}


def machine_rows(machine: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per property of a machine, of which the function `machine` gives the record."""
    flat = {**machine, **{f"version of {name}": version for name, version in machine["versions"].items()}}
    del flat["versions"]
    return [{"property": k, "value": " ".join(v) if isinstance(v, list) else v} for k, v in flat.items()]


def measurements(session: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Every benchmark among the values of a session, with the key it is kept under, its settings and its machine."""
    return [{"measured": str(key), **bench.to_dict()} for key, value in session for bench in _benches(value)]


def measurement_rows(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per contestant of each of `measurements`: times or why it has none, settings, and machine."""
    rows = []
    for record in records:
        settings = {key: record[key] for key in SETTINGS if key in record}
        machine = {key: record["machine"][key] for key in ("cpu", "instructions", "taken")}
        times = {name: _times(timing) for name, timing in record["timings"].items()}
        reasons = record.get("left_out", {})
        for name in (*times, *reasons):
            rows.append(
                {
                    "measured": record["measured"],
                    "contestant": name,
                    **times.get(name, _NO_TIMES),
                    "not_timed_because": reasons.get(name, ""),
                    "settings": json.dumps(settings),
                    **machine,
                }
            )
    return rows


def _times(timing: Mapping[str, Any]) -> dict[str, Any]:
    low, high = timing["quartiles_s"]
    return {
        "median_s": timing["median_s"],
        "lower_quartile_s": low,
        "upper_quartile_s": high,
        "runs": len(timing["samples_s"]),
        "first_call_s": timing["first_call_s"],
    }


def _benches(value: Any) -> Iterator[Any]:
    """Every value with timings and the machine they were taken on, within sequences and records."""
    if isinstance(getattr(value, "machine", None), Machine) and isinstance(getattr(value, "timings", None), dict):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _benches(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _benches(getattr(value, field.name))
