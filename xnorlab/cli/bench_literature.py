"""`xnorlab bench literature`: the literature's binary networks beside small float networks of today."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xnorlab.cli.bench_options import AsJson, Repeats, Threads, progress_bar
from xnorlab.cli.output import markdown_table, print_json, print_table
from xnorlab.cli.timing_tables import NOISY, machine_line, median_and_quartiles, thread_count
from xnorlab.printable import one_line

if TYPE_CHECKING:
    from xnorlab.peers.literature import LiteratureBench

COLUMNS = ["network", "computed in", "engine", "median ms", "quartiles", "top-1 %, published"]
UNPUBLISHED = "– (float32: {:.1f})"
"""In place of an accuracy of a network in eight bits that nobody published."""


def literature(
    only: Annotated[
        list[str] | None, typer.Option(help="A network of the table, such as QuickNet; repeatable, all by default.")
    ] = None,
    size: Annotated[int, typer.Option(min=32, max=512, help="Pixels of the picture's side.")] = 224,
    threads: Threads = None,
    repeats: Repeats = 21,
    record: Annotated[
        Path | None, typer.Option(help="Folder to keep the record in; the user's cache by default.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Time the **literature's** binary networks here, beside torchvision's small networks in other engines.

    Binary networks run in this runtime, torchvision's in OpenVINO (float32 and int8), ONNX Runtime and torch, as far as
    they are installed. All have random weights (this needs torch): a time does not depend on the training. Accuracies
    are those that were published. The record is what the app's page Trade-offs shows.

    `xnorlab bench literature`

    `xnorlab bench literature --only QuickNet --only MobileNetV2 --repeats 5`

    `xnorlab bench literature --record pretrained`, for the record that is shipped
    """
    from xnorlab.peers.literature import BINARY, SMALL_NETWORKS, bench_literature
    from xnorlab.suggestions import unknown
    from xnorlab.zoo import literature as records

    titles = list(dict.fromkeys([*(one.network for one in BINARY), *SMALL_NETWORKS]))
    chosen = titles if only is None else only
    for title in chosen:
        if title not in titles:
            raise ValueError(unknown("only", title, titles))
    with progress_bar() as part:
        result = bench_literature(
            [one for one in BINARY if one.network in chosen],
            [title for title in SMALL_NETWORKS if title in chosen],
            pixels=size,
            threads=1 if threads is None else threads,
            repeats=repeats,
            progress=part("literature", 0, 1),
        )
    whole = only is None and size == 224
    kept = records.keep(result.to_dict(), record) if whole or record is not None else None
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result, markdown)
    said = "not kept: only a run of all networks at 224 pixels is" if kept is None else f"kept in {kept}"
    typer.echo(one_line(said), err=True)


def rows(result: "LiteratureBench") -> list[list[str]]:
    """The cells of COLUMNS for every network in every engine that ran it."""
    from xnorlab.paper.published import INT8, TORCHVISION, accuracy
    from xnorlab.zoo.literature import OURS

    cells = []
    for row in result.rows:
        for engine, timing in row.timings.items():
            if engine == OURS:
                form, top1 = row.scheme, f"{accuracy(row.network, row.scheme).top1:.1f}"
            else:
                form = INT8 if engine.endswith(INT8) else "float32"
                top1 = f"{accuracy(row.network, 'float', source=TORCHVISION).top1:.1f}"
                if form == INT8:
                    top1 = _int8_accuracy(row.network)
            cells.append([row.network, form, engine.partition("-")[0], *median_and_quartiles(timing), top1])
    return cells


def _int8_accuracy(network: str) -> str:
    from xnorlab.paper.published import INT8, TORCHVISION, accuracy

    try:
        return f"{accuracy(network, INT8).top1:.1f}"
    except ValueError:
        return UNPUBLISHED.format(accuracy(network, "float", source=TORCHVISION).top1)


def _print(result: "LiteratureBench", markdown: bool) -> None:
    title = f"One picture of {result.pixels} pixels, {thread_count(result.threads)}, random weights"
    if markdown:
        typer.echo(f"{title}; {machine_line(result.machine)}\n\n{markdown_table(COLUMNS, rows(result))}\n")
    else:
        typer.echo(machine_line(result.machine))
        typer.echo()
        print_table(title, COLUMNS, rows(result), texts=3)
    for row in result.rows:
        for engine, why in row.left_out.items():
            typer.echo(one_line(f"{row.network} in {engine}: not timed, because {why}"))
    if any(timing.spread > 0.1 for row in result.rows for timing in row.timings.values()):
        typer.echo(NOISY)
    typer.echo("Accuracies are published ones, of trained networks; an int8 one is another engine's than the time.")
