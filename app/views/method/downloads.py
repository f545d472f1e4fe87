"""Files to take away: the manifest's figures, the machine, and what this session measured with its settings."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def as_json(value: Any) -> bytes:
    """Indented, in UTF-8."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A column a key of the first row; UTF-8 with the mark that spreadsheets look for."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def manifest_rows() -> list[dict[str, Any]]:
    """A row a shipped network; recipes and the classes' names are in the JSON alone."""
    rows = []
    for name, shipped in pretrained.entries().items():
        known = {**shipped.to_dict(), "name": name, "classes": len(shipped.labels)}
        rows.append({column: known.get(column) for column in MANIFEST_COLUMNS})
    return rows


def machine() -> dict[str, Any]:
    """The machine that the app runs on: processor, instruction path, versions."""
    return {**describe_cpu(), **describe().to_dict()}


def machine_rows() -> list[dict[str, Any]]:
    """The same as one row a property."""
    flat = {**machine(), **{f"version of {name}": v for name, v in machine()["versions"].items()}}
    del flat["versions"]
    return [{"property": k, "value": " ".join(v) if isinstance(v, list) else v} for k, v in flat.items()]


def measured(session: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Every benchmark among the values of a session, with the key it is kept under, its settings and its machine."""
    found = []
    for key, value in session:
        for bench in _benches(value):
            record = (
                bench.to_dict()
                if hasattr(bench, "to_dict")
                else {
                    "machine": bench.machine.to_dict(),
                    "timings": {name: timing.to_dict() for name, timing in bench.timings.items()},
                }
            )
            found.append({"measured": str(key), **record})
    return found


def measured_rows(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row a contestant of `measured`, with its times or why it has none, what was set and what it ran on."""
    rows = []
    for result in results:
        settings = {
            k: result[k]
            for k in ("shape", "name", "input_shape", "threads", "batch", "repeats", "photo")
            if k in result
        }
        machine = {
            "settings": json.dumps(settings),
            **{k: result["machine"][k] for k in ("cpu", "instructions", "taken")},
        }
        times = {name: _times(timing) for name, timing in result["timings"].items()}
        reasons = result.get("left_out", {})
        for name in (*times, *reasons):
            who = {"measured": result["measured"], "contestant": name}
            rows.append({**who, **times.get(name, _NO_TIMES), "not_timed_because": reasons.get(name, ""), **machine})
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


_NO_TIMES = {"median_s": "", "lower_quartile_s": "", "upper_quartile_s": "", "runs": 0, "first_call_s": ""}


def _benches(value: Any) -> Iterator[Any]:
    """What has timings and the machine they were taken on, within sequences and records."""
    if isinstance(getattr(value, "machine", None), Machine) and isinstance(getattr(value, "timings", None), dict):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _benches(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _benches(getattr(value, field.name))
