"""What `xnorlab bench` prints for people: tables a shape, one over all shapes, layers of a network, sweeps."""

from collections.abc import Sequence
from typing import Any

import typer

from xnorlab.cli.output import bytes_, milliseconds, print_table, significant

COLUMNS = ["", "median ms", "quartiles", "of ours", "first call ms"]
NOT_TIMED = "not timed, because"
NOISE = 0.1
NOISY = "~ quartile range above 10 % of the median: the machine was busy, run again."
FIRST_CALL = "First calls, with compilation or its cache on disk, or an engine's preparation, are in no median."

OURS = ("binary", "pack", "conv")
RIVALS = {
    "torch f32": "best-float",
    "OpenVINO f32": "openvino-float",
    "OpenVINO int8": "openvino-int8",
    "OpenVINO binary": "openvino-binary",
    "ONNX f32": "onnxruntime-float",
    "naive loop": "naive",
}
"""Columns of the table over all shapes; torch's is its faster layout."""


def print_conv(results: Sequence[Any]) -> None:
    """A table a shape, and one over all of them where there are several."""
    typer.echo(machine_line(results[0].machine))
    for result in results:
        timings, shape = result.timings, result.shape
        ours = timings["binary"].median_s
        rows = [_timing_row("xnorlab", timings["binary"], ours)]
        rows += [_timing_row(f"  {part}", timings[part], ours) for part in OURS[1:]]
        rows += [_timing_row(result.about[name], timings[name], ours) for name in timings if name not in OURS]
        typer.echo()
        title = f"{shape}, {_threads(result.threads)}, {shape.macs / 1e6:.1f} million multiply-adds"
        _print_timings(title, rows, result)
        typer.echo(_conv_verdict(result))
    if len(results) > 1:
        typer.echo()
        _print_overview("Together: milliseconds, and how many times longer the others take", results)
    _print_notes([timing for result in results for timing in result.timings.values()])


def print_network(result: Any) -> None:
    """All engines, what binary weights save, and the layers."""
    ours = result.timings["packed"].median_s
    typer.echo(machine_line(result.machine))
    typer.echo()
    title = f"{result.name}, input {' × '.join(map(str, result.input_shape))}, {_threads(result.threads)}"
    rows = [_timing_row(result.about[name], timing, ours) for name, timing in result.timings.items()]
    _print_timings(title, rows, result)
    verdict = []
    if result.fastest_float is not None:
        verdict.append(f"{result.speedup(result.fastest_float):.1f}× the fastest float32 ({result.fastest_float})")
    if "openvino-int8" in result.timings:
        verdict.append(
            f"{result.speedup('openvino-int8'):.1f}× OpenVINO int8, whose logits are "
            f"{result.deviations['openvino-int8']:.1%} off float32's"
        )
    if result.memory is not None:
        verdict.append(
            f"binary weights: {bytes_(result.memory.file_bytes)} in the file, "
            f"{bytes_(result.memory.resident_bytes)} in memory, {bytes_(result.memory.float32_bytes)} in float32"
        )
    if verdict:
        typer.echo("; ".join(verdict))
    twin = {name: step for step in result.float_ops for name in step.ops}
    total = sum(step.timing.median_s for step in result.ops)
    typer.echo()
    print_table(
        "Packed network, step by step",
        ["step", "kind", "median ms", "share", "GMAC/s", "float twin ms"],
        [_step_row(step, total, twin.get(step.ops[0]) if step.ops else None) for step in result.ops],
        texts=2,
    )
    _print_notes(list(result.timings.values()))


def _step_row(step: Any, total: float, twin: Any) -> list[str]:
    """A step is called by its first op: norms, activations and sums that run within it follow that one."""
    seconds, macs = step.timing.median_s, step.binary_macs + step.float_macs
    name = step.ops[0] if step.ops else step.timing.name
    return [
        name + (f" + {len(step.ops) - 1}" if len(step.ops) > 1 else ""),
        step.kind,
        milliseconds(seconds),
        f"{seconds / total:.1%}",
        significant(macs / seconds / 1e9) if macs else "–",
        "–" if twin is None else milliseconds(twin.timing.median_s),
    ]


