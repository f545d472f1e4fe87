"""`xnorlab bench sweep`: times of one convolution with one number varied, their tables, and figure 4 of the paper."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from xnorlab import atomic
from xnorlab.cli.bench_options import AsJson, Naive, Peers, Repeats, Threads, progress_bar
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.timing_tables import machine_line, print_notes, print_overview

if TYPE_CHECKING:
    from xnorlab.benchmark import Sweep


def sweep(
    axes: Annotated[
        list[str] | None, typer.Argument(metavar="[AXIS]...", help="channels, kernel, size, batch, threads.")
    ] = None,
    threads: Threads = None,
    repeats: Repeats = 7,
    naive: Naive = True,
    peers: Peers = True,
    plot: Annotated[str | None, typer.Option(metavar="FILE.html", help="Also draw figure 4 of the paper.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time one convolution with one number **varied**, beside the paper's formula.

    The convolution is the paper's: 3×3, 256 channels, 14×14. Channels fill words of 64, so cost steps at 65 and 129.

    `xnorlab bench sweep`, over channels and kernel, as figure 4 of the paper

    `xnorlab bench sweep size batch threads`

    `xnorlab bench sweep --plot figure4.html`
    """
    from xnorlab import benchmark
    from xnorlab.peers import CONVS

    wanted = axes or ["channels", "kernel"]
    sweeps = []
    with progress_bar() as part:
        for i, axis in enumerate(wanted):
            sweeps.append(
                benchmark.sweep(
                    axis,
                    threads=1 if threads is None else threads,
                    peers=CONVS if peers else (),
                    naive=naive,
                    repeats=repeats,
                    progress=part("", i, len(wanted)),
                )
            )
    if plot is not None:
        _plot(sweeps, plot)
    if as_json:
        print_json([each.to_dict() for each in sweeps])
    else:
        _print(sweeps)


def _plot(sweeps: "Sequence[Sweep]", file: str) -> None:
    """Write a page with the figure, which needs no network connection."""
    from xnorlab.figures import performance

    panels = [performance.Panel(s.axis, s.values, s.rivals, s.computed, s.computed_in_words) for s in sweeps]
    figure = performance.sweeps(panels).update_layout(paper_bgcolor="white")
    atomic.write_text(file, figure.to_html(include_plotlyjs=True))


def _print(sweeps: "Sequence[Sweep]") -> None:
    """Print one table per axis, with the paper's formula beside the measured speed-ups."""
    typer.echo(machine_line(sweeps[0].results[0].machine))
    for each in sweeps:
        typer.echo()
        print_overview(f"{each.axis}: how many times longer the others take", each.results, formula=True)
        _print_left_out(each)
    print_notes([timing for each in sweeps for result in each.results for timing in result.timings.values()])


def _print_left_out(sweep: "Sweep") -> None:
    """Print one row per contestant that was not timed at some values: where, and the reason at the first of them."""
    rows = []
    for name, (values, why) in sweep.left_out.items():
        places = "everywhere" if values == sweep.values else ", ".join(map(str, values))
        rows.append([sweep.results[0].about[name], places, why])
    if rows:
        print_table("Not timed", ["", f"at {sweep.axis}", "because"], rows, texts=2, remarks=True)
