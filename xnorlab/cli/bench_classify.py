"""`xnorlab bench classify`: pictures a second by engine and number of processes, decoding and network apart."""

from typing import TYPE_CHECKING, Annotated

import typer

from xnorlab import units
from xnorlab.cli.bench_options import AsJson, progress_bar
from xnorlab.cli.classify import network_file
from xnorlab.cli.output import markdown_table, print_json, print_table
from xnorlab.cli.timing_tables import machine_line
from xnorlab.printable import one_line

if TYPE_CHECKING:
    from xnorlab.classify.bench import ClassifyBench

COLUMNS = [
    "engine",
    "processes",
    "pictures/s",
    "read, decode, crop ms",
    "network ms",
    "all processes' memory",
    "core-hours per million",
]


def classify(
    network: Annotated[str | None, typer.Argument(help="A pretrained name or a packed file.")] = None,
    pictures: Annotated[
        str | None, typer.Option(help="Folder, glob or list of pictures; by default some are drawn.")
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="Pictures per run; those given are repeated or cut.")] = 2000,
    workers: Annotated[list[int] | None, typer.Option(help="Processes, repeatable; by default 1 and 2.")] = None,
    engine: Annotated[
        list[str] | None, typer.Option(help="local or ray, repeatable; by default those that are installed.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Time `xnorlab classify` on this machine: pictures a second, what decoding and the network take, and memory.

    `xnorlab bench classify imagenette/alexnet-xnor`

    `xnorlab bench classify imagenette/resnet18-xnor --pictures imagenette2/val --engine local`

    One row decodes JPEGs at a fraction of their size (`classify --draft`), and a line below says how many answers
    this changes. All other runs must give equal rows. The record is kept in the user's cache, where the app's page
    Trade-offs reads it.
    """
    from xnorlab.classify import bench, bench_records
    from xnorlab.cli.predict import default_name

    name, data = network_file(default_name() if network is None else network)
    chosen = engine or bench.engines()
    if wrong := set(chosen) - {"local", "ray"}:
        raise ValueError(f"engine={wrong.pop()!r} must be local or ray")
    with progress_bar() as part:
        result = bench.bench_classify(
            data,
            name,
            source=pictures,
            images=images,
            workers=workers or (1, 2),
            engines=chosen,
            progress=part("classify", 0, 1),
        )
    kept = bench_records.record(result.to_dict())
    if as_json:
        print_json(result.to_dict())
        return
    title = f"{name}: {images:,} pictures per run, {result.pictures}"
    if markdown:
        typer.echo(f"{title}\n\n{markdown_table(COLUMNS, rows(result))}\n")
    else:
        typer.echo(machine_line(result.machine))
        print_table(title, COLUMNS, rows(result))
    for line in remarks(result):
        typer.echo(line)
    typer.echo(one_line(f"kept in {kept}"), err=True)


def rows(result: "ClassifyBench") -> list[list[str]]:
    """The cells of COLUMNS for each run."""
    return [
        [
            run.summary.engine + (", --draft" if run.draft else ""),
            str(run.summary.workers),
            units.significant(run.summary.rate),
            units.milliseconds(run.decode_s),
            units.milliseconds(run.network_s),
            "–" if run.memory_bytes is None else units.memory(run.memory_bytes),
            units.significant(run.core_hours_per_million),
        ]
        for run in result.runs
    ]


def remarks(result: "ClassifyBench") -> list[str]:
    """What bounds the rate, and what draft decoding changes, in sentences."""
    first, draft = result.runs[0], next(run for run in result.runs if run.draft)
    share = first.decode_s / (first.decode_s + first.network_s)
    whole = next(run for run in result.runs if run.summary.workers == draft.summary.workers)
    return [
        f"Reading, decoding and cropping take {units.percent(share)} of a process's time, "
        f"the network {units.percent(1 - share)}.",
        f"--draft decodes in {units.percent(draft.decode_s / whole.decode_s)} of the time and changes the most "
        f"probable class of {units.percent(draft.changed)} of these pictures.",
    ]
