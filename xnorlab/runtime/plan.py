"""The plan of a network at one input shape: its steps in order, with every value's memory."""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from xnorlab.kernels.codegen.epilogue import Epilogue
from xnorlab.kernels.filter_blocks import aligned
from xnorlab.kernels.tiled_conv import Call
from xnorlab.runtime.fusion import Group, groups
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.ops import BinaryConv, Conv, Op, Shape
from xnorlab.runtime.ops.convolutions import Convolution
from xnorlab.runtime.ops.pooling import WindowPool

LINE = 64
"""Buffers start on a cache line."""


@dataclass(frozen=True)
class Step:
    """One step of a network's execution.

    Attributes:
        name: of the value that comes out.
        kind: of its main op, "pack" for thresholding and packing alone, or "input_scale" for K alone.
        ops: names of all ops whose work it does; none where it only prepares one.
        binary_macs: multiply-adds of signs for one picture.
        float_macs: multiply-adds with a real factor for one picture.
    """

    name: str
    kind: str
    ops: tuple[str, ...]
    binary_macs: int
    float_macs: int


Run = Callable[[np.ndarray, int], object]
"""What runs one step, given the network's input and a thread count."""


def places(
    in_order: Sequence[Group], shapes: dict[str, Shape], batch: int, outputs: Collection[str] = ()
) -> tuple[dict[str, int], int]:
    """Plan where in one piece of memory every stored value lies; values never needed at once share memory.

    Args:
        in_order: the network's groups.
        shapes: of all values, by name, for one picture.
        batch: pictures.
        outputs: values that are needed until the end, besides those that nobody reads.

    Returns:
        The first byte of every value, by name, and the size of the piece in bytes.
    """
    last = {name: i for i, group in enumerate(in_order) for op in group.ops for name in op.inputs}
    last.update(dict.fromkeys(outputs, len(in_order)))
    live: list[tuple[int, int, int]] = []  # start, end, and the last group that needs them
    starts: dict[str, int] = {}
    size = LINE
    for i, group in enumerate(in_order):
        if not group.stored:
            continue
        live = sorted(item for item in live if item[2] >= i)
        need = -(-4 * batch * math.prod(shapes[group.name]) // LINE) * LINE
        start = 0
        for begin, end, _ in live:
            if begin - start >= need:
                break
            start = max(start, end)
        starts[group.name] = start
        live.append((start, start + need, last.get(group.name, len(in_order))))
        size = max(size, start + need)
    return starts, size


class Plan:
    """A network's steps at one input shape, with buffers of their own: for one caller at a time.

    Args:
        ops: of the network, in order.
        shapes: of all values, by name, for one picture.
        batch: pictures.
        outputs: names of the values to give.

    Attributes:
        steps: in order.
        outputs: float32 (batch, …) each, in the order of their names, written by every run.
    """

    def __init__(self, ops: Sequence[Op], shapes: dict[str, Shape], batch: int, outputs: Sequence[str]):
        self._ops, self._shapes, self._batch = ops, shapes, batch
        self._names = outputs
        self._groups = groups(ops, outputs)
        self._values = self._buffers()
        self._words: dict[str, np.ndarray] = {}
        self._prepared: dict[str, np.ndarray] = {}
        self._factors: dict[str, np.ndarray] = {}
        self.steps: list[Step] = []
        self._runs: list[Run] = []
        for group in self._groups:
            self._add(group)
        self.outputs = [self._values[name] for name in outputs]

    def run(self, x: np.ndarray, threads: int) -> None:
        """Compute the outputs from `x`, float32, C-contiguous, of the plan's shape."""
        for run in self._runs:
            run(x, threads)

    def timed(self, x: np.ndarray, threads: int) -> list[float]:
        """Run, and return the seconds of every step."""
        seconds = []
        for run in self._runs:
            start = time.perf_counter()
            run(x, threads)
            seconds.append(time.perf_counter() - start)
        return seconds

    def _shape(self, name: str) -> tuple[int, ...]:
        return (self._batch, *self._shapes[name])

    def _map_shape(self, name: str) -> tuple[int, int, int, int]:
        batch, height, width, channels = self._shape(name)
        return batch, height, width, channels

    def _buffers(self) -> dict[str, np.ndarray]:
        starts, size = places(self._groups, self._shapes, self._batch, self._names)
        arena = aligned((size,), np.uint8)
        return {
            name: np.frombuffer(arena, np.float32, math.prod(self._shape(name)), at).reshape(self._shape(name))
            for name, at in starts.items()
        }

    def _add(self, group: Group) -> None:
        macs = [op.macs(*(self._shapes[name] for name in op.inputs)) for op in group.ops]
        binary, real = (sum(each) for each in zip(*macs, strict=True))
        main = group.main
        if isinstance(main, BinaryConv):
            self._add_packing(main)
            if main.input_scale:
                self._add_factors(main, macs[0][1])
                real -= macs[0][1]
        if isinstance(main, Convolution):
            run = self._convolution(group, main)
        elif isinstance(main, WindowPool):
            run = self._pool(main)
        else:
            run = self._single(main)
        names = tuple(op.name for op in group.ops)
        self._put(Step(group.name, main.kind, names, binary, real), run)

    def _put(self, step: Step, run: Run) -> None:
        self.steps.append(step)
        self._runs.append(run)

    def _single(self, op: Op) -> Run:
        out = self._values[op.name]
        if INPUT not in op.inputs:
            bound = op.bound(tuple(self._values[name] for name in op.inputs), out)
            return lambda x, threads: bound(threads)
        arrays = [None if name == INPUT else self._values[name] for name in op.inputs]

        def run(x: np.ndarray, threads: int) -> None:
            op(*(x if array is None else array for array in arrays), threads=threads, out=out)

        return run

    def _pool(self, op: WindowPool) -> Run:
        pool, out = op.pool(self._map_shape(op.inputs[0])), self._values[op.name].ctypes.data
        value = None if op.inputs[0] == INPUT else self._values[op.inputs[0]].ctypes.data
        return lambda x, threads: pool.run(x.ctypes.data if value is None else value, out, threads)

    def _add_packing(self, op: BinaryConv) -> None:
        """Make what the convolution reads: packed signs, which an epilogue may have left already, or their tables."""
        layer, shape, source = op.kernel, self._map_shape(op.inputs[0]), op.inputs[0]
        parts = layer.tables(shape).parts
        words = self._words.get(op.name)
        if words is None:
            packing = layer.packing(shape, op.threshold, op.flip)
            words = self._words[op.name] = aligned((packing.size,), np.uint64)
            # An array's address takes as long as a small map's packing: of values that stay it is asked for once.
            fixed, to = None if source == INPUT else self._values[source].ctypes.data, words.ctypes.data

            def pack(x: np.ndarray, threads: int) -> None:
                packing.run(x.ctypes.data if fixed is None else fixed, to, min(threads, parts))

            self._put(Step(op.name, "pack", (), 0, 0), pack)
        elif not layer.reads_plain_words:
            plain = words.reshape(-1)
            self._put(Step(op.name, "pack", (), 0, 0), lambda x, threads: layer.arrange(plain))
        laying = layer.laying(shape)
        if laying is None:
            self._prepared[op.name] = words
            return
        tables = self._prepared[op.name] = aligned((layer.tables(shape).input_size,), np.uint8)
        at, to_tables = words.ctypes.data, tables.ctypes.data
        self._put(Step(op.name, "pack", (), 0, 0), lambda x, threads: laying.run(at, to_tables, min(threads, parts)))

    def _add_factors(self, op: BinaryConv, macs: int) -> None:
        """Make K, which the convolution's epilogue multiplies by."""
        factors = self._factors[op.name] = np.empty(self._shape(op.name)[:3], np.float32)
        if op.inputs[0] == INPUT:
            self._put(Step(op.name, "input_scale", (), 0, macs), lambda x, threads: op.factors(x, factors))
        else:
            bound = op.bound_factors(self._values[op.inputs[0]], factors)
            self._put(Step(op.name, "input_scale", (), 0, macs), lambda x, threads: bound())

    def _convolution(self, group: Group, op: Convolution) -> Run:
        shape = self._map_shape(op.inputs[0])
        layer = op.kernel
        call = layer.call(shape, self._epilogue(group, layer))
        if isinstance(op, BinaryConv):
            source = self._prepared[op.name]
        elif op.inputs[0] != INPUT:
            source = self._values[op.inputs[0]]
        else:
            return self._picture(group, call)
        call.read(source.ctypes.data)
        return lambda x, threads: call.run(threads)

    def _picture(self, group: Group, call: Call) -> Run:
        """Convolve the network's input: in integers where the input is a picture and the layer allows it."""
        op = group.main
        fixed = op.fixed if isinstance(op, Conv) else None
        if fixed is None:
            return lambda x, threads: (call.read(x.ctypes.data), call.run(threads))[-1]
        shape = self._map_shape(INPUT)
        buffer = fixed.buffer(shape)
        in_integers = fixed.call(shape, self._epilogue(group, fixed), buffer.ctypes.data)

        def run(x: np.ndarray, threads: int) -> None:
            if fixed.take(x.ctypes.data, buffer, shape):
                in_integers.run(threads)
            else:
                call.read(x.ctypes.data)
                call.run(threads)

        return run

    def _epilogue(self, group: Group, layer) -> Epilogue:
        factors = self._factors.get(group.main.name)
        epilogue = layer.epilogue(None if factors is None else factors.ctypes.data)
        before = group.main.name
        for op in group.following:
            others = (self._values[name].ctypes.data for name in op.inputs if name != before)
            op.append_to(epilogue, *others)
            before = op.name
        if group.stored:
            epilogue.store(self._values[group.name].ctypes.data)
        reader = group.signs_for
        if reader is not None:
            shape = self._shape(group.name)
            # Words of their own memory: where channels leave a part of the last word unused, it must stay zero.
            words = self._words.setdefault(reader.name, aligned((*shape[:3], reader.kernel.pixel_words), np.uint64))
            epilogue.bits(words.ctypes.data, reader.threshold, reader.flip)
        return epilogue
