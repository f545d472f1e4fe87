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


def calling(begun_in: str) -> str:
    """The line of a model's own code that calls for a step; for code of this package that torch.fx has called.

    Args:
        begun_in: the function of this package that has begun the tracing; frames beyond it are no model's.

    Returns:
        "file:line: text", or "" where torch's or xnorlab's own modules call for it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((_HERE, *_FOREIGN)):
        if frame.f_code.co_name == begun_in and frame.f_code.co_filename.startswith(_HERE):
            return ""
        frame = frame.f_back
    return "" if frame is None else _line(frame.f_code.co_filename, frame.f_lineno)


def failing(error: BaseException) -> str:
    """The innermost line of a model's own code on an error's way, as "file:line: text"; "" where there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((_HERE, *_FOREIGN)):
            return _line(frame.filename, frame.lineno or 0)
    return ""


def _line(file: str, number: int) -> str:
    text = linecache.getline(file, number).strip()
    return f"{file}:{number}: {text}" if text else f"{file}:{number}"
