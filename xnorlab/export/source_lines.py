"""Lines of a model's own code: which line of a forward calls a step, and which one fails."""

import linecache
import os
import sys
import traceback
from types import FrameType

import torch

from xnorlab import binarize, nn

_HERE = os.path.join(os.path.dirname(__file__), "")
_FOREIGN = tuple(os.path.join(package.__path__[0], "") for package in (torch, nn, binarize))
"""Where the code of layers lies that models are made of."""


def calling() -> str:
    """The line of a model's own code that calls for a step; for a caller in this package that torch.fx has called.

    Returns:
        "file:line: text", or "" where torch's or xnorlab's own modules call for it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    while frame is not None and frame.f_code.co_filename.startswith(_FOREIGN):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith(_HERE):  # the frame that began the tracing
        return ""
    return _line(frame.f_code.co_filename, frame.f_lineno)


def failing(error: BaseException) -> str:
    """The innermost line of a model's own code on an error's way, as "file:line: text"; "" where there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((_HERE, *_FOREIGN)):
            return _line(frame.filename, frame.lineno or 0)
    return ""


def _line(file: str, number: int) -> str:
    text = linecache.getline(file, number).strip()
    return f"{file}:{number}: {text}" if text else f"{file}:{number}"
