"""The command line, `xnorlab`: see `xnorlab --help`.

Each command imports what it needs when it runs; `xnorlab predict` and `xnorlab classify` never import torch.
"""

import sys

import typer
from typer.core import TyperGroup

from xnorlab import __version__
from xnorlab.cli import (
    ablate,
    bench,
    classify,
    evaluate,
    networks,
    open_app,
    pack,
    predict,
    teach,
    train,
    verdicts,
    zoo,
)
from xnorlab.cli.output import notes_on_stderr
from xnorlab.printable import one_line

MISSING = {
    "torch": "train",
    "torchvision": "train",
    "lightning": "train",
    "torchmetrics": "train",
    "tensorboard": "train",
    "plotly": "app",
    "streamlit": "app",
    "pyarrow": "classify",
    "ray": "ray",
    "sklearn": "teach",
}
"""Packages that a command may need, and the extra that installs each."""

BUG = "This is a bug in xnorlab; please report it with the lines above and the output of `xnorlab --version`."
"""The last line under the traceback of an error that no command expects."""


class Commands(TyperGroup):
    """A group of commands that prints errors of the user on stderr, with exit code 2.

    The error takes one line, or the lines that it has itself (`ExportError`), and each of its notes another one. An
    unexpected error keeps its traceback.
    """

    def invoke(self, ctx):
        """Run the chosen command."""
        try:
            with notes_on_stderr():
                return super().invoke(ctx)
        except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
            sys.stderr.close()
            raise typer.Exit(0) from None
        except (ValueError, OSError) as error:
            lines = [*getattr(error, "lines", [str(error)]), *getattr(error, "__notes__", ())]
        except ModuleNotFoundError as error:
            extra = MISSING.get((error.name or "").partition(".")[0])
            if extra is None:
                error.add_note(BUG)
                raise
            lines = [f"this command needs {error.name}: pip install 'xnorlab[{extra}]'"]
        except Exception as error:  # notes of typer's own exceptions, such as Exit, are never printed
            error.add_note(BUG)
            raise
        for line in lines:
            typer.echo(f"xnorlab: {one_line(line)}", err=True)
        raise typer.Exit(2)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"xnorlab {__version__}")
        raise typer.Exit()


@app.callback()
def main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """See, train, pack, run and time **binary neural networks** on an ordinary CPU.

    Start with a photo: `xnorlab predict photo.jpg`

    Then with the speed: `xnorlab bench conv`
    """
    for stream in (sys.stdout, sys.stderr):
        # a file name may hold characters that the terminal cannot show: print an escape instead of failing
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]


app.command("predict")(predict.predict)
app.command("app", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(open_app.open_app)
app.command("classify")(classify.classify)
app.command("names")(networks.names)
app.command("summary")(networks.summary)
app.command("teach")(teach.teach)
app.command("train", epilog=train.SEVERAL_MACHINES)(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("pack")(pack.pack)
app.command("ship")(pack.ship)
app.command("verdicts")(verdicts.verdicts)
app.add_typer(zoo.app, name="zoo")
app.add_typer(ablate.app, name="ablate")
app.add_typer(bench.app, name="bench")
