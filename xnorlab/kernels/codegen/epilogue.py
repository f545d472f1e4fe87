"""The epilogue of a tile: what happens to its sums while they are in registers, and where they go.

A norm, an activation, a shortcut's sum, and the threshold of the next layer's sign work on each value alone. In an
epilogue they cost a few instructions in registers; as passes of their own each would read and write the whole map.
The program is data, so that one compiled kernel runs all of them: the jump to a step's code is taken once for some
hundred values. Every step rounds as the op on its own would.

To add a step: a code below, a method of `Epilogue` that appends it, and a case in `emit`.
"""

from functools import partial
from typing import Self

import numpy as np
from llvmlite import ir

from xnorlab.conventions import n_words
from xnorlab.kernels.codegen.emitter import Emitter
from xnorlab.kernels.codegen.records import CALL, STEP, Place, field
from xnorlab.kernels.filter_blocks import aligned, per_filter

BIAS, AFFINE, CLIP, PRELU, FACTOR, ADD, MULTIPLY, DIVIDE, HARD_SWISH = range(9)
"""Codes of the steps that the methods of `Epilogue` with these names append."""

_I64, _F32 = ir.IntType(64), ir.FloatType()


class Epilogue:
    """The steps on v, the sum of filter n at an output pixel: v · scale[n] + bias[n], then those that are appended.

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
        self._ends = {
            "scale": self._table(one if scale is None else scale),
            "bias": self._table(nothing if bias is None else bias),
            "out_stride": 4 * filters,
        }

    def copy(self) -> "Epilogue":
        """An epilogue with the same steps so far, to which others can be added."""
        twin = object.__new__(Epilogue)
        twin.__dict__.update(
            self.__dict__, _steps=list(self._steps), _tables=list(self._tables), _ends=dict(self._ends)
        )
        return twin

    def fields(self) -> dict[str, int]:
        """What a CALL holds for it; the tables that it names live as long as this object."""
        return self._ends

    def program(self) -> np.ndarray:
        """The steps, of STEP; the tables that it names live as long as this object."""
        return np.array(self._steps, STEP)

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

    def multiply(self, address: int) -> Self:
        """Multiply v by y; address: of y, float32 (pixels, N)."""
        return self._step(MULTIPLY, 0, 0, address, 4 * self.filters)

    def divide(self, divisor: np.ndarray) -> Self:
        """Divide v by divisor[n]."""
        return self._step(DIVIDE, self._table(divisor))

    def hard_swish(self) -> Self:
        """Make v v · (v + 3 clipped to [0, 6]) / 6."""
        return self._step(HARD_SWISH)

    def store(self, address: int) -> Self:
        """Write v at the end; address: of float32 (pixels, N)."""
        self._ends["out"] = address
        return self

    @property
    def gives_bits(self) -> bool:
        """Whether `bits` is possible: no byte may hold bits of two tiles, which two threads may write at once."""
        return self.groups == 1 and self.block % 8 == 0

    def bits(self, address: int, threshold=None, flip=None) -> Self:
        """Write (v >= threshold[n]) ^ flip[n] at the end; a NaN is below every threshold. Needs `gives_bits`.

        Args:
            address: of uint64 (pixels, n_words(N)), zeros at first.
            threshold: float32 (N,), ±inf allowed, or None for 0.
            flip: bool (N,), or None for no flip.
        """
        missing = -self.filters % self.block
        threshold = np.zeros(self.filters, np.float32) if threshold is None else threshold
        limits = np.concatenate([threshold, np.full(missing, np.inf, np.float32)])
        turned = np.zeros(self.filters, bool) if flip is None else flip
        turned = np.concatenate([turned, np.zeros(missing, bool)]).reshape(-1, self.block)
        # One mask per block. It takes 4 bytes per filter like the other tables, so that one offset fits all of them.
        masks = aligned((len(turned), 4 * self.block), np.uint8)
        masks[:, : self.block // 8] = np.packbits(turned, axis=1, bitorder="little")
        self._tables.append(masks)
        self._ends |= {
            "limits": self._table(limits),
            "flips": masks.ctypes.data,
            "words": address,
            "words_stride": 8 * n_words(self.filters),
        }
        return self

    def _table(self, values: np.ndarray) -> int:
        groups = self.groups if len(values) == self.filters else 1
        self._tables.append(per_filter(values, groups, self.block))
        return self._tables[-1].ctypes.data

    def _step(self, *step: int) -> Self:
        self._steps.append(step + (0,) * (len(STEP.names or ()) - len(step)))
        return self


def emit(e: Emitter, lanes: int, filters: int, sums: list, index: list, call, place: Place) -> None:
    """Emit the epilogue of a tile.

    Args:
        e: where to.
        lanes: of the vectors in `sums`.
        filters: of the tile.
        sums: the tile's sums, `filters` of the first pixel, then of the next.
        index: of the tile's output pixels.
        call: the address of a CALL.
        place: of the tile.
    """

    def of_call(name):
        return field(e, call, CALL, name)

    table_offset, first_filter, n_filters = place.table_offset, place.first_filter, place.n_filters
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
        """The lanes that hold filters that exist, for each vector of the tile: what lies beside them is not touched."""
        return e.lanes_below(n_filters, lanes, n_vectors) * len(index)

    def one_step(i, state):
        program = e.address(of_call("program"))
        step = {name: field(e, program, STEP, name, i) for name in STEP.names or ()}

        def per_value(work, *names):
            return lambda values: [work(*row) for row in zip(values, *(table(step[n]) for n in names), strict=True)]

        def clip(v, low, high):
            above = b.select(b.fcmp_ordered("<", v, low), low, v)
            return b.select(b.fcmp_ordered(">", above, high), high, above)

        def prelu(v, slope):
            zero = ir.Constant(vector, [0.0] * lanes)
            return b.select(b.fcmp_ordered(">", v, zero), v, b.fmul(v, slope))

        def factor(values):
            at = pixels(step["map"], step["stride"], ir.Constant(_I64, 0))
            factors = [e.splat(e.load(_F32, address, 4), lanes) for address in at]
            return [b.fmul(v, factors[i // n_vectors]) for i, v in enumerate(values)]

        def hard_swish(values):
            three, zero, six = (ir.Constant(vector, [number] * lanes) for number in (3.0, 0.0, 6.0))
            return [b.fdiv(b.fmul(v, clip(b.fadd(v, three), zero, six)), six) for v in values]

        def with_map(operation, values):
            at = places(step["map"], step["stride"])
            others = e.either(
                is_cut,
                lambda: [e.load_masked(vector, address, mask) for address, mask in zip(at, masks(), strict=True)],
                lambda: [e.load(vector, address, 4) for address in at],
            )
            return [operation(v, other) for v, other in zip(values, others, strict=True)]

        cases = {
            BIAS: per_value(b.fadd, "first"),
            AFFINE: per_value(lambda v, s, t: e.call(f"llvm.fma.v{lanes}f32", vector, v, s, t), "first", "second"),
            CLIP: per_value(clip, "first", "second"),
            PRELU: per_value(prelu, "first"),
            FACTOR: factor,
            ADD: partial(with_map, b.fadd),
            MULTIPLY: partial(with_map, b.fmul),
            DIVIDE: per_value(b.fdiv, "first"),
            HARD_SWISH: hard_swish,
        }
        return e.choose(step["code"], cases, state)

    def store(values):
        at = places(out, of_call("out_stride"))
        with b.if_else(is_cut, likely=False) as (cut, whole):
            with cut:
                for v, address, mask in zip(values, at, masks(), strict=True):
                    e.store_masked(v, address, mask)
            with whole:
                for v, address in zip(values, at, strict=True):
                    e.store(v, address, 4)

    def bits(values):
        word, part, bounds = ir.IntType(filters), ir.IntType(lanes), table(of_call("limits"))
        mask = e.load(word, e.offset(e.address(of_call("flips")), table_offset), 8)

        for m, at in enumerate(pixels(words, of_call("words_stride"), b.lshr(first_filter, ir.Constant(_I64, 3)))):
            joined = mask
            for v in range(n_vectors):
                i = m * n_vectors + v
                bits_of_vector = b.bitcast(b.fcmp_ordered(">=", values[i], bounds[i]), part)
                bits_of_vector = b.zext(bits_of_vector, word) if lanes < filters else bits_of_vector
                shifted = b.shl(bits_of_vector, ir.Constant(word, v * lanes)) if v else bits_of_vector
                joined = b.xor(joined, shifted)
            e.store(joined, at, 1)

    values = [
        b.fadd(b.fmul(v, s), t) for v, s, t in zip(sums, table(of_call("scale")), table(of_call("bias")), strict=True)
    ]
    nothing = ir.Constant(_I64, 0)
    values = e.repeat(of_call("n_steps"), values, one_step)
    out, words = of_call("out"), of_call("words")
    with b.if_then(b.icmp_signed("!=", out, nothing), likely=True):
        store(values)
    if filters % 8 == 0:
        with b.if_then(b.icmp_signed("!=", words, nothing), likely=False):
            bits(values)
