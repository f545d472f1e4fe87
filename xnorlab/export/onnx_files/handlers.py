"""The handlers of nodes: which function reads which operator of ONNX."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from xnorlab.export.onnx_files.moving import channels_moved_last, with_channels_last
from xnorlab.export.onnx_files.parsing import COMPOSED, Node
from xnorlab.export.onnx_files.values import Constant, Known, Moved, Value

if TYPE_CHECKING:
    from xnorlab.export.onnx_files.reader import Reader

Handler = Callable[..., Known | list[Known]]
_H = TypeVar("_H", bound=Handler)
HANDLERS: dict[tuple[str, str], Handler] = {}
"""The handlers by domain and operator."""


def reads(*kinds: str, domains: tuple[str, ...] = ("",)) -> Callable[[_H], _H]:
    """Decorator: the function reads nodes of these operators. It gets (reader, node, *inputs) and gives the value.

    An optional input that is not given is None. A function that reads several outputs gives a list of values.
    """

    def register(handler: _H) -> _H:
        HANDLERS.update({(domain, kind): handler for domain in domains for kind in kinds})
        return handler

    return register


def reads_each_value(*kinds: str, domains: tuple[str, ...] = ("",)) -> Callable[[_H], _H]:
    """Decorator: `reads` for operators that work on each value alone.

    Where ONNX has a map as (N, H, W, C), the function gets the map itself, constants with their channels first, and
    what it gives is moved as the map was.
    """

    def register(handler: _H) -> _H:
        def read(reader: "Reader", node: Node, *inputs: Known | None) -> Known | list[Known]:
            given: list[Known | None] = []
            are_last = False
            for x in inputs:
                if isinstance(x, Moved):
                    map = with_channels_last(reader, x)
                    if map is None:
                        return handler(reader, node, *inputs)
                    are_last = True
                    given.append(map)
                elif x is None or isinstance(x, Constant):
                    given.append(None if x is None else _channels_first(x))
                else:
                    return handler(reader, node, *inputs)
            if not are_last:
                return handler(reader, node, *inputs)
            value = handler(reader, node, *given)
            assert isinstance(value, Value)
            return channels_moved_last(reader, node, value)

        read.__signature__ = inspect.signature(handler)
        reads(*kinds, domains=domains)(read)
        return handler

    return register


def _channels_first(x: Constant) -> Constant:
    """A constant that is spread over (N, H, W, C) as one that is spread over (N, C, H, W)."""
    if x.array.ndim == 0 or x.array.ndim > 4:
        return x
    full = x.array.reshape((1,) * (4 - x.array.ndim) + x.array.shape)
    return Constant(np.ascontiguousarray(full.transpose(0, 3, 1, 2)))


def readable() -> str:
    """The names of all operators that can be read."""
    return ", ".join(sorted({kind for domain, kind in HANDLERS if domain != COMPOSED}))
