"""The tile of a binary convolution where bytes can be shuffled and bits of whole vectors not be counted: sums by table.

Four channels of a pixel have 16 values, and each value has a table of 16 bytes: how many of its signs differ from
those of each nibble of weights. One byte shuffle looks a table up with the nibbles of as many filters as a register has
bytes. A byte holds the counts of two pixels, a half each, so that a shuffle and an addition do 256 multiply-adds on 256
bits. After three lookups, before they could overflow, the halves are parted:

    s = table₀[w₀] + table₁[w₁] + table₂[w₂]        each half at most 3 · 4 = 12
    low  += s & 0x0F                                bytes: the first pixel's count
    high += s >> 4                                  16 bits: second's count + 16 · first's of the odd byte + 256 · …

Nine operations for 768 multiply-adds on 256 bits, where a population count by tables needs about nine for 256. The odd
byte's share of the first pixel is taken off `high` when both are widened to 16 bits, before the bytes could overflow.

Sums of ±1 are looked up by byte shuffles in T-MAC, too (Wei et al. 2024, arXiv 2407.00088), for the weights of language
models; here both sides are signs, and two pixels share a byte.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils

from xnorlab.kernels.codegen import epilogue
from xnorlab.kernels.codegen.emitter import Emitter, instruction
from xnorlab.kernels.codegen.processor import VectorUnit, vector_unit
from xnorlab.kernels.codegen.records import PIXEL, RUN, Place, field

_I8, _I16, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()

NIBBLE = 4
"""Channels that share a table."""

TABLE_BYTES = 1 << NIBBLE
"""Bytes of a table: one for each value of a nibble of weights."""

MOST_SIGNS = 1 << 16
"""Signs of a filter, for which 16-bit sums would overflow."""

_AT_ONCE = 3
"""Lookups before the halves of a byte are parted."""

_ROUNDS = 18
"""Rounds of `_AT_ONCE` lookups before bytes are widened: with two single lookups more at most 20 · 12 = 240."""


class LookupTile:
    """Code for `pairs` pairs of pixels × `columns` registers of filters.

    Weights are a nibble per byte, in the order in which sums are widened: the even bytes of a register belong to its
    first half of filters, the odd bytes to its second.
    """

    def __init__(self, emitter: Emitter, unit: VectorUnit, pairs: int, columns: int):
        self.e, self.b, self.unit, self.pairs, self.columns = emitter, emitter.b, unit, pairs, columns
        self.n_bytes = unit.bits // 8
        self.filters = columns * self.n_bytes
        self.bytes, self.halves = ir.VectorType(_I8, self.n_bytes), ir.VectorType(_I16, self.n_bytes // 2)

    def compute(self, pixels, call, place: Place) -> None:
        """Emit the whole tile. pixels: the address of two PIXEL per pair. call, place: as `tile` takes them."""
        e, b = self.e, self.b
        starts = [
            e.offset(e.address(place.x), field(e, pixels, PIXEL, "x_offset", _number(2 * p))) for p in range(self.pairs)
        ]
        counts = self._counts()
        zero = [_every(kind, 0) for _ in range(self.pairs * self.columns) for kind in (self.bytes, self.halves)]

        def one_run(r, nothing):
            x_offset, w_offset, lookups = (field(e, e.address(place.runs), RUN, name, r) for name in RUN.names or ())
            at, w_at = [e.offset(start, x_offset) for start in starts], e.offset(e.address(place.weights), w_offset)

            def look_up(first, times, at_once, state):
                """`times` rounds from lookup `first` on."""

                def one(k, inner):
                    step = b.add(first, b.mul(k, _number(at_once)))
                    here = [e.offset(a, b.mul(step, _number(TABLE_BYTES))) for a in at]
                    return self._round(here, e.offset(w_at, b.mul(step, _number(self.filters))), inner, at_once)

                return e.repeat(times, state, one)

            rounds = b.sdiv(lookups, _number(_AT_ONCE))
            in_rounds = b.mul(rounds, _number(_AT_ONCE))
            chunks = b.sdiv(b.add(rounds, _number(_ROUNDS - 1)), _number(_ROUNDS))
            # At least one chunk, for runs that are shorter than a round.
            chunks = b.select(b.icmp_signed(">", chunks, _number(0)), chunks, _number(1))

            def one_chunk(c, nothing):
                first = b.mul(c, _number(_ROUNDS))
                left = b.sub(rounds, first)
                here = b.select(b.icmp_signed("<", left, _number(_ROUNDS)), left, _number(_ROUNDS))
                state = look_up(b.mul(first, _number(_AT_ONCE)), here, _AT_ONCE, zero)
                is_last = b.icmp_signed("==", b.add(c, _number(1)), chunks)
                single = b.select(is_last, b.sub(lookups, in_rounds), _number(0))
                self._widen(look_up(in_rounds, single, 1, state), counts)
                return nothing

            e.repeat(chunks, [], one_chunk)
            return nothing

        e.repeat(place.n_runs, [], one_run)
        self._finish(pixels, call, place, counts)

    def _counts(self):
        """The address of zeros on the stack: 16-bit sums of every pixel and filter."""
        size = 2 * 2 * self.pairs * self.filters
        room = cgutils.alloca_once(self.b, ir.ArrayType(_I8, size))
        room.align = 64
        address = self.b.bitcast(room, _I8.as_pointer())
        for i in range(0, size, self.n_bytes):
            self.e.store(_every(self.bytes, 0), self.e.offset(address, i), self.n_bytes)
        return address

    def _table(self, address):
        """A table in every 128 bits of a register."""
        table = self.e.load(ir.VectorType(_I8, TABLE_BYTES), address, 1)
        spread = ir.Constant(ir.VectorType(_I32, self.n_bytes), [i % TABLE_BYTES for i in range(self.n_bytes)])
        return self.b.shuffle_vector(table, table, spread)

    def _round(self, pixels, weights, state, lookups):
        """So many neighbouring tables of each pair. state: low and high sums in turns."""
        b, out = self.b, []
        for p, pixel in enumerate(pixels):
            tables = [self._table(self.e.offset(pixel, TABLE_BYTES * j)) for j in range(lookups)]
            for c in range(self.columns):
                places = [self.e.offset(weights, (j * self.columns + c) * self.n_bytes) for j in range(lookups)]
                total = None
                for table, at in zip(tables, places, strict=True):
                    differing = _shuffle(self.e, self.unit, table, self.e.load(self.bytes, at, self.n_bytes))
                    total = differing if total is None else b.add(total, differing)
                low, high = state[2 * (p * self.columns + c) :][:2]
                sums = _part(self.e, self.unit, total, low, high)
                out += [self.e.pin(value, self.unit.register) for value in sums]  # as in tile.py
        return out

    def _widen(self, state, counts) -> None:
        """Add the sums of bytes to those of 16 bits."""
        b, eight, four = self.b, _every(self.halves, 8), _every(self.halves, 4)
        even = _every(self.halves, 255)
        for p in range(self.pairs):
            for c in range(self.columns):
                low, high = state[2 * (p * self.columns + c) :][:2]
                low = b.bitcast(low, self.halves)
                odd = b.lshr(low, eight)
                high = b.sub(high, b.shl(odd, four))
                parts = [[b.and_(low, even), odd], [b.and_(high, even), b.lshr(high, eight)]]
                for pixel, halves in enumerate(parts):
                    for half, value in enumerate(halves):
                        filters = (2 * p + pixel) * self.filters + c * self.n_bytes + half * self.n_bytes // 2
                        at = self.e.offset(counts, 2 * filters)
                        self.e.store(b.add(self.e.load(self.halves, at, self.n_bytes), value), at, self.n_bytes)

    def _finish(self, pixels, call, place: Place, counts) -> None:
        """The epilogue, pixel after pixel, whose sums fill the registers. A pixel of index −1 does not exist."""
        e, b, lanes = self.e, self.b, self.unit.bits // 32
        floats, wide = ir.VectorType(_F32, lanes), ir.VectorType(_I32, lanes)

        def one_pixel(m, nothing):
            index = field(e, pixels, PIXEL, "index", m)
            with b.if_then(b.icmp_signed(">=", index, _number(0)), likely=True):
                here = e.offset(counts, b.mul(m, _number(2 * self.filters)))
                sums = []
                for v in range(self.filters // lanes):
                    narrow = e.load(ir.VectorType(_I16, lanes), e.offset(here, 2 * lanes * v), 2 * lanes)
                    mismatches = b.sitofp(b.zext(narrow, wide), floats)
                    start = e.load(floats, e.offset(e.address(place.init), 4 * lanes * v), 4)
                    sums.append(b.fadd(b.fmul(mismatches, _every(floats, -2.0)), start))  # exact: integers below 2²⁴
                epilogue.emit(e, lanes, self.filters, sums, [index], call, place)
            return nothing

        e.repeat(_number(2 * self.pairs), [], one_pixel)


def _shuffle(e: Emitter, unit: VectorUnit, table, nibbles):
    """The bytes of a table, in every 128 bits of a register, that a register of nibbles names."""
    name = {512: "x86.avx512.pshuf.b.512", 256: "x86.avx2.pshuf.b", 128: "x86.ssse3.pshuf.b.128"}[unit.bits]
    name = "aarch64.neon.tbl1.v16i8" if unit.arm else name
    return e.call(f"llvm.{name}", nibbles.type, table, nibbles)


def _part(e: Emitter, unit: VectorUnit, total, low, high) -> tuple:
    """The low and high sums, after the halves of the bytes of `total` are added to them."""
    b, halves = e.b, ir.VectorType(_I16, unit.bits // 16)
    low = b.add(low, b.and_(total, _every(total.type, 15)))
    return low, b.add(high, b.lshr(b.bitcast(total, halves), _every(halves, 4)))


def _number(value: int) -> ir.Constant:
    return ir.Constant(_I64, value)


def _every(kind: ir.VectorType, value) -> ir.Constant:
    return ir.Constant(kind, [value] * kind.count)


REGISTER_SUMS = 4
"""Pairs of low and high sums in `look_up_on_registers`, as many as a tile has."""


def macs_of_a_round(unit: VectorUnit) -> int:
    """Binary multiply-adds that a round of `look_up_on_registers` stands for: two pixels, a register of filters."""
    return REGISTER_SUMS * _AT_ONCE * NIBBLE * 2 * unit.bits // 8


@instruction
def look_up_on_registers(typing, rounds, seed):
    """Do what a tile does for three lookups, `rounds` times, on registers alone; return a sum: none is left out.

    What has been summed serves as tables, so that every lookup waits for the round before.
    """

    def emit(context, builder, signature, arguments):
        e, unit = Emitter(builder), vector_unit(context)
        bytes_, halves = ir.VectorType(_I8, unit.bits // 8), ir.VectorType(_I16, unit.bits // 16)
        pattern = builder.bitcast(e.splat(arguments[1], unit.bits // 64), bytes_)
        nibbles = [builder.and_(builder.add(pattern, _every(bytes_, j)), _every(bytes_, 15)) for j in range(_AT_ONCE)]

        def one_round(_, state):
            lows, out = state[::2], []
            for i in range(REGISTER_SUMS):
                total = None
                for j in range(_AT_ONCE):
                    looked_up = _shuffle(e, unit, lows[(i + j) % REGISTER_SUMS], nibbles[j])
                    total = looked_up if total is None else builder.add(total, looked_up)
                out += _part(e, unit, total, state[2 * i], state[2 * i + 1])
            return out

        starts = [_every(kind, i + 1) for i in range(REGISTER_SUMS) for kind in (bytes_, halves)]
        state = e.repeat(arguments[0], starts, one_round)
        total = state[1]
        for value in [*state[3::2], *(builder.bitcast(low, halves) for low in state[::2])]:
            total = builder.add(total, value)
        return builder.zext(e.across(builder.add, total), _I64)

    return types.int64(types.int64, types.int64), emit


@instruction
def lay_table(typing, to, first, second):
    """Write the table of a pair, the bytewise or of its pixels' tables; all three are given by address."""

    def emit(context, builder, signature, arguments):
        e, kind = Emitter(builder), ir.VectorType(_I8, TABLE_BYTES)
        one, two = (e.load(kind, e.address(address), 1) for address in arguments[1:])
        e.store(builder.or_(one, two), e.address(arguments[0]), 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


@instruction
def lay_word(typing, to, first, second, values, second_values):
    """Write the tables of two pixels' words of 64 channels, sixteen times `lay_table`.

    first, second: the words. values, second_values: the addresses of the tables of the 16 values for either pixel.
    """

    def emit(context, builder, signature, arguments):
        e, kind = Emitter(builder), ir.VectorType(_I8, TABLE_BYTES)
        target, words, values = e.address(arguments[0]), arguments[1:3], arguments[3:]
        for n in range(64 // NIBBLE):
            tables = []
            for word, base in zip(words, values, strict=True):
                shift = _number(abs(NIBBLE * n - NIBBLE))
                nibble = builder.shl(word, shift) if n == 0 else builder.lshr(word, shift)
                offset = builder.and_(nibble, _number(15 * TABLE_BYTES))
                tables.append(e.load(kind, e.offset(e.address(base), offset), 1))
            e.store(builder.or_(*tables), e.offset(target, TABLE_BYTES * n), 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64, types.uint64, types.int64, types.int64), emit
