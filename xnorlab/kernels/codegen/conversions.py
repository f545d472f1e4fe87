"""Instructions that turn neighbouring floats into something shorter: one bit each, or 16-bit integers."""

from llvmlite import ir
from numba import types

from xnorlab.conventions import PICTURE_LIMIT, PICTURE_STEPS
from xnorlab.kernels.codegen.emitter import Emitter, instruction


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
