"""The register tile: a few output pixels times a few filters, accumulated in vector registers.

One generator serves three arithmetics over the same walk through memory:

- "xnor": packed signs against packed signs; xor, population count, add;
- "real": real activations against real weights; fused multiply-add;
- "sign": real activations against packed weights, widened to ±1 as they are loaded; fused multiply-add.

The tile is emitted as LLVM vector instructions because Numba's loop vectoriser keeps accumulators in memory.
The tile trusts its arguments: whoever calls it has checked the geometry.

Fewer operations than one population count a word ("xnor", group > 1). The words of a pixel are taken in
groups of G. Both sides store running XORs within a group (word j holds words 0 … j), so that t_j = x_j ^ w_j is
the running parity of the mismatches, and one three-input operation gives the carry of a full adder over two
more words. Only carries are counted, each worth two; the parities are chained from group to group in one
register and counted once. Per G words: G xors, G/2 carries, G/2 counts, G/2 adds, against 3·G: 2.5 vector
operations a word instead of 3 (carry-save counting after Harley and Seal; the stored running XOR is ours).
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

REVISION = zlib.crc32(Path(__file__).read_bytes())
"""Part of every tile's cache key: Numba's cache watches only the file of the kernel that uses the tile."""

_I1, _I8, _I32, _I64, _F32 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_COLUMNS = 2  # vectors of filters in a tile


@dataclass(frozen=True)
class VectorUnit:
    """What the compiler may use: register width in bits, population counts of vectors, three-input logic."""

    bits: int
    counts: bool
    ternary: bool

    @classmethod
    def of(cls, triple: str, features: str) -> "VectorUnit":
        """Chosen from the features that LLVM is told, so that code, cache key and weight layout agree."""
        has = {f[1:] for f in features.split(",") if f.startswith("+")}
        wide = "avx512f" in has and "avx512bw" in has
        bits = 512 if wide else 256 if "avx2" in has else 128
        counts = wide and "avx512vpopcntdq" in has
        return cls(bits, counts, wide)

    @property
    def float_filters(self) -> int:
        """Filters in a tile of real arithmetic."""
        return _COLUMNS * self.bits // 32

    @property
    def packed_filters(self) -> int:
        """Filters in a tile of packed arithmetic."""
        return _COLUMNS * self.bits // 64


def vector_unit(context=None) -> VectorUnit:
    """The vector unit that Numba compiles for."""
    if context is None:
        from numba.core.registry import cpu_target

        context = cpu_target.target_context
    triple, _, features = context.codegen().magic_tuple()
    return VectorUnit.of(triple, features)


class _Emitter:
    """A thin layer over llvmlite's builder: byte addresses, splats, loops with carried values."""

    def __init__(self, builder: ir.IRBuilder):
        self.b = builder

    def address(self, integer):
        return self.b.inttoptr(integer, _I8.as_pointer())

    def offset(self, address, n_bytes):
        return self.b.gep(address, [n_bytes if isinstance(n_bytes, ir.Value) else ir.Constant(_I64, n_bytes)])

    def load(self, kind, address, align):
        return self.b.load(self.b.bitcast(address, kind.as_pointer()), align=align)

    def store(self, value, address, align):
        self.b.store(value, self.b.bitcast(address, value.type.as_pointer()), align=align)

    def splat(self, scalar, lanes):
        undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
        first = self.b.insert_element(undefined, scalar, ir.Constant(_I32, 0))
        return self.b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))

    def call(self, name, result, *arguments):
        function = cgutils.get_or_insert_function(
            self.b.module, ir.FunctionType(result, [a.type for a in arguments]), name
        )
        return self.b.call(function, arguments)

    def repeat(self, count, state, body):
        """`for i in range(count): state = body(i, state)`; returns the last state."""
        entry, head = self.b.block, self.b.append_basic_block("head")
        inside, end = self.b.append_basic_block("inside"), self.b.append_basic_block("end")
        self.b.branch(head)
        self.b.position_at_end(head)
        index = self.b.phi(_I64)
        carried = [self.b.phi(value.type) for value in state]
        self.b.cbranch(self.b.icmp_signed("<", index, count), inside, end)
        self.b.position_at_end(inside)
        following = body(index, carried)
        index.add_incoming(ir.Constant(_I64, 0), entry)
        index.add_incoming(self.b.add(index, ir.Constant(_I64, 1)), self.b.block)
        for phi, first, later in zip(carried, state, following, strict=True):
            phi.add_incoming(first, entry)
            phi.add_incoming(later, self.b.block)
        self.b.branch(head)
        self.b.position_at_end(end)
        return carried


