"""`xnorlab bench conv`: times of convolutions, and the tables that show them."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xnorlab.cli.bench_options import AsJson, Naive, Peers, Repeats, Threads, progress_bar
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.timing_tables import (
    OURS,
    machine_line,
    print_notes,
    print_overview,
    print_timings,
    thread_count,
    timing_row,
)

if TYPE_CHECKING:
    from xnorlab.benchmark import ConvBench, ConvShape

SLOWER = 1.05
"""From how many times the recorded time on `--compare` calls a time slower: machines of one name vary by less."""

FULL_KERNELS, FULL_BATCHES = (1, 3, 5), (1, 8)
"""Kernels and batches of `--full`."""


def conv(
    shapes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[C@SIZE]...", help="Channels and map size, such as 64@56; C→N as 64-128@56."),
    ] = None,
    kernel: Annotated[int | None, typer.Option(min=1, help="Kernel height and width; 3 by default.")] = None,
    stride: Annotated[int, typer.Option(min=1)] = 1,
    groups: Annotated[int, typer.Option(min=1, help="Groups of channels, each seen by its own filters.")] = 1,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures at once; 1 by default.")] = None,
    threads: Threads = None,
    full: Annotated[
        bool, typer.Option("--full", help="Kernels 1, 3 and 5, batches 1 and 8, one thread and all; minutes.")
    ] = False,
    repeats: Repeats = 21,
    naive: Naive = True,
    peers: Peers = True,
    compare: Annotated[
        bool, typer.Option("--compare", help="Say what got slower against the recorded benchmark of this CPU.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time one **convolution**: packed XNOR + population count against float32 and int8.

    Ours includes everything: thresholds, packing, counting, scaled float output. Answers are checked, and contestants
    take turns. Columns are milliseconds, the median of all rounds; × says how many times longer than ours. An engine
    that is not installed, fails or is wrong gets the reason instead of a time.

    `xnorlab bench conv`, the 3×3 convolutions of ResNet-18

    `xnorlab bench conv --full`, all of them; an option that is given narrows it

    `xnorlab bench conv 64@56 65@56`, the step after a full word

    `xnorlab bench conv 128@28 --groups 32`, a convolution of ResNeXt's kind

    `xnorlab bench conv 256@14 --kernel 1 --batch 8 --threads 2 --json`

    `xnorlab bench conv --compare`, beside what `xnorlab verdicts --write --benchmark` recorded on such a CPU
    """
    from xnorlab.benchmark import SHAPES, bench_conv, describe
    from xnorlab.kernels.threads import available_threads
    from xnorlab.peers import CONVS
    from xnorlab.zoo import benchmarks

    recorded = benchmarks.record_of(describe().to_dict()) if compare else None

    kernels = (kernel,) if kernel is not None else FULL_KERNELS if full else (3,)
    batches = (batch,) if batch is not None else FULL_BATCHES if full else (1,)
    counts = (threads,) if threads is not None else sorted({1, available_threads()}) if full else (1,)
    names = shapes or [f"{shape.channels}@{shape.size}" for shape in SHAPES]
    wanted = [
        (parse_shape(name, size, stride, pictures, groups), count)
        for count, pictures, size, name in product(counts, batches, kernels, names)
    ]
    engines = CONVS if peers else ()
    results = []
    with progress_bar() as part:
        for i, (shape, count) in enumerate(wanted):
            progress = part(f"{shape}", i, len(wanted))
            results.append(
                bench_conv(shape, threads=count, peers=engines, naive=naive, repeats=repeats, progress=progress)
            )
    measured = [result.to_dict() for result in results]
    if recorded is not None:
        measured = [result | {"times_recorded": benchmarks.changes(result, recorded)} for result in measured]
    if as_json:
        print_json(measured)
        return
    _print(results)
    if recorded is not None:
        typer.echo()
        _print_changes(measured, recorded)


