"""The register tile: a few output pixels times a few filters, accumulated in vector registers.

One generator serves five arithmetics over the same walk through memory:

- "xnor": packed signs against packed signs; xor, population count, add;
- "gathered": the same for words of taps, see kernels/gathered_taps.py;
- "lookup": packed signs against packed signs, by tables, see lookup.py;
- "real": real activations against real weights; fused multiply-add;
- "fixed": 16-bit integers against 16-bit integers, two products per lane and instruction; exact.

The epilogue, in epilogue.py, says what is done with the sums.

The tile is emitted as LLVM vector instructions because Numba's loop vectoriser keeps accumulators in memory.
It trusts its arguments: whoever calls it has checked the geometry.

How "xnor" with group > 1 needs fewer operations than one population count per word: the words of a pixel are taken
in groups of G. Both sides store running XORs within a group (word j holds the XOR of words 0 … j), so that
t_j = x_j ^ w_j is the running parity of the mismatches, and one three-input operation gives the carry of a full
adder over two more words. Only carries are counted, each worth two; the parities run on from group to group in
one register and are counted once at the end. G words cost G xors, G/2 carries, G/2 counts and G/2 adds: 2.5
vector operations per word instead of 3 (carry-save counting after Harley and Seal, with the xors of the adders
moved into the packing).
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils

from xnorlab.kernels.codegen import epilogue
from xnorlab.kernels.codegen.emitter import Emitter, instruction
from xnorlab.kernels.codegen.grouped import GroupedReal
from xnorlab.kernels.codegen.lookup import LookupTile
from xnorlab.kernels.codegen.processor import COLUMNS, VectorUnit, vector_unit
from xnorlab.kernels.codegen.records import PIXEL, RUN, Place, field

_I16, _I32, _I64, _F32 = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()


class _Packed:
    """xor, count, add. State: a count for each accumulator and, in groups, a parity for each."""

    def __init__(self, emitter: Emitter, unit: VectorUnit, rows: int, group: int):
        self.e, self.b, self.unit, self.rows, self.group = emitter, emitter.b, unit, rows, group
        self.lanes, self.filters = unit.bits // 64, unit.packed_filters
        self.vector = ir.VectorType(_I64, self.lanes)
        self.x_step, self.w_step = 8 * group, 8 * group * self.filters
        self.out_lanes = 2 * self.lanes

    def zero(self):
        zeros = ir.Constant(self.vector, [0] * self.lanes)
        return [zeros] * (self.rows * COLUMNS * (1 if self.group == 1 else 2))

    def _count(self, value):
        return self.e.call(f"llvm.ctpop.v{self.lanes}i64", self.vector, value)

    def _ternary(self, table, a, b, c):
        """Three-input logic by truth table; as plain logic LLVM would undo the sharing of terms."""
        arguments = (a, b, c, ir.Constant(_I32, table))
        return self.e.call("llvm.x86.avx512.pternlog.q.512", self.vector, *arguments)

    def _carry(self, before, between, after):
        """Carry of a full adder over two more words, from the parities before, between and after them."""
        if self.unit.ternary:
            return self._ternary(0x74, before, between, after)
        return self.b.and_(self.b.or_(before, between), self.b.not_(self.b.and_(between, after)))

    def _last_carry(self, parity, between, after):
        """Carry where the adder takes in the parity of the groups before: parity ^ after ? parity : between."""
        if self.unit.ternary:
            return self._ternary(0xB2, parity, after, between)
        return self.b.xor(self.b.and_(self.b.xor(parity, between), self.b.xor(parity, after)), between)

    def step(self, x, weights, state):
        """One group of words, pixel by pixel; by twos where that has work for all ports and registers to spare."""
        w = [
            [
                self.e.load(self.vector, self.e.offset(weights, 8 * (j * self.filters + v * self.lanes)), 8)
                for v in range(COLUMNS)
            ]
            for j in range(self.group)
        ]
        n = self.rows * COLUMNS
        counts, parities = state[:n], state[n:]
        new_counts, new_parities = [], []
        at_once = 2 if self.group == 2 and self.rows > 1 else 1
        for m in range(0, self.rows, at_once):
            part = slice(m * COLUMNS, (m + at_once) * COLUMNS)
            added, after = self._group(x[m : m + at_once], w, parities[part])
            sums = [self.b.add(c, a) for c, a in zip(counts[part], added, strict=True)]
            # Pinned: an accumulator in memory may share its low address bits with the output, and then waits for it.
            new_counts += [self.e.pin(value, self.unit.register) for value in sums]
            new_parities += after
        return new_counts + new_parities

    def _group(self, x, w, parities):
        """Counts that one group of words adds for these pixels, and the parities after it."""

        def mixed(j):
            words = [self.e.splat(self.e.load(_I64, self.e.offset(p, 8 * j), 8), self.lanes) for p in x]
            return [self.b.xor(word, column) for word in words for column in w[j]]

        before, added = mixed(0), []
        if self.group == 1:
            return [self._count(t) for t in before], []
        for j in range(1, self.group - 1, 2):
            between, after = mixed(j), mixed(j + 1)
            added.append([self._count(self._carry(*t)) for t in zip(before, between, after, strict=True)])
            before = after
        after = [self.b.xor(p, t) for p, t in zip(parities, mixed(self.group - 1), strict=True)]
        added.append([self._count(self._last_carry(*t)) for t in zip(parities, before, after, strict=True)])
        total = added[0]
        for more in added[1:]:
            total = [self.b.add(a, c) for a, c in zip(total, more, strict=True)]
        return total, after

    def finish(self, state, m, init):
        """Sums of pixel m as floats, init − 2 · mismatches: exact, both are integers below 2²⁴."""
        n, halves = self.rows * COLUMNS, ir.VectorType(_I32, 2 * self.lanes)
        floats = ir.VectorType(_F32, 2 * self.lanes)
        totals = []
        for i in range(m * COLUMNS, (m + 1) * COLUMNS):
            total = state[i]
            if self.group > 1:
                total = self.b.add(self.b.add(total, total), self._count(state[n + i]))
            totals.append(self.b.bitcast(total, halves))
        low = ir.Constant(halves, list(range(0, 4 * self.lanes, 2)))
        minus_two = ir.Constant(floats, [-2.0] * (2 * self.lanes))
        out = []
        for i in range(0, COLUMNS, 2):
            mismatches = self.b.sitofp(self.b.shuffle_vector(totals[i], totals[i + 1], low), floats)
            start = self.e.load(floats, self.e.offset(init, 4 * i * self.lanes), 4)
            out.append(self.e.call(f"llvm.fma.v{2 * self.lanes}f32", floats, mismatches, minus_two, start))
        return out


class _Gathered(_Packed):
    """Xor, count, add of gathered words (kernels/gathered_taps.py): a register holds filters of several groups.

    width: filters of a group, which divide the lanes of a register.
    """

    def __init__(self, emitter: Emitter, unit: VectorUnit, rows: int, width: int):
        super().__init__(emitter, unit, rows, 1)
        self.width = width

    def step(self, x, weights, state):
        """One word of each group."""
        n_words = self.lanes // self.width
        words, counts = ir.VectorType(_I64, n_words), []
        spread = ir.Constant(ir.VectorType(_I32, self.lanes), [i // self.width for i in range(self.lanes)])
        w = [self.e.load(self.vector, self.e.offset(weights, 8 * v * self.lanes), 8) for v in range(COLUMNS)]
        for m, pixel in enumerate(x):
            for v in range(COLUMNS):
                part = self.e.load(words, self.e.offset(pixel, 8 * v * n_words), 8)
                mixed = self.b.xor(self.b.shuffle_vector(part, part, spread), w[v])
                counts.append(self.b.add(state[m * COLUMNS + v], self._count(mixed)))
        return counts


class _Real:
    """Fused multiply-add."""

    def __init__(self, emitter: Emitter, unit: VectorUnit, rows: int):
        self.e, self.b, self.rows = emitter, emitter.b, rows
        self.lanes, self.filters = unit.bits // 32, unit.float_filters
        self.vector = ir.VectorType(_F32, self.lanes)
        self.x_step, self.w_step = 4, 4 * self.filters
        self.out_lanes = self.lanes

    def zero(self):
        return [ir.Constant(self.vector, [0.0] * self.lanes)] * (self.rows * COLUMNS)

    def step(self, x, weights, state):
        w = [self.e.load(self.vector, self.e.offset(weights, 4 * v * self.lanes), 4) for v in range(COLUMNS)]
        out = []
        for m, pixel in enumerate(x):
            value = self.e.splat(self.e.load(_F32, pixel, 4), self.lanes)
            for v in range(COLUMNS):
                arguments = (value, w[v], state[m * COLUMNS + v])
                out.append(self.e.call(f"llvm.fma.v{self.lanes}f32", self.vector, *arguments))
        return out

    def finish(self, state, m, init):
        return state[m * COLUMNS : (m + 1) * COLUMNS]


class _Fixed:
    """Products of pairs of 16-bit integers, added in 32 bits: twice the multiply-adds of a float instruction."""

    def __init__(self, emitter: Emitter, unit: VectorUnit, rows: int):
        self.e, self.b, self.rows = emitter, emitter.b, rows
        self.lanes, self.filters = unit.bits // 32, unit.float_filters
        self.vector, self.pairs = ir.VectorType(_I32, self.lanes), ir.VectorType(_I16, 2 * self.lanes)
        self.multiply = {512: "avx512.pmaddw.d.512", 256: "avx2.pmadd.wd", 128: "sse2.pmadd.wd"}[unit.bits]
        self.x_step, self.w_step = 4, 4 * self.filters
        self.out_lanes = self.lanes

    def zero(self):
        return [ir.Constant(self.vector, [0] * self.lanes)] * (self.rows * COLUMNS)

    def step(self, x, weights, state):
        w = [self.e.load(self.pairs, self.e.offset(weights, 4 * v * self.lanes), 4) for v in range(COLUMNS)]
        out = []
        for m, pixel in enumerate(x):
            value = self.b.bitcast(self.e.splat(self.e.load(_I32, pixel, 2), self.lanes), self.pairs)
            for v in range(COLUMNS):
                product = self.e.call(f"llvm.x86.{self.multiply}", self.vector, value, w[v])
                out.append(self.b.add(state[m * COLUMNS + v], product))
        return out

    def finish(self, state, m, init):
        floats = ir.VectorType(_F32, self.lanes)
        return [self.b.sitofp(total, floats) for total in state[m * COLUMNS : (m + 1) * COLUMNS]]


def _arithmetic(e: Emitter, kind: str, unit: VectorUnit, rows: int, group: int, place: Place):
    if kind == "xnor":
        return _Packed(e, unit, rows, group)
    if kind == "gathered":
        return _Gathered(e, unit, rows, group)
    if kind == "real" and group > 1:
        return GroupedReal(e, unit, rows, group, place.n_filters)
    return _Fixed(e, unit, rows) if kind == "fixed" else _Real(e, unit, rows)


@instruction
def tile(typing, arithmetic, group, rows, pixels, call, place):
    """Compute `rows` pixels × one block of filters and run the epilogue on the sums.

    Args:
        typing: Numba's typing context.
        arithmetic: "xnor", "gathered", "lookup", "real" or "fixed", a literal.
        group: words that share a running XOR, for "lookup" registers of filters, for "gathered" filters of a group, for
            "real" channels of a group where a register holds filters of several (see grouped.py), else 1; a literal.
        rows: pixels of the tile, for "lookup" pairs of them; a literal.
        pixels: the address of one PIXEL each.
        call: the address of a CALL.
        place: a `Place`.
    """
    if not all(isinstance(t, types.Literal) for t in (arithmetic, group, rows)):
        return None
    kind, n_group, n_rows = arithmetic.literal_value, group.literal_value, rows.literal_value

    def emit(context, builder, _, arguments):
        e, unit = Emitter(builder), vector_unit(context)
        here = Place(*cgutils.unpack_tuple(builder, arguments[5]))
        pixels, call = (e.address(address) for address in arguments[3:5])
        if kind == "lookup":
            LookupTile(e, unit, n_rows, n_group).compute(pixels, call, here)
        else:
            _compute_tile(e, _arithmetic(e, kind, unit, n_rows, n_group, here), n_rows, pixels, call, here)
        return context.get_dummy_value()

    return types.void(arithmetic, group, rows, pixels, call, place), emit


def _compute_tile(e: Emitter, math, rows: int, pixels, call, place: Place) -> None:
    """Emit the tile: the loop over its runs of taps, then its epilogue."""
    b, runs = e.b, e.address(place.runs)
    entries = [ir.Constant(_I64, m) for m in range(rows)]
    index = [field(e, pixels, PIXEL, "index", m) for m in entries]
    starts = [e.offset(e.address(place.x), field(e, pixels, PIXEL, "x_offset", m)) for m in entries]

    def one_run(r, state):
        x_offset, w_offset, steps = (field(e, runs, RUN, name, r) for name in RUN.names or ())
        at, w_at = [e.offset(start, x_offset) for start in starts], e.offset(e.address(place.weights), w_offset)

        def one_step(k, inner):
            here = [e.offset(a, b.mul(k, ir.Constant(_I64, math.x_step))) for a in at]
            return math.step(here, e.offset(w_at, b.mul(k, ir.Constant(_I64, math.w_step))), inner)

        return e.repeat(steps, state, one_step)

    state = e.repeat(place.n_runs, math.zero(), one_run)
    sums = [value for m in range(rows) for value in math.finish(state, m, e.address(place.init))]
    epilogue.emit(e, math.out_lanes, math.filters, sums, index, call, place)
