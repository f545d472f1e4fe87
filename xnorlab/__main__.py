"""`python -m xnorlab` is the command `xnorlab`."""

from xnorlab.cli import app

app(prog_name="xnorlab")
