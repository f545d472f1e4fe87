"""How kernels are compiled: without the GIL, without bounds checks, cached on disk where that is possible."""

import threading
from collections.abc import Callable
from typing import Any

import numba
from numba.extending import intrinsic

_compiling = threading.Lock()


class Kernel:
    """A function compiled by Numba at its first use, from the disk cache where that works.

    A cache folder that is missing, read-only, full or damaged only costs the time of compiling again.
    """

    def __init__(self, function: Callable):
        self._function = function
        self._dispatcher = None

    def __call__(self, *arguments):
        """Run the kernel, compiling it for the types of `arguments` first where that has not been done."""
        if self._dispatcher is None:
            self._prepare(arguments)
        return self._dispatcher(*arguments)  # pyright: ignore[reportOptionalCall]

    def _prepare(self, arguments: tuple) -> None:
        """Compile for the types of `arguments`; every kernel is called with one set of types only."""
        types = tuple(numba.typeof(a) for a in arguments)
        with _compiling:
            if self._dispatcher is not None:
                return
            try:
                dispatcher = numba.njit(nogil=True, error_model="numpy", cache=True)(self._function)
                dispatcher.compile(types)
            except Exception:  # the cache raises OSError, RuntimeError, EOFError and pickle's errors; all mean: compile
                dispatcher = numba.njit(nogil=True, error_model="numpy")(self._function)
                dispatcher.compile(types)
            self._dispatcher = dispatcher


def kernel(function: Callable) -> Kernel:
    """Decorator: `function` is a kernel. See `Kernel`."""
    return Kernel(function)


def instruction(function: Callable) -> Any:
    """Decorator: kernels call the function, which says how to emit it as LLVM code (`numba.extending.intrinsic`)."""
    return intrinsic(prefer_literal=True)(function)
