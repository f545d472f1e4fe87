"""`xnorlab bench start`: imports, first answers, compilation, and what Python costs of an answer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xnorlab import units
from xnorlab.cli.bench_options import AsJson, progress_bar
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.predict import default_name
from xnorlab.cli.timing_tables import NOISE, NOISY, machine_line, median_and_quartiles

if TYPE_CHECKING:
    from xnorlab.benchmark import StartBench

COLUMNS = ["", "median ms", "quartiles"]


def start(
    name: Annotated[
        str | None, typer.Argument(metavar="[NETWORK]", help="A pretrained name or a packed file; an XNOR network.")
    ] = None,
    photo: Annotated[str | None, typer.Option(help="The photo to answer for; a made-up one if none is given.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, of some seconds each; one more does not count.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Time the **start**: imports, `xnorlab predict` with and without compiled kernels, and Python's share.

    Every process is a fresh one. CPU ms is the time that processors worked on it; where other programs run, too, it
    says more than the time on the clock.

    `xnorlab bench start`

    `xnorlab bench start imagenette/resnet18-reactnet --json`
    """
    from xnorlab import pretrained
    from xnorlab.benchmark import bench_start

    name = default_name() if name is None else name
    file = Path(name) if Path(name).is_file() or name.endswith(".safetensors") else pretrained.path(name)
    with progress_bar() as part:
        result = bench_start(name, file, photo=photo, repeats=repeats, progress=part(name, 0, 1))
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)


def _print(result: "StartBench") -> None:
    """Print the times of processes, of the parts of a first answer, and what Python costs of an answer."""
    typer.echo(machine_line(result.machine))
    typer.echo()
    rows = [
        [title, *median_and_quartiles(timing), units.milliseconds(result.cpu[title].median_s)]
        for title, timing in result.wall.items()
    ]
    print_table("Whole processes", [*COLUMNS, "CPU ms"], rows)
    rows = []
    for title, timing in result.parts.items():
        rows.append([title, *median_and_quartiles(timing), units.milliseconds(result.parts_cpu[title].median_s)])
        if title == "first answer":
            rows += [
                [f"  {name}", *median_and_quartiles(one), units.milliseconds(result.kernels_cpu[name].median_s)]
                for name, one in result.kernels.items()
            ]
    print_table("Within a process with an empty kernel cache", [*COLUMNS, "CPU ms"], rows)
    count, size = len(result.kernels), units.memory(result.cache_bytes)
    typer.echo(
        f"compilation: {units.duration(result.compilation_s)}, {units.duration(result.compilation_cpu_s)} of a "
        f"processor's time, {count} kernels; in the cache they take {size}"
    )
    hollow, (low, _, high) = result.hollow.median_s, result.hollow.quartiles_s
    typer.echo(
        f"a run takes {units.duration(result.run.median_s)}, and {units.duration(hollow)} "
        f"({units.duration(low)} … {units.duration(high)}) with kernels that do nothing: Python, NumPy and Numba's "
        f"calls cost {units.duration(hollow / result.steps)} per step ({result.steps}), "
        f"{units.duration(hollow / result.ops)} per op ({result.ops}), {units.percent(result.python_share)} of the "
        f"run; the picture's preprocessing takes {units.duration(result.preprocessing.median_s)}"
    )
    if any(timing.spread > NOISE for timing in (*result.wall.values(), *result.parts.values(), result.run)):
        typer.echo(NOISY)
