"""Instructions that turn neighbouring floats into bits or 16-bit integers, and bits into ±1."""

from llvmlite import ir
from numba import types

from xnorlab.conventions import PICTURE_LIMIT, PICTURE_STEPS
from xnorlab.kernels.codegen.emitter import Emitter, instruction
from xnorlab.kernels.codegen.processor import COLUMNS, vector_unit


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
        e, unit = Emitter(builder), vector_unit(context)
        lanes, filters = unit.bits // 32, unit.float_filters
        integers, numbers = ir.VectorType(ir.IntType(32), lanes), ir.IntType(64)
        source, target, steps = e.address(arguments[0]), e.address(arguments[1]), arguments[2]
        # −0 and 1 in float32
        sign, one = (ir.Constant(integers, [value] * lanes) for value in (0x80000000, 0x3F800000))

        def one_step(k, nothing):
            mask = e.load(ir.IntType(filters), e.offset(source, builder.mul(k, ir.Constant(numbers, filters // 8))), 1)
            mask = mask if filters == 32 else builder.zext(mask, ir.IntType(32))
            spread = e.splat(mask, lanes)
            at = e.offset(target, builder.mul(k, ir.Constant(numbers, 4 * filters)))
            for v in range(COLUMNS):
                own = ir.Constant(integers, [1 << (v * lanes + i) for i in range(lanes)])
                missing = builder.icmp_signed("==", builder.and_(spread, own), ir.Constant(integers, [0] * lanes))
                signs = builder.and_(builder.sext(missing, integers), sign)
                e.store(builder.xor(signs, one), e.offset(at, 4 * lanes * v), 4)
            return nothing

        e.repeat(steps, [], one_step)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit
