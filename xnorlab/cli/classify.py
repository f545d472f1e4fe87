"""`xnorlab classify`: a folder, a list, a table or a bucket of pictures to Parquet, without torch."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xnorlab import units
from xnorlab.cli.output import print_json
from xnorlab.cli.stopping import same_command, stoppable
from xnorlab.printable import one_line

if TYPE_CHECKING:
    from xnorlab.classify import Progress, Summary

LINE_SECONDS = 30.0
"""Seconds between two lines of progress where there is no terminal to draw a bar on."""


class Engine(StrEnum):
    """Where parts are classified."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[Engine, typer.Option(help="local: processes of this machine. ray: Ray Data, on a cluster.")]


def classify(
    source: Annotated[
        str,
        typer.Argument(help="Folder, 'glob', list of files (one path per line), .parquet file, or a bucket's address."),
    ],
    network: Annotated[str, typer.Option("--network", "-n", help="A pretrained name or a packed file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder of Parquet parts, or one to go on with.")],
    engine: EngineOption = Engine.LOCAL,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster, HOST:PORT or auto; by default Ray is started here.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")] = None,
    top: Annotated[int, typer.Option("--top", "-k", min=1, help="Labels per picture.")] = 5,
    column: Annotated[
        str | None, typer.Option(help="Column of a Parquet file with bytes or paths, if there is a choice.")
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Decode JPEGs at half their size or less where that is enough, see below.")
    ] = False,
    part_rows: Annotated[
        int, typer.Option(min=1, help="Pictures per part of a new --out; 10,000 or so for a billion.")
    ] = 1000,
    csv: Annotated[Path | None, typer.Option(help="Also write all rows into this CSV file, at the end.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """**Classify** any number of pictures; `pandas.read_parquet(OUT)` reads the rows.

    Columns: path, label, probability, top, unknown, error.

    `xnorlab classify photos --network imagenette/alexnet-xnor --out labels`

    `xnorlab classify 'photos/**/*.jpg' --network mine.safetensors --out labels --csv labels.csv`

    `xnorlab classify s3://bucket/photos --network mine.safetensors --out labels --engine ray --address auto`

    The list of pictures is frozen into numbered parts first. A run that was killed goes on where it was when the same
    command is given again, with any engine and number of workers; parts that are finished are not done again. A folder
    is searched at all depths for names that end like a picture's; a glob takes whatever it matches.

    `unknown` is the score of the network's rule for pictures of none of its classes (the lower, the likelier), empty
    where the network was not calibrated. A picture that cannot be read is a row with its reason in `error`.

    With `--engine ray` xnorlab is installed on every node, and every node sees the pictures; OUT is on this machine.
    Ray tries a part again, without end, whose process dies. Where a picture does that, stop, and let the local engine
    go on with OUT: it makes the picture a row.

    `--draft` halves the time of decoding a photo of 500 × 375 pixels for a network of 128. It changes pixels a little
    and so some answers: a network of 200 classes for 64 pixels named another most probable class for 15 % of 400 photos
    of 160 pixels. `xnorlab bench classify --pictures` measures both for yours.

    Exit status: 0 where every picture was read; 1 where some rows have an error; 2 where the command cannot be carried
    out, parts that were finished being kept; 128 + signal where a signal ended it.
    """
    from xnorlab.classify import Job, Settings
    from xnorlab.classify import classify as run
    from xnorlab.classify.run import check_source

    check_source(source, engine.value)
    if csv is not None and csv.resolve().is_relative_to(out.resolve()):
        raise ValueError(f"csv={str(csv)!r} must lie outside of --out, which readers of Parquet take as a whole")
    name, data = network_file(network)
    settings = Settings.of(source, name, data, os.getcwd(), top=top, column=column, draft=draft)

    def how_to_resume() -> str:
        try:
            job = Job(out)
        except ValueError:
            return f"the list was not finished; to begin again: {same_command()}"
        return f"{sum(job.finished()):,} of {job.parts:,} parts are written; to go on: {same_command()}"

    with stoppable(how_to_resume):
        with progress_of(source) as (listed, report):
            job = Job.begin(out, settings, data, part_rows=part_rows, listed=listed)
            summary = run(job, engine=engine.value, workers=workers, address=address, report=report)
        if csv is not None:
            from xnorlab.classify.rows import write_csv

            write_csv(job.tables(), csv)
    if as_json:
        print_json(summary.to_dict())
    else:
        for line in summary_lines(summary):
            typer.echo(line)
    if summary.errors:
        raise typer.Exit(1)


def network_file(name: str) -> tuple[str, bytes]:
    """The name to record and the packed file of a network, given by its pretrained name or its file."""
    from xnorlab import pretrained
    from xnorlab.runtime import Network

    if os.path.isfile(name) or name.endswith(".safetensors"):
        Network.open(name)  # refuses what is no network, with its reason
        return Path(name).name, Path(name).read_bytes()
    return name, pretrained.path(name).read_bytes()


def summary_lines(summary: "Summary") -> list[str]:
    """The summary for people."""
    lines = [f"{summary.rows:,} rows, {summary.errors:,} with an error"]
    cost = summary.cost
    if not cost.pictures:
        return [*lines, "nothing was left to do"]
    workers = f"{summary.workers} process{'es' if summary.workers != 1 else ''}"
    lines.append(
        f"{cost.pictures:,} pictures in {clock_time(summary.seconds)} by {workers}: "
        f"{units.significant(summary.rate)} a second"
    )
    decode, network = (units.duration(seconds / cost.pictures) for seconds in (cost.decode_s, cost.network_s))
    lines.append(f"one picture: {decode} to read, decode and crop, {network} in the network")
    hours = summary.core_hours_for_a_billion
    if hours is not None:
        lines.append(f"{units.significant(summary.core_hours)} core-hours; a billion: {units.significant(hours)}")
    return lines


def clock_time(seconds: float) -> str:
    """A time span in the two units that fit it: 45 s, 3 min 20 s, 5 h 7 min, 12 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for unit, size, smaller, part in (("min", 60, "s", 1), ("h", 3600, "min", 60), ("d", 86400, "h", 3600)):
        if whole < size * (60 if unit == "min" else 24) or unit == "d":
            return f"{whole // size:,} {unit} {whole % size // part} {smaller}"
    raise AssertionError(seconds)


def progress_line(progress: "Progress") -> str:
    """Pictures done, rate and time left, in one line."""
    left = progress.seconds_left
    words = [f"{progress.done:,} of {progress.pictures:,}", f"{units.significant(progress.rate)} a second"]
    return ", ".join([*words, "" if left is None else f"{clock_time(left)} left"]).rstrip(", ")


@contextmanager
def progress_of(source: str) -> Iterator[tuple[Callable[[int], None], Callable[["Progress"], None]]]:
    """Context that shows progress on stderr: as a bar on a terminal, else as a line every LINE_SECONDS.

    It yields what to call with the number of pictures listed so far, and what to call with a `Progress`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        last = time.monotonic()

        def say(line: str, share: float | None) -> None:
            nonlocal last
            bar.update(task, description=line, total=None if share is None else 1.0, completed=share or 0.0)
            if bar.disable and time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                typer.echo(f"xnorlab: {line}", err=True)

        yield (
            lambda pictures: say(f"{pictures:,} pictures listed in {one_line(source)}", None),
            lambda progress: say(progress_line(progress), progress.done / progress.pictures),
        )
