"""The table of verdicts, `pretrained/verdicts.json`: computed, kept, read and printed.

`write` computes it from the manifest, the ablations and the benchmark beside it; nothing in it is typed in but the
paper's own numbers.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xnorlab import atomic
from xnorlab.verdicts.claims import Verdict, judge
from xnorlab.verdicts.evidence import BENCHMARK, Evidence
from xnorlab.zoo import manifest

FILE = "verdicts.json"


def load(folder: str | Path | None = None) -> tuple[Verdict, ...]:
    """The rows of verdicts.json in the folder of shipped networks."""
    path = _folder(folder) / FILE
    if not path.is_file():
        raise ValueError(f"{path} does not exist: `xnorlab verdicts --write` makes it")
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Verdict(**row | {"based_on": tuple(row["based_on"])}) for row in rows)


def write(folder: str | Path | None = None) -> Path:
    """Compute every row from the files in the folder of shipped networks; returns the file written."""
    path = _folder(folder) / FILE
    rows = [asdict(verdict) for verdict in judge(Evidence.read(path.parent))]
    atomic.write_json(path, rows)
    return path


def keep_benchmark(results: Any, folder: str | Path | None = None) -> Path:
    """Keep what `xnorlab bench conv --json` printed beside the networks, without its samples; returns the file.

    Args:
        results: the shapes of one run: a list of objects of one machine, one number of threads and one batch, each
            timed against a float32 engine.
        folder: the folder of shipped networks; None is the checkout's `pretrained/`.

    Raises:
        ValueError: `results` are something else; nothing is written.
    """
    try:
        shapes = [{key: result[key] for key in _KEPT} | {"median_s": _medians(result["timings"])} for result in results]
        alike = {(r["machine"]["cpu"], r["threads"], r["shape"]["batch"]) for r in results}
        timed = all(result["fastest_float"] in result["speedups"] for result in results)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"benchmark is not what `xnorlab bench conv --json` prints: {error!r}") from None
    if len(alike) != 1:
        raise ValueError(f"benchmark must be of one machine, number of threads and batch; it has {sorted(alike)}")
    if not timed:
        raise ValueError(
            "benchmark must hold a float32 engine for every shape: install torch, OpenVINO or ONNX Runtime"
        )
    kept = {"command": "xnorlab bench conv --json", "machine": results[0]["machine"], "shapes": shapes}
    path = _folder(folder) / BENCHMARK
    atomic.write_json(path, kept)
    return path


_KEPT = ("shape", "threads", "fastest_float", "best_float", "speedups", "predicted_speedup", "left_out")


def _medians(timings: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {name: timing["median_s"] for name, timing in timings.items()}


def markdown(verdicts: Iterable[Verdict]) -> str:
    """The table in Markdown, one row per claim."""
    lines = ["| claim | published | ours, measured | verdict | why |", "|---|---|---|---|---|"]
    for v in verdicts:
        cells = (f"{v.claim} ({v.source})", v.published, v.ours, f"**{v.verdict}**", v.why)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _folder(folder: str | Path | None) -> Path:
    return manifest.folder() if folder is None else Path(folder)
