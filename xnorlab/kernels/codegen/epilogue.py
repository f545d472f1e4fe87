"""What happens to a tile's sums before they leave the registers: scale, bias, a short program, and where to.

A norm, an activation, a shortcut's sum, and the threshold of the next layer's sign work on each value alone. In an
epilogue they cost a few instructions in registers; as passes of their own each would read and write the whole map.
The program is data, so that one compiled kernel runs all of them: the jump to a step's code is taken once for some
hundred values. Every step rounds as the op on its own would.

To add a step: a code below, a method of `Epilogue` that appends it, and a case in `emit`.
"""

from typing import Self

import numpy as np
from llvmlite import ir

from xnorlab.conventions import n_words
from xnorlab.kernels.codegen.emitter import Emitter
from xnorlab.kernels.filter_blocks import per_filter

BIAS, AFFINE, CLIP, PRELU, FACTOR, ADD = range(6)
"""Codes of the steps that the methods of `Epilogue` with these names append."""

# Places in a step, one int64 each: its code, addresses of two tables with one entry per filter and of a map, and the
# bytes of one of the map's pixels.
CODE, A, B, MAP, STRIDE = range(5)
STEP = 5

_I32, _I64, _F32 = ir.IntType(32), ir.IntType(64), ir.FloatType()


class Epilogue:
    """What is done with v, the sum of filter n at an output pixel: v · scale[n] + bias[n], then steps as added.

    Tables with one entry per filter are (N,) float32 and copied. Maps are given by their address, which must stay
    valid while the epilogue is used.

    Args:
        filters: N, of the convolution.
        groups: of the convolution.
        block: filters that one of its tiles holds.
        scale: float32 (N,), or None for 1.
        bias: float32 (N,), or None for −0 (x + −0 = x for every x, −0 too). Both operations round, one after the other.
    """

    def __init__(self, filters: int, groups: int, block: int, scale=None, bias=None):
        self.filters, self.groups, self.block = filters, groups, block
        self._steps: list[tuple[int, ...]] = []
        self._tables: list[np.ndarray] = []
        one, nothing = np.ones(filters, np.float32), np.full(filters, -0.0, np.float32)
        self._ends = (0, 4 * filters, 0, 0, 0, 0)
        self._first = self._table(one if scale is None else scale), self._table(nothing if bias is None else bias)

    def copy(self) -> "Epilogue":
        """An epilogue with the same steps so far, to which others can be added."""
        twin = object.__new__(Epilogue)
        twin.__dict__.update(self.__dict__, _steps=list(self._steps), _tables=list(self._tables))
        return twin

    def head(self) -> tuple[int, ...]:
        """For a call's table, from SCALE to WORDS_STRIDE: addresses of tables and maps, bytes of the maps' pixels."""
        return (*self._first, *self._ends)

    def program(self) -> np.ndarray:
        """The steps, int64 (steps, STEP); the tables that it names live as long as this object."""
        return np.array(self._steps, np.int64).reshape(-1, STEP)

    def bias(self, values: np.ndarray) -> Self:
        """Add values[n] to v."""
        return self._step(BIAS, self._table(values))

    def affine(self, scale: np.ndarray, bias: np.ndarray) -> Self:
        """Make v scale[n] · v + bias[n], rounded once."""
        return self._step(AFFINE, self._table(scale), self._table(bias))

    def clip(self, low: float, high: float) -> Self:
        """Clip v to [low, high]; ReLU is [0, ∞]."""
        limits = (np.full(self.filters, limit, np.float32) for limit in (low, high))
        return self._step(CLIP, *map(self._table, limits))

    def prelu(self, slope: np.ndarray) -> Self:
        """Multiply v by slope[n] unless v > 0."""
        return self._step(PRELU, self._table(slope))

    def factor(self, address: int) -> Self:
        """Multiply v by K[pixel]; address: of K, float32 (pixels,)."""
        return self._step(FACTOR, 0, 0, address, 4)

    def add(self, address: int) -> Self:
        """Add y to v; address: of y, float32 (pixels, N)."""
        return self._step(ADD, 0, 0, address, 4 * self.filters)

    def store(self, address: int) -> Self:
        """At the end write v; address: of float32 (pixels, N)."""
        self._ends = (address, *self._ends[1:])
        return self

    @property
    def gives_bits(self) -> bool:
        """Whether `bits` can be had: no byte may hold bits of two tiles, which two threads may write at once."""
        return self.groups == 1 and self.block % 8 == 0

    def bits(self, address: int, threshold=None, flip=None) -> Self:
        """At the end write (v >= threshold[n]) ^ flip[n]; address: of uint64 (pixels, n_words(N)), zeros at first.

        threshold: float32 (N,), ±inf allowed, or None for 0. flip: bool (N,) or None. A NaN is below every threshold.
        Needs `gives_bits`.
        """
        missing = -self.filters % self.block
        threshold = np.zeros(self.filters, np.float32) if threshold is None else threshold
        limits = np.concatenate([threshold, np.full(missing, np.inf, np.float32)])
        turned = np.zeros(self.filters, bool) if flip is None else flip
        turned = np.concatenate([turned, np.zeros(missing, bool)]).reshape(-1, self.block)
        # One mask per block. It takes 4 bytes per filter like the other tables, so that one offset fits all of them.
        masks = np.zeros((len(turned), self.block // 2), np.uint64)
        for mask, row in zip(masks, turned, strict=True):
            mask[0] = sum(1 << int(n) for n in np.flatnonzero(row))
        self._tables.append(masks)
        self._ends = (*self._ends[:2], self._table(limits), masks.ctypes.data, address, 8 * n_words(self.filters))
        return self

    def _table(self, values: np.ndarray) -> int:
        groups = self.groups if len(values) == self.filters else 1
        self._tables.append(per_filter(values, groups, self.block))
        return self._tables[-1].ctypes.data

    def _step(self, *step: int) -> Self:
        self._steps.append(step + (0,) * (STEP - len(step)))
        return self


def emit(e: Emitter, lanes: int, filters: int, sums: list, index: list, operands: tuple) -> None:
    """Run an epilogue on a tile's sums, in vectors of `lanes`, pixel after pixel, `filters` each.

    index: of the tile's output pixels. operands: `Epilogue.head`, address of the program, number of steps, bytes of
    tables a filter before this block's, filters before this block's in a map's pixel, filters of it that exist.
    """
    scale, bias, out, out_stride, limits, flips, words, words_stride, program, n_steps, *place = operands
    table_offset, first_filter, n_filters = place
    b, vector = e.b, ir.VectorType(_F32, lanes)
    n_vectors = filters // lanes
    is_cut = b.icmp_signed("<", n_filters, ir.Constant(_I64, filters))

    def table(address):
        start = e.offset(e.address(address), table_offset)
        return [e.load(vector, e.offset(start, 4 * lanes * v), 4) for v in range(n_vectors)] * len(index)

    def pixels(address, stride, bytes_before):
        start = e.offset(e.address(address), bytes_before)
        return [e.offset(start, b.mul(at, stride)) for at in index]

    def places(address, stride):
        before = b.mul(first_filter, ir.Constant(_I64, 4))
        return [e.offset(at, 4 * lanes * v) for at in pixels(address, stride, before) for v in range(n_vectors)]

    def masks():
        """For each vector of the tile, the lanes that hold filters that exist."""
        bound = e.splat(b.trunc(n_filters, _I32), lanes)
        places = ir.VectorType(_I32, lanes)
        numbers = [ir.Constant(places, [v * lanes + i for i in range(lanes)]) for v in range(n_vectors)]
        return [b.icmp_signed("<", number, bound) for number in numbers] * len(index)

    def masked(verb, kind, at, mask, value=None):
        """Load or store `kind` where the mask is set: what lies beside the map may not be touched."""
        at = b.bitcast(at, kind.as_pointer())
        name, align = f"llvm.masked.{verb}.v{lanes}f32.p0", ir.Constant(_I32, 4)
        if value is None:
            return e.call(name, kind, at, align, mask, ir.Constant(kind, [0.0] * lanes))
        return e.call(name, ir.VoidType(), value, at, align, mask)

    def one_step(i, state):
        step = e.offset(e.address(program), b.mul(i, ir.Constant(_I64, 8 * STEP)))
        field = {name: e.load(_I64, e.offset(step, 8 * name), 8) for name in range(STEP)}

        def per_value(work, *names):
            return lambda values: [work(*row) for row in zip(values, *(table(field[n]) for n in names), strict=True)]

        def clip(v, low, high):
            above = b.select(b.fcmp_ordered("<", v, low), low, v)
            return b.select(b.fcmp_ordered(">", above, high), high, above)

        def prelu(v, slope):
            zero = ir.Constant(vector, [0.0] * lanes)
            return b.select(b.fcmp_ordered(">", v, zero), v, b.fmul(v, slope))

        def factor(values):
            at = pixels(field[MAP], field[STRIDE], ir.Constant(_I64, 0))
            factors = [e.splat(e.load(_F32, address, 4), lanes) for address in at]
            return [b.fmul(v, factors[i // n_vectors]) for i, v in enumerate(values)]

        def add(values):
            at = places(field[MAP], field[STRIDE])
            others = e.either(
                is_cut,
                lambda: [masked("load", vector, address, mask) for address, mask in zip(at, masks(), strict=True)],
                lambda: [e.load(vector, address, 4) for address in at],
            )
            return [b.fadd(v, other) for v, other in zip(values, others, strict=True)]

        cases = {
            BIAS: per_value(b.fadd, A),
            AFFINE: per_value(lambda v, s, t: e.call(f"llvm.fma.v{lanes}f32", vector, v, s, t), A, B),
            CLIP: per_value(clip, A, B),
            PRELU: per_value(prelu, A),
            FACTOR: factor,
            ADD: add,
        }
        return e.choose(field[CODE], cases, state)

    def store(values):
        at = places(out, out_stride)
        with b.if_else(is_cut, likely=False) as (cut, whole):
            with cut:
                for v, address, mask in zip(values, at, masks(), strict=True):
                    masked("store", vector, address, mask, v)
            with whole:
                for v, address in zip(values, at, strict=True):
                    e.store(v, address, 4)

    def bits(values):
        word, part, bounds = ir.IntType(filters), ir.IntType(lanes), table(limits)
        mask = e.load(word, e.offset(e.address(flips), table_offset), 8)

        for m, at in enumerate(pixels(words, words_stride, b.lshr(first_filter, ir.Constant(_I64, 3)))):
            joined = mask
            for v in range(n_vectors):
                i = m * n_vectors + v
                bits_of_vector = b.bitcast(b.fcmp_ordered(">=", values[i], bounds[i]), part)
                bits_of_vector = b.zext(bits_of_vector, word) if lanes < filters else bits_of_vector
                shifted = b.shl(bits_of_vector, ir.Constant(word, v * lanes)) if v else bits_of_vector
                joined = b.xor(joined, shifted)
            e.store(joined, at, 1)

    values = [b.fadd(b.fmul(v, s), t) for v, s, t in zip(sums, table(scale), table(bias), strict=True)]
    nothing = ir.Constant(_I64, 0)
    values = e.repeat(n_steps, values, one_step)
    with b.if_then(b.icmp_signed("!=", out, nothing), likely=True):
        store(values)
    if filters % 8 == 0:
        with b.if_then(b.icmp_signed("!=", words, nothing), likely=False):
            bits(values)
