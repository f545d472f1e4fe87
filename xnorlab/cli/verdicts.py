"""`xnorlab verdicts`: what became of the paper's claims."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from xnorlab.cli.output import print_json


def verdicts(
    write: Annotated[bool, typer.Option("--write", help="Compute pretrained/verdicts.json anew first.")] = False,
    benchmark: Annotated[
        Path | None, typer.Option(help="With --write: what `xnorlab bench conv --json` printed, recorded for its CPU.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the **verdict table** in Markdown: each claim of the paper, its value, ours, and what became of it.

    ± is one standard error of a difference: from the number of pictures, as if the two networks saw different ones, and
    from the spread over seeds where there are several. Where there is one seed, what another would give is not in it.

    `xnorlab verdicts`

    `xnorlab bench conv --json > bench.json && xnorlab verdicts --write --benchmark bench.json`
    """
    from xnorlab import verdicts as library

    if benchmark is not None:
        if not write:
            raise ValueError("--benchmark needs --write")
        from xnorlab.zoo import benchmarks

        benchmarks.record(json.loads(benchmark.read_text(encoding="utf-8")))
    if write:
        library.write()
    rows = library.load()
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        typer.echo(library.markdown(rows), nl=False)
