"""Instructions that reduce floats in registers: the pixels of a window, and the magnitudes of a pixel's channels."""

from llvmlite import ir
from numba import types

from xnorlab.kernels.codegen.emitter import Emitter, instruction


@instruction
def reduce_window(typing, largest, lanes, x, row_bytes, rows, pixel_bytes, columns, divisor, out):
    """The largest value, or the sum over `divisor`, of a window's pixels for `lanes` channels; x, out: addresses.

    In registers: left to Numba's vectoriser every tap goes through memory, four times slower.
    """
    if not all(isinstance(t, types.Literal) for t in (largest, lanes)):
        return None
    keep_largest, n = largest.literal_value, lanes.literal_value

    def emit(context, builder, _, arguments):
        e, vector = Emitter(builder), ir.VectorType(ir.FloatType(), n)
        start, row_step, n_rows, pixel_step, n_columns, by, to = arguments[2:]

        def one_row(y, best):
            row = e.offset(e.address(start), builder.mul(y, row_step))
            return e.repeat(
                n_columns, best, lambda z, best: [one_tap(e.offset(row, builder.mul(z, pixel_step)), *best)]
            )

        def one_tap(address, best):
            value = e.load(vector, address, 4)
            if not keep_largest:
                return builder.fadd(best, value)
            is_nan = builder.fcmp_unordered("uno", value, value)  # a NaN wins and stays, as in torch
            return builder.select(builder.or_(is_nan, builder.fcmp_ordered(">", value, best)), value, best)

        best = ir.Constant(vector, [float("-inf") if keep_largest else 0.0] * n)
        (best,) = e.repeat(n_rows, [best], one_row)
        e.store(best if keep_largest else builder.fdiv(best, e.splat(by, n)), e.address(to), 4)
        return context.get_dummy_value()

    five = (types.int64,) * 5
    return types.void(largest, lanes, *five, types.float32, types.int64), emit


@instruction
def sum_of_magnitudes(typing, x, eights):
    """The sum of |x| over `eights` times eight floats at an address: in eight float64 lanes, then lane after lane."""

    def emit(context, builder, _, arguments):
        e = Emitter(builder)
        floats, doubles = ir.VectorType(ir.FloatType(), 8), ir.VectorType(ir.DoubleType(), 8)

        def add(i, sums):
            values = e.load(floats, e.offset(e.address(arguments[0]), builder.mul(i, ir.Constant(i.type, 32))), 4)
            return [builder.fadd(sums[0], builder.fpext(e.call("llvm.fabs.v8f32", floats, values), doubles))]

        (sums,) = e.repeat(arguments[1], [ir.Constant(doubles, [0.0] * 8)], add)
        return e.across(builder.fadd, sums)

    return types.float64(types.int64, types.int64), emit
