"""Tables of times that several commands of `xnorlab bench` print."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from xnorlab import units
from xnorlab.cli.output import print_table

if TYPE_CHECKING:
    from xnorlab.benchmark import ConvBench, Machine, Timing

COLUMNS = ["", "median ms", "quartiles", "of ours", "first call ms"]
NOT_TIMED = "not timed, because"
NOISE = 0.1
"""Spread of the samples above which a median is marked with "~"."""

NOISY = "~ quartile range above 10 % of the median: the machine was busy, run again."
FIRST_CALL = "First calls, with compilation or its cache on disk, or an engine's preparation, are in no median."

OURS = ("binary", "pack", "conv")
"""The contestants of xnorlab itself: the whole convolution, then its parts."""

OTHERS = {
    "torch f32": "best-float",
    "OpenVINO f32": "openvino-float",
    "OpenVINO int8": "openvino-int8",
    "OpenVINO binary": "openvino-binary",
    "ONNX f32": "onnxruntime-float",
    "naive loop": "naive",
}
"""Columns of the table over all shapes, and their contestants; "best-float" is torch's faster layout."""


def machine_line(machine: "Machine") -> str:
    """Describe the machine of a result in one line."""
    names = ("numba", "torch", "openvino", "onnxruntime")
    versions = ", ".join(f"{name} {machine.versions[name]}" for name in names if name in machine.versions)
    return f"{machine.cpu}, {machine.instructions}, {thread_count(machine.cores)} at most; {versions}; {machine.taken}"


def thread_count(count: int) -> str:
    """Write a number of threads: "1 thread", "2 threads"."""
    return "1 thread" if count == 1 else f"{count} threads"


def median_and_quartiles(timing: "Timing") -> list[str]:
    """Write the median, marked with "~" if it is noisy, and the quartiles, in ms."""
    low, median, high = (units.milliseconds(value) for value in timing.quartiles_s)
    noisy = " ~" if timing.spread > NOISE else ""
    return [median + noisy, f"{low} … {high}"]


def timing_row(label: str, timing: "Timing", ours_s: float) -> list[str]:
    """Make the row of a contestant for COLUMNS; `ours_s` is the median of ours in seconds."""
    times = units.times(timing.median_s / ours_s)
    return [label, *median_and_quartiles(timing), times, units.milliseconds(timing.first_call_s)]


def print_timings(title: str, rows: list[list[str]], about: Mapping[str, str], left_out: Mapping[str, str]) -> None:
    """Print the contestants that were timed, then those that were not, with the reasons.

    Args:
        title: Title of the table.
        rows: Rows of `timing_row`.
        about: By contestant, what it is.
        left_out: By contestant that was not timed, the reason.
    """
    if not left_out:
        print_table(title, COLUMNS, rows)
        return
    rows = [[*row, ""] for row in rows]
    rows += [[about[name], *["–"] * (len(COLUMNS) - 1), why] for name, why in left_out.items()]
    print_table(title, [*COLUMNS, NOT_TIMED], rows, remarks=True)


def print_overview(title: str, results: "Sequence[ConvBench]", *, formula: bool = False) -> None:
    """Print a table with one row per result.

    Args:
        title: Title of the table.
        results: The results.
        formula: Whether to add the paper's formula, plain and for channels that fill whole words.
    """
    from xnorlab.paper.cost_model import predicted_speedup_in_words

    others = {column: name for column, name in OTHERS.items() if any(_times(result, name) for result in results)}
    columns = ["", "threads", "ours ms", "pack ms", "conv ms", "GMAC/s", "of ceiling", *(f"× {c}" for c in others)]
    rows = []
    for result in results:
        row = [f"{result.shape}", str(result.threads)]
        row += [units.milliseconds(result.timings[part].median_s) for part in OURS]
        row += [f"{result.binary_macs_per_s / 1e9:.0f}", f"{result.ceiling_share:.0%}"]
        row += [_times(result, name) or "–" for name in others.values()]
        if formula:
            shape = result.shape
            in_words = predicted_speedup_in_words(shape.channels, shape.kernel**2)
            row += [f"{shape.predicted_speedup:.1f}", f"{in_words:.1f}"]
        rows.append(row)
    print_table(title, [*columns, *(["formula", "in words"] if formula else [])], rows)


def _times(result: "ConvBench", name: str) -> str | None:
    """How many times longer a contestant took than ours; None if it was not timed."""
    timed = result.best_float if name == "best-float" else name
    return units.significant(result.speedup(timed)) if timed in result.timings else None


def print_notes(timings: "Sequence[Timing]") -> None:
    """Print what the tables' "~" and first calls mean."""
    typer.echo()
    if any(timing.spread > NOISE for timing in timings):
        typer.echo(NOISY)
    typer.echo(FIRST_CALL)
