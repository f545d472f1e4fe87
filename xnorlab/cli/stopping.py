"""Signals that end a training: one line tells what is saved and how to resume, and the exit status is a shell's."""

import contextlib
import shlex
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import typer

from xnorlab.printable import one_line
from xnorlab.training.processes import command_words, is_first_process


class Stopped(BaseException):
    """SIGTERM or SIGINT has come. It is no `Exception`, so that no handler of errors catches it."""

    def __init__(self, number: int):
        super().__init__(number)
        self.signal = signal.Signals(number)


@contextlib.contextmanager
def stoppable(how_to_resume: Callable[[], str]) -> Iterator[None]:
    """Context that SIGTERM and SIGINT end with one line on stderr and exit status 128 + signal.

    Args:
        how_to_resume: called when the signal has come; returns what is saved and how to go on.
    """

    def stop(number: int, frame: Any) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Stopped as stopped:
        if is_first_process():
            typer.echo(one_line(f"xnorlab: ended by {stopped.signal.name}; {how_to_resume()}"), err=True)
        raise typer.Exit(128 + stopped.signal) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class CurrentRun:
    """Run that has begun last, of many that are trained one after the other.

    Args:
        out: folder of the runs.
    """

    def __init__(self, out: Path):
        self.out, self.folder = out, None

    def begin(self, recipe: Any) -> None:
        """Print the run's name, and keep its folder in mind."""
        typer.echo(one_line(recipe.run_name), err=True)
        self.folder = self.out / recipe.run_name

    def how_to_resume(self) -> str:
        """What is saved and how to go on, for `stoppable`."""
        if self.folder is None:
            return f"nothing was begun; to go on: {same_command()}"
        return saved_and_next(self.folder, same_command())


def saved_and_next(folder: Path, command: str) -> str:
    """Sentence that names the saved epochs of a run's folder, and the command that resumes it."""
    from xnorlab.training.checkpoints import saved_epochs

    return f"{saved_epochs(folder)}; to go on: {command}"


def same_command() -> str:
    """Command that this process was started with."""
    return shlex.join([*command_words(), *sys.argv[1:]])


def given_options(context: typer.Context, leave_out: Collection[str]) -> list[str]:
    """Words that give the options of this command line again, except for the parameters in `leave_out`."""
    words = []
    for parameter in context.command.params:
        source = None if parameter.name is None else context.get_parameter_source(parameter.name)
        # By name: typer brings a click of its own in some releases, with an enum of its own.
        if parameter.name not in leave_out and source is not None and source.name == "COMMANDLINE":
            value = context.params[parameter.name]
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    return words
