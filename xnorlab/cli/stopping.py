"""A training that a signal ends says what is safe and how to go on, and exits as shells expect."""

import contextlib
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from xnorlab.printable import one_line


class Stopped(BaseException):
    """SIGTERM or SIGINT has come; of no other kind, so that no handler of errors on the way keeps it."""

    def __init__(self, number: int):
        super().__init__(number)
        self.signal = signal.Signals(number)


@contextlib.contextmanager
def stoppable(words: Callable[[], str]) -> Iterator[None]:
    """SIGTERM or SIGINT end the block with one line on stderr and exit status 128 + signal.

    words: what is safe and how to go on; called when the signal has come.
    """

    def stop(number: int, frame: Any) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Stopped as stopped:
        typer.echo(one_line(f"xnorlab: ended by {stopped.signal.name}; {words()}"), err=True)
        raise typer.Exit(128 + stopped.signal) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Begun:
    """Remembers which run, of many in the folder `out`, has begun last."""

    def __init__(self, out: Path):
        self.out, self.folder = out, None

    def begin(self, recipe: Any) -> None:
        """Print the run's name, and remember its folder."""
        typer.echo(one_line(recipe.run_name), err=True)
        self.folder = self.out / recipe.run_name

    def words(self) -> str:
        """What is safe and how to go on; for `stoppable`."""
        if self.folder is None:
            return f"nothing was begun; to go on: {same_command()}"
        return safe_and_go_on(self.folder, same_command())


def safe_and_go_on(folder: Path, go_on: str) -> str:
    """Which epochs of a run's folder are safe, and the command that goes on."""
    from xnorlab.training.trained_networks import kept

    return f"{kept(folder)}; to go on: {go_on}"


def same_command() -> str:
    """The command that this process was started with."""
    return shlex.join(["xnorlab", *sys.argv[1:]])


def given_options(context: typer.Context, *names: str) -> list[str]:
    """Those of the named options that were given on the command line, as words to give them again."""
    words = []
    for parameter in context.command.params:
        source = None if parameter.name is None else context.get_parameter_source(parameter.name)
        # By name: typer brings a click of its own in some releases, with an enum of its own.
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            value = context.params[parameter.name]
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    return words
