"""Instructions that turn neighbouring floats into bits or 16-bit integers, and bits into ±1 or −1, 0 and +1."""

from collections.abc import Sequence

from llvmlite import ir
from numba import types

from xnorlab.conventions import PICTURE_LIMIT, PICTURE_STEPS
from xnorlab.kernels.codegen.emitter import Emitter, instruction
from xnorlab.kernels.codegen.processor import COLUMNS, VectorUnit, vector_unit


@instruction
def compare(typing, lanes, comparison, x, threshold):
    """The bits x[i] (comparison) threshold[i] of `lanes` neighbouring floats at two addresses, lane 0 in bit 0."""
    if not isinstance(lanes, types.Literal) or not isinstance(comparison, types.Literal):
        return None
    n, operator = lanes.literal_value, comparison.literal_value

    def emit(context, builder, signature, arguments):
        floats = ir.VectorType(ir.FloatType(), n)
        a, b = (
            builder.load(builder.inttoptr(address, floats.as_pointer()), align=4)
            for address in (arguments[2], arguments[3])
        )
        bits = builder.bitcast(builder.fcmp_ordered(operator, a, b), ir.IntType(n))
        return bits if n == 64 else builder.zext(bits, ir.IntType(64))

    return types.uint64(lanes, comparison, types.int64, types.int64), emit


@instruction
def to_integers(typing, lanes, x, out):
    """Write 64·x of `lanes` floats as 16-bit integers; returns a 1 bit for each that is no integer within the limit."""
    if not isinstance(lanes, types.Literal):
        return None
    n = lanes.literal_value

    def emit(context, builder, signature, arguments):
        e = Emitter(builder)
        floats, wide, narrow = (ir.VectorType(t, n) for t in (ir.FloatType(), ir.IntType(32), ir.IntType(16)))
        scaled = builder.fmul(
            e.load(floats, e.address(arguments[1]), 4), ir.Constant(floats, [float(PICTURE_STEPS)] * n)
        )
        low, high = (ir.Constant(floats, [float(limit)] * n) for limit in (-PICTURE_LIMIT, PICTURE_LIMIT))
        clipped = builder.select(builder.fcmp_ordered("<", scaled, high), scaled, high)  # NaN becomes a number, too
        clipped = builder.select(builder.fcmp_ordered(">", clipped, low), clipped, low)
        integers = builder.fptosi(clipped, wide)
        wrong = builder.fcmp_unordered("!=", builder.sitofp(integers, floats), scaled)
        e.store(builder.trunc(integers, narrow), e.address(arguments[2]), 2)
        bits = builder.bitcast(wrong, ir.IntType(n))
        return bits if n == 64 else builder.zext(bits, ir.IntType(64))

    return types.int64(lanes, types.int64, types.int64), emit


@instruction
def widen_signs(typing, bits, to, steps):
    """Write float32 ±1 for `steps` times a tile's filters to the address `to`, from one bit each at `bits`."""

    def emit(context, builder, signature, arguments):
        _widen(Emitter(builder), vector_unit(context), arguments, zeros=False)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


@instruction
def widen_ternary(typing, bits, to, steps):
    """Write float32 −1, 0 and +1 for `steps` times a tile's filters to the address `to`, from two bits each at `bits`.

    Every step has its signs first, then a bit for each filter whose weight is not zero.
    """

    def emit(context, builder, signature, arguments):
        _widen(Emitter(builder), vector_unit(context), arguments, zeros=True)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


def _widen(e: Emitter, unit: VectorUnit, arguments: Sequence[ir.Value], *, zeros: bool) -> None:
    """Emit what the two instructions above do; zeros: there is a second bit."""
    b, lanes, filters = e.b, unit.bits // 32, unit.float_filters
    integers, numbers = ir.VectorType(ir.IntType(32), lanes), ir.IntType(64)
    source, target, steps = e.address(arguments[0]), e.address(arguments[1]), arguments[2]
    step_bytes = filters // 8 * (2 if zeros else 1)
    # −0 and 1 in float32
    none, sign, one = (ir.Constant(integers, [value] * lanes) for value in (0, 0x80000000, 0x3F800000))

    def spread(at: ir.Value) -> ir.Value:
        """A bit for each filter, in every lane."""
        mask = e.load(ir.IntType(filters), at, 1)
        return e.splat(mask if filters == 32 else b.zext(mask, ir.IntType(32)), lanes)

    def one_step(k, nothing):
        here = e.offset(source, b.mul(k, ir.Constant(numbers, step_bytes)))
        signs = spread(here)
        kept = spread(e.offset(here, filters // 8)) if zeros else None
        at = e.offset(target, b.mul(k, ir.Constant(numbers, 4 * filters)))
        for v in range(COLUMNS):
            own = ir.Constant(integers, [1 << (v * lanes + i) for i in range(lanes)])
            negative = b.icmp_signed("==", b.and_(signs, own), none)
            value = b.xor(b.and_(b.sext(negative, integers), sign), one)
            if kept is not None:
                value = b.and_(value, b.sext(b.icmp_signed("!=", b.and_(kept, own), none), integers))
            e.store(value, e.offset(at, 4 * lanes * v), 4)
        return nothing

    e.repeat(steps, [], one_step)