class _Xnor:
    """xor, count, add. State: a count for each accumulator and, in groups, a parity for each."""

    def __init__(self, emitter: _Emitter, unit: VectorUnit, rows: int, group: int):
        self.e, self.b, self.unit, self.rows, self.group = emitter, emitter.b, unit, rows, group
        self.lanes = unit.bits // 64
        self.vector = ir.VectorType(_I64, self.lanes)
        self.filters = unit.packed_filters
        self.x_step, self.w_step = 8 * group, 8 * group * self.filters
        self.tiles = rows * _COLUMNS

    def zero(self):
        return [ir.Constant(self.vector, [0] * self.lanes)] * (self.tiles * (1 if self.group == 1 else 2))

    def _count(self, value):
        return self.e.call(f"llvm.ctpop.v{self.lanes}i64", self.vector, value)

    def _mix(self, word, x, weights):
        """x_j ^ w_j for every pixel and vector of filters."""
        at = [self.e.offset(weights, 8 * (word * self.filters + v * self.lanes)) for v in range(_COLUMNS)]
        w = [self.e.load(self.vector, address, 8) for address in at]
        out = []
        for pixel in x:
            s = self.e.splat(self.e.load(_I64, self.e.offset(pixel, 8 * word), 8), self.lanes)
            out += [self.b.xor(s, column) for column in w]
        return out

    def _carry(self, t, before, after):
        """Carry of a full adder over two more words, from the parities before, between and after them."""
        first, between, last = t, before, after
        return self.b.and_(self.b.or_(first, between), self.b.not_(self.b.and_(between, last)))

    def _last_carry(self, parity, between, after):
        """The same where the adder also takes the parity of the groups before: parity ^ after ? parity : between."""
        if self.unit.ternary:
            return self.e.call(
                "llvm.x86.avx512.pternlog.q.512", self.vector, parity, after, between, ir.Constant(_I32, 0xB2)
            )
        return self.b.xor(self.b.and_(self.b.xor(parity, between), self.b.xor(parity, after)), between)

    def step(self, x, weights, state):
        n = self.tiles
        if self.group == 1:
            mixed = self._mix(0, x, weights)
            return [self.b.add(c, self._count(t)) for c, t in zip(state, mixed, strict=True)]
        counts, parities = list(state[:n]), state[n:]
        before = self._mix(0, x, weights)
        for word in range(1, self.group - 1, 2):
            between, after = self._mix(word, x, weights), self._mix(word + 1, x, weights)
            for i in range(n):
                counts[i] = self.b.add(counts[i], self._count(self._carry(before[i], between[i], after[i])))
            before = after
        after = [self.b.xor(p, t) for p, t in zip(parities, self._mix(self.group - 1, x, weights), strict=True)]
        for i in range(n):
            carry = self._last_carry(parities[i], before[i], after[i])
            counts[i] = self.b.add(counts[i], self._count(carry))
        return counts + after

    def finish(self, state, m, init):
        """Sums of pixel m as float vectors: init − 2 · mismatches."""
        n, wide = self.tiles, ir.VectorType(_I32, 2 * self.lanes)
        totals = []
        for i in range(m * _COLUMNS, (m + 1) * _COLUMNS):
            total = state[i]
            if self.group > 1:
                total = self.b.add(self.b.add(total, total), self._count(state[n + i]))
            totals.append(self.b.bitcast(total, wide))
        low = ir.Constant(ir.VectorType(_I32, 2 * self.lanes), list(range(0, 4 * self.lanes, 2)))
        out = []
        for pair in range(_COLUMNS // 2):
            total = self.b.shuffle_vector(totals[2 * pair], totals[2 * pair + 1], low)
            start = self.e.load(wide, self.e.offset(init, pair * 2 * self.lanes * 4), 4)
            total = self.b.sub(start, self.b.add(total, total))
            out.append(self.b.sitofp(total, ir.VectorType(_F32, 2 * self.lanes)))
        return out


class _Real:
    """Fused multiply-add with real weights, or with packed weights widened to ±1."""

    def __init__(self, emitter: _Emitter, unit: VectorUnit, rows: int, packed: bool):
        self.e, self.b, self.rows, self.packed = emitter, emitter.b, rows, packed
        self.lanes = unit.bits // 32
        self.vector = ir.VectorType(_F32, self.lanes)
        self.filters = unit.float_filters
        self.x_step, self.w_step = 4, self.filters // 8 if packed else 4 * self.filters

    def zero(self):
        return [ir.Constant(self.vector, [0.0] * self.lanes)] * (self.rows * _COLUMNS)

    def _weights(self, weights):
        if not self.packed:
            return [self.e.load(self.vector, self.e.offset(weights, v * self.lanes * 4), 4) for v in range(_COLUMNS)]
        mask = self.e.load(ir.IntType(self.filters), weights, 1)
        bits = self.b.bitcast(mask, ir.VectorType(_I1, self.filters))
        plus, minus = (ir.Constant(self.vector, [value] * self.lanes) for value in (1.0, -1.0))
        out = []
        for v in range(_COLUMNS):
            part = ir.Constant(ir.VectorType(_I32, self.lanes), [v * self.lanes + i for i in range(self.lanes)])
            out.append(self.b.select(self.b.shuffle_vector(bits, bits, part), plus, minus))
        return out

    def step(self, x, weights, state):
        w, out = self._weights(weights), []
        for m, pixel in enumerate(x):
            s = self.e.splat(self.e.load(_F32, pixel, 4), self.lanes)
            for v in range(_COLUMNS):
                name = f"llvm.fma.v{self.lanes}f32"
                out.append(self.e.call(name, self.vector, s, w[v], state[m * _COLUMNS + v]))
        return out

    def finish(self, state, m, init):
        return state[m * _COLUMNS : (m + 1) * _COLUMNS]


@intrinsic(prefer_literal=True)
def tile(
    typing,
    arithmetic,
    group,
    rows,
    revision,
    x,
    pixels,
    runs,
    n_runs,
    weights,
    init,
    scale,
    bias,
    input_scale,
    input_scale_step,
    out,
    out_step,
    n_filters,
):
    """Compute `rows` pixels × one block of filters and store (sum · scale · input_scale) + bias.

    arithmetic, group, rows, revision are literals. x, pixels, runs, weights, init, scale, bias, input_scale, out
    are addresses. pixels: a row of two int64 for each pixel, byte offset into x and index of the output pixel. runs: rows of three
    int64, byte offset from the pixel, byte offset into the weights, steps. init: int32, the sum without a
    mismatch. out_step: bytes from one output pixel to the next. n_filters: filters to store.
    """
    literal = (arithmetic, group, rows)
    if not all(isinstance(t, types.Literal) for t in literal):
        return None
    kind, n_group, n_rows = (t.literal_value for t in literal)
    integers = (x, pixels, runs, n_runs, weights, init, scale, bias, input_scale, input_scale_step, out, out_step)
    signature = types.void(arithmetic, group, rows, revision, *(types.int64 for _ in (*integers, n_filters)))

    def emit(context, builder, _, arguments):
        e, unit = _Emitter(builder), vector_unit(context)
        math = _Xnor(e, unit, n_rows, n_group) if kind == "xnor" else _Real(e, unit, n_rows, kind == "sign")
        _emit_tile(e, math, kind, n_rows, arguments[4:])
        return context.get_dummy_value()

    return signature, emit


def _emit_tile(e: _Emitter, math, kind: str, rows: int, arguments) -> None:
    (x, pixels, runs, n_runs, weights, init, scale, bias, input_scale, input_scale_step, out, out_step, n_filters) = (
        arguments
    )
    b, table = e.b, e.address(pixels)
    index = [e.load(_I64, e.offset(table, 16 * m + 8), 8) for m in range(rows)]
    starts = [e.offset(e.address(x), e.load(_I64, e.offset(table, 16 * m), 8)) for m in range(rows)]
    run_table, weight_base = e.address(runs), e.address(weights)

    def one_run(r, state):
        row = e.offset(run_table, b.mul(r, ir.Constant(_I64, 24)))
        x_offset, w_offset, steps = (e.load(_I64, e.offset(row, 8 * i), 8) for i in range(3))
        at = [e.offset(start, x_offset) for start in starts]
        w_at = e.offset(weight_base, w_offset)

        def one_step(k, inner):
            here = [e.offset(a, b.mul(k, ir.Constant(_I64, math.x_step))) for a in at]
            return math.step(here, e.offset(w_at, b.mul(k, ir.Constant(_I64, math.w_step))), inner)

        return e.repeat(steps, state, one_step)

    state = e.repeat(n_runs, math.zero(), one_run)

    lanes = math.vector.count if kind != "xnor" else 2 * math.lanes
    vector, n_vectors = ir.VectorType(_F32, lanes), math.filters // lanes
    results = []
    for m in range(rows):
        values = math.finish(state, m, e.address(init))
        if kind == "xnor":
            offset = b.mul(b.mul(index[m], input_scale_step), ir.Constant(_I64, 4))
            factor = e.splat(e.load(_F32, e.offset(e.address(input_scale), offset), 4), lanes)
        for v, value in enumerate(values):
            if kind != "real":
                value = b.fmul(value, e.load(vector, e.offset(e.address(scale), 4 * v * lanes), 4))
            if kind == "xnor":
                value = b.fmul(value, factor)
            results.append(b.fadd(value, e.load(vector, e.offset(e.address(bias), 4 * v * lanes), 4)))

    targets = [e.offset(e.address(out), b.mul(index[m], out_step)) for m in range(rows)]
    whole = b.icmp_signed(">=", n_filters, ir.Constant(_I64, math.filters))
    spare = cgutils.alloca_once(b, ir.ArrayType(_F32, math.filters))
    with b.if_else(whole) as (full, part):
        with full:
            for i, value in enumerate(results):
                e.store(value, e.offset(targets[i // n_vectors], 4 * lanes * (i % n_vectors)), 4)
        with part:
            buffer = b.bitcast(spare, _I8.as_pointer())
            for i, value in enumerate(results):
                e.store(value, e.offset(buffer, 4 * lanes * (i % n_vectors)), 4)
                if i % n_vectors == n_vectors - 1:
                    cgutils.raw_memcpy(b, targets[i // n_vectors], buffer, n_filters, 4)
