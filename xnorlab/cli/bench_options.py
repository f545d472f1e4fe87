"""Options and the progress bar that several commands of `xnorlab bench` share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

Threads = Annotated[int | None, typer.Option(min=1, help="Threads of all contestants; 1 by default.")]
Repeats = Annotated[int, typer.Option(min=1, help="Rounds; each times all contestants once.")]
Naive = Annotated[bool, typer.Option(help="Also time the plain float loop.")]
Peers = Annotated[bool, typer.Option(help="Also time torch, OpenVINO and ONNX Runtime.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with every sample.")]


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], Callable[[float, str], None]]]:
    """Context manager that shows a progress bar on stderr if that is a terminal.

    It yields a function that makes the progress callback (fraction, text) of one part of the work from the part's
    title, its index and the number of parts.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def part(title: str, i: int, n: int) -> Callable[[float, str], None]:
            return lambda fraction, text: bar.update(task, completed=(i + fraction) / n, description=f"{title}: {text}")

        yield part
