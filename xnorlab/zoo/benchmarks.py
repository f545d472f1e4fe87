"""The recorded benchmarks: `benchmark.json` in the folder of shipped networks, one record per processor and path."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xnorlab import atomic
from xnorlab.zoo import manifest

FILE = "benchmark.json"

COMMAND = "xnorlab bench conv --json"

_KEPT = ("shape", "threads", "fastest_float", "best_float", "speedups", "predicted_speedup", "left_out")


def read(folder: str | Path | None = None) -> tuple[dict[str, Any], ...]:
    """The records of the folder's file, the shipped one where None; none where there is no file.

    Each has `command`, `machine` (see `benchmark.Machine`) and `shapes`: of every shape what `ConvBench.to_dict` gives,
    with the medians alone of its times.
    """
    path = _folder(folder) / FILE
    return tuple(json.loads(path.read_text(encoding="utf-8"))["records"]) if path.is_file() else ()


def place(machine: Mapping[str, Any]) -> str:
    """What tells records apart: the processor and the instructions in use."""
    return f"{machine['cpu']}, {machine['instructions']}"


def record_of(machine: Mapping[str, Any], folder: str | Path | None = None) -> dict[str, Any]:
    """The record of a processor and its instructions; raises ValueError where there is none."""
    records = {place(record["machine"]): record for record in read(folder)}
    if place(machine) not in records:
        there = "; ".join(records) or "none"
        raise ValueError(f"there is no recorded benchmark of {place(machine)!r} to compare with; recorded: {there}")
    return records[place(machine)]


def record(results: Any, folder: str | Path | None = None) -> Path:
    """Enter what `xnorlab bench conv --json` printed, without its samples, in place of that processor's former record.

    Args:
        results: the shapes of one run: a list of objects of one machine, one number of threads and one batch, each
            timed against a float32 engine.
        folder: the folder of shipped networks; None is the checkout's `pretrained/`.

    Returns:
        The file.

    Raises:
        ValueError: `results` are something else; nothing is written.
    """
    try:
        shapes = [{key: result[key] for key in _KEPT} | {"median_s": medians(result)} for result in results]
        alike = {(place(r["machine"]), r["threads"], r["shape"]["batch"]) for r in results}
        timed = all(result["fastest_float"] in result["speedups"] for result in results)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"benchmark is not what `{COMMAND}` prints: {error!r}") from None
    if len(alike) != 1:
        raise ValueError(f"benchmark must be of one machine, number of threads and batch; it has {sorted(alike)}")
    if not timed:
        raise ValueError(
            "benchmark must hold a float32 engine for every shape: install torch, OpenVINO or ONNX Runtime"
        )
    machine = results[0]["machine"]
    new = {"command": COMMAND, "machine": machine, "shapes": shapes}
    records = {place(old["machine"]): old for old in read(folder)} | {place(machine): new}
    path = _folder(folder) / FILE
    atomic.write_json(path, {"records": list(records.values())})
    return path


def changes(result: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, float]:
    """By contestant, its time as a multiple of the recorded one at the same shape and threads; empty where none is.

    Args:
        result: what `ConvBench.to_dict` gives.
        record: a record, see `read`.
    """
    for old in record["shapes"]:
        if old["shape"] == result["shape"] and old["threads"] == result["threads"]:
            now = medians(result)
            return {name: now[name] / then for name, then in old["median_s"].items() if name in now}
    return {}


def medians(result: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by contestant of what `ConvBench.to_dict` gives."""
    return {name: timing["median_s"] for name, timing in result["timings"].items()}


def span(values: Iterable[float], digits: int = 0) -> str:
    """The range of values in words: "15.7 to 22.3"."""
    numbers = sorted(values)
    low, high = (f"{value:.{digits}f}" for value in (numbers[0], numbers[-1]))
    return low if low == high else f"{low} to {high}"


def _folder(folder: str | Path | None) -> Path:
    return manifest.folder() if folder is None else Path(folder)