def parse_shape(text: str, kernel: int, stride: int, batch: int, groups: int = 1) -> "ConvShape":
    """Parse a shape of the command line.

    Args:
        text: "64@56" (channels and map size), or "64-128@56" or "64→128@56" with the number of filters.
        kernel: Kernel height and width.
        stride: Stride.
        batch: Pictures.
        groups: Groups of channels.

    Raises:
        ValueError: `text` has another form, or the shape is invalid.
    """
    from xnorlab.benchmark import ConvShape

    planes, at, size = text.partition("@")
    channels, _, filters = planes.replace("→", "-").partition("-")
    if not at or not all(part.isascii() and part.isdigit() for part in (channels, size, filters or "1")):
        raise ValueError(f"shape={text!r} must be CHANNELS@SIZE or CHANNELS-FILTERS@SIZE, such as 64@56")
    n_filters = int(filters) if filters else None
    sizes = int(channels), int(size), n_filters
    return ConvShape(*sizes, kernel=kernel, stride=stride, batch=batch, groups=groups)


def _print(results: "Sequence[ConvBench]") -> None:
    """Print one table per shape, and one over all shapes if there are several."""
    typer.echo(machine_line(results[0].machine))
    for result in results:
        timings, shape = result.timings, result.shape
        ours = timings["binary"].median_s
        rows = [timing_row("xnorlab", timings["binary"], ours)]
        rows += [timing_row(f"  {part}", timings[part], ours) for part in OURS[1:]]
        rows += [timing_row(result.about[name], timings[name], ours) for name in timings if name not in OURS]
        typer.echo()
        title = f"{shape}, {thread_count(result.threads)}, {shape.macs / 1e6:.1f} million multiply-adds"
        print_timings(title, rows, result.about, result.left_out)
        typer.echo(_summary(result))
    if len(results) > 1:
        typer.echo()
        print_overview("Together: milliseconds, and how many times longer the others take", results)
    print_notes([timing for result in results for timing in result.timings.values()])


def _print_changes(results: list[dict[str, Any]], recorded: dict[str, Any]) -> None:
    """Print every time as a multiple of the recorded one, and what of ours got slower."""
    names = list(dict.fromkeys(name for result in results for name in result["times_recorded"]))
    rows, slower = [], []
    for result in results:
        shape, changes = f"{result['shape']['channels']}@{result['shape']['size']}", result["times_recorded"]
        rows.append([shape, *(f"{changes[name]:.2f}" if name in changes else "–" for name in names)])
        slower += [f"{name} at {shape} ({changes[name]:.2f}×)" for name in OURS if changes.get(name, 0) > SLOWER]
    print_table(f"Times as multiples of those recorded on {recorded['machine']['taken'][:10]}", ["", *names], rows)
    if not names:
        typer.echo("None of these shapes is recorded with so many threads.")
    elif slower:
        typer.echo(f"Slower than recorded by more than {SLOWER - 1:.0%}: {', '.join(slower)}.")
    else:
        typer.echo(f"Nothing of ours is slower than recorded by more than {SLOWER - 1:.0%}.")


def _summary(result: "ConvBench") -> str:
    from xnorlab.benchmark.ceilings import binary_loop

    parts = [
        f"{result.binary_macs_per_s / 1e9:.0f} GMAC/s, {result.ceiling_share:.0%} of a loop of {binary_loop()} "
        f"on registers ({result.ceiling_macs_per_s / 1e9:.0f}), {result.conv_ceiling_share:.0%} without packing"
    ]
    if result.best_float is not None:
        parts.append(f"{result.speedup(result.best_float):.1f}× torch's faster layout ({result.best_float})")
    if result.fastest_float is not None and result.fastest_float != result.best_float:
        parts.append(f"{result.speedup(result.fastest_float):.1f}× the fastest float32 ({result.fastest_float})")
    parts.append(f"the paper's formula: {result.shape.predicted_speedup:.1f}×")
    return "; ".join(parts)
