"""The command line as `python -m xnorlab`."""

from xnorlab.cli import app

app(prog_name="xnorlab")
