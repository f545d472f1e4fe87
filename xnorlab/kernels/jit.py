"""How kernels are compiled: without the GIL, without bounds checks, cached on disk where that is possible."""

import gc
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core import config, event

_compiling = threading.Lock()
_ready: "list[Kernel]" = []


def _forget_compiling() -> None:
    """After a fork nobody compiles in the child, whoever held the parent's lock."""
    global _compiling
    _compiling = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_compiling)


def revision(kernels: Path) -> str:
    """Checksum of all kernel sources: every module in the folder `kernels` and below, and conventions.py beside it."""
    sources = [kernels.parent / "conventions.py", *sorted(kernels.rglob("*.py"))]
    return f"{zlib.crc32(b''.join(file.read_bytes() for file in sources)):08x}"


REVISION = revision(Path(__file__).parent)
"""Part of the cache key: Numba's cache watches only the file that a kernel stands in, and not what it is made with."""

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


class JitDisabledError(ValueError):
    """Numba was told to compile nothing; kernels consist of instructions that only its compiler understands."""


class Kernel:
    """A function compiled by Numba at its first use, from the disk cache where that works.

    A cache folder that is missing, read-only, full or damaged only costs the time of compiling again.

    Args:
        function: what to compile; every call has arguments of the same types.
        which: tells kernels apart that are made by one function. It goes with REVISION into the name of the cache
            file: Numba numbers what one file's index holds, and two processes that add to it at once may give two
            kernels the same number, so that one is later taken for the other.
    """

    def __init__(self, function: Callable, which: str = ""):
        function.__qualname__ = "_".join(filter(None, (function.__qualname__, which, REVISION)))
        self._function = function
        self._dispatcher = None
        self._empty = None

    def __call__(self, *arguments):
        """Run the kernel, compiling it for the types of `arguments` first where that has not been done."""
        if self._dispatcher is None:
            self._prepare(arguments)
        return self._dispatcher(*arguments)  # pyright: ignore[reportOptionalCall]

    def address(self) -> int:
        """The machine code of a kernel of five int64, for `call_kernel`; it is never unloaded."""
        if self._dispatcher is None:
            self._prepare((0,) * 5)
        compiled = self._dispatcher.overloads[(numba.int64,) * 5]  # pyright: ignore[reportOptionalMemberAccess]
        return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)

    def _prepare(self, arguments: tuple) -> None:
        """Compile for the types of `arguments`."""
        if config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue] (set from the environment)
            raise JitDisabledError(
                "xnorlab's kernels need Numba's compiler, which is switched off: unset the environment variable "
                "NUMBA_DISABLE_JIT"
            )
        types = tuple(numba.typeof(a) for a in arguments)
        with _compiling, _no_collection():
            if self._dispatcher is not None:
                return
            for attempt in (self._from_cache, self._into_a_new_cache):
                try:
                    self._dispatcher = attempt(types)
                    break
                except Exception:
                    continue
            else:
                self._dispatcher = _compiled(numba.njit(**OPTIONS)(self._function), types)
            _ready.append(self)

    def swap(self) -> None:
        """Exchange what has been compiled for a function of these arguments that does nothing, or the other way."""
        if self._empty is None:
            signatures = self._dispatcher.signatures  # pyright: ignore[reportOptionalMemberAccess]
            names = ", ".join(f"argument_{i}" for i in range(len(signatures[0])))
            self._empty = numba.njit(nogil=True)(eval(f"lambda {names}: None"))
            for types in signatures:
                self._empty.compile(types)
        self._dispatcher, self._empty = self._empty, self._dispatcher

    def _from_cache(self, types: tuple):
        return _compiled(numba.njit(cache=True, **OPTIONS)(self._function), types)

    def _into_a_new_cache(self, types: tuple):
        """Compile where the cached files cannot be read, such as one cut off; the next process gets new ones."""
        dispatcher = numba.njit(cache=True, **OPTIONS)(self._function)
        dispatcher._cache.flush()  # pyright: ignore[reportAttributeAccessIssue] (numba has no public name for it)
        return _compiled(dispatcher, types)


def _compiled(dispatcher, types: tuple):
    dispatcher.compile(types)
    return dispatcher


def kernel(function: Callable) -> Kernel:
    """Decorator: `function`, the only one of its name, is a kernel. See `Kernel`."""
    return Kernel(function)


def kernel_of_many(which: str) -> Callable[[Callable], Kernel]:
    """Decorator for a function that is made anew for each `which`, a word of letters, digits and _."""
    return lambda function: Kernel(function, which)


def part_of_kernels(function: Callable) -> Any:
    """Decorator: kernels call `function`, which the compiler inlines into each of them."""
    return numba.njit(**OPTIONS)(function)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Context manager without garbage collection: to look for garbage among what Numba keeps takes 7 % of compiling."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def hollow_kernels() -> Iterator[None]:
    """Context manager in which kernels that have run before do nothing: what takes time is Python and its calls.

    It is for a process that only measures. Results are wrong meanwhile, in all threads.
    """
    kernels = list(_ready)
    for one in kernels:
        one.swap()
    try:
        yield
    finally:
        for one in kernels:
            one.swap()


@contextmanager
def watch_compiling(watch: Callable[[str, float | None], object]) -> Iterator[None]:
    """Context manager in which `watch` hears of every kernel that is compiled; those of the disk cache are not.

    Args:
        watch: called with a kernel's name and None when its compilation begins, and with its name and the seconds that
            it took when it has ended, in the thread that compiles.
    """
    listener = _Listener(watch)
    event.register("numba:compile", listener)
    try:
        yield
    finally:
        event.unregister("numba:compile", listener)


class _Listener(event.Listener):
    """Turns Numba's events into calls of `watch`, for kernels alone."""

    def __init__(self, watch: Callable[[str, float | None], object]):
        self._watch, self._began = watch, 0.0

    def on_start(self, event):
        name = _name(event)
        if name:
            self._began = time.perf_counter()
            self._watch(name, None)

    def on_end(self, event):
        name = _name(event)
        if name:
            self._watch(name, time.perf_counter() - self._began)


def _name(event) -> str:
    """The name of the kernel that an event is about, without REVISION; empty for functions of Numba's own."""
    name, _, revision = event.data["dispatcher"].py_func.__qualname__.rpartition("_")
    return name.rpartition(".")[2] if revision == REVISION else ""