def print_sweeps(sweeps: Sequence[Any]) -> None:
    """A table an axis, with the paper's formula beside what was measured."""
    typer.echo(machine_line(sweeps[0].results[0].machine))
    for sweep in sweeps:
        typer.echo()
        _print_overview(f"{sweep.axis}: how many times longer the others take", sweep.results, formula=True)
        _print_left_out(sweep)
    _print_notes([timing for sweep in sweeps for result in sweep.results for timing in result.timings.values()])


def machine_line(machine: Any) -> str:
    """What a result was taken on, in one line."""
    names = ("numba", "torch", "openvino", "onnxruntime")
    versions = ", ".join(f"{name} {machine.versions[name]}" for name in names if name in machine.versions)
    return f"{machine.cpu}, {machine.instructions}, {_threads(machine.cores)} at most; {versions}; {machine.taken}"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _timing_row(label: str, timing: Any, ours: float) -> list[str]:
    low, median, high = (milliseconds(value) for value in timing.quartiles_s)
    noisy = " ~" if timing.spread > NOISE else ""
    times = f"{significant(timing.median_s / ours)}×"
    return [label, median + noisy, f"{low} … {high}", times, milliseconds(timing.first_call_s)]


def _print_timings(title: str, rows: list[list[str]], result: Any) -> None:
    """Who was timed, then who was not and why."""
    if not result.left_out:
        print_table(title, COLUMNS, rows)
        return
    rows = [[*row, ""] for row in rows]
    rows += [[result.about[name], *["–"] * (len(COLUMNS) - 1), why] for name, why in result.left_out.items()]
    print_table(title, [*COLUMNS, NOT_TIMED], rows, remarks=True)


def _print_left_out(sweep: Any) -> None:
    """A row for everyone who was not timed at some values: where, and the reason at the first of them."""
    rows = []
    for name, (values, why) in sweep.left_out.items():
        places = "everywhere" if values == sweep.values else ", ".join(map(str, values))
        rows.append([sweep.results[0].about[name], places, why])
    if rows:
        print_table("Not timed", ["", f"at {sweep.axis}", "because"], rows, texts=2, remarks=True)


def _conv_verdict(result: Any) -> str:
    parts = [
        f"{result.binary_macs_per_s / 1e9:.0f} GMAC/s, {result.ceiling_share:.0%} of a loop of xor, count and add "
        f"on registers ({result.ceiling_macs_per_s / 1e9:.0f}), {result.conv_ceiling_share:.0%} without packing"
    ]
    if result.best_float is not None:
        parts.append(f"{result.speedup(result.best_float):.1f}× torch's faster layout ({result.best_float})")
    if result.fastest_float not in (None, result.best_float):
        parts.append(f"{result.speedup(result.fastest_float):.1f}× the fastest float32 ({result.fastest_float})")
    parts.append(f"the paper's formula: {result.shape.predicted_speedup:.1f}×")
    return "; ".join(parts)


def _print_overview(title: str, results: Sequence[Any], *, formula: bool = False) -> None:
    """A row a result. formula: with the paper's, and the same in whole words."""
    from xnorlab.paper.cost_model import predicted_speedup_in_words

    rivals = {column: name for column, name in RIVALS.items() if any(_times(result, name) for result in results)}
    columns = ["", "threads", "ours ms", "pack ms", "conv ms", "GMAC/s", "of ceiling", *(f"× {c}" for c in rivals)]
    rows = []
    for result in results:
        row = [f"{result.shape}", str(result.threads)]
        row += [milliseconds(result.timings[part].median_s) for part in OURS]
        row += [f"{result.binary_macs_per_s / 1e9:.0f}", f"{result.ceiling_share:.0%}"]
        row += [_times(result, name) or "–" for name in rivals.values()]
        if formula:
            shape = result.shape
            in_words = predicted_speedup_in_words(shape.channels, shape.kernel**2)
            row += [f"{shape.predicted_speedup:.1f}", f"{in_words:.1f}"]
        rows.append(row)
    print_table(title, [*columns, *(["formula", "in words"] if formula else [])], rows)


def _times(result: Any, name: str) -> str | None:
    """How many times longer a rival took; None where it did not take part."""
    found = result.best_float if name == "best-float" else name
    return significant(result.speedup(found)) if found in result.timings else None


def _print_notes(timings: Sequence[Any]) -> None:
    typer.echo()
    if any(timing.spread > NOISE for timing in timings):
        typer.echo(NOISY)
    typer.echo(FIRST_CALL)
