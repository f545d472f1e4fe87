"""Instructions that reduce floats in registers: a window's pixels, plain or weighted, and a pixel's magnitudes."""

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
def weigh_window(
    typing, lanes, x, row_bytes, rows, pixel_bytes, columns, weights, weight_row, weight_step, factors, out
):
    """The sum of a window's pixels times their weights, for `lanes` channels, times scale, plus bias.

    x, weights, factors, out: addresses. `weight_row`, `weight_step`: bytes from one row of weights, and from one weight
    of a row, to the next; `factors`: of the scale, with the bias `weight_step` bytes behind it.
    """
    if not isinstance(lanes, types.Literal):
        return None
    n = lanes.literal_value

    def emit(context, builder, _, arguments):
        e, vector = Emitter(builder), ir.VectorType(ir.FloatType(), n)
        start, row_step, n_rows, pixel_step, n_columns, taps, tap_row, tap_step, scale, to = arguments[1:]

        def one_row(y, total):
            row = e.offset(e.address(start), builder.mul(y, row_step))
            tap = e.offset(e.address(taps), builder.mul(y, tap_row))

            def one_tap(z, total):
                value = e.load(vector, e.offset(row, builder.mul(z, pixel_step)), 4)
                weight = e.load(vector, e.offset(tap, builder.mul(z, tap_step)), 4)
                return [builder.fadd(total[0], builder.fmul(value, weight))]

            return e.repeat(n_columns, total, one_tap)

        (total,) = e.repeat(n_rows, [ir.Constant(vector, [0.0] * n)], one_row)
        factor = e.load(vector, e.address(scale), 4)
        bias = e.load(vector, e.offset(e.address(scale), tap_step), 4)
        e.store(builder.fadd(builder.fmul(total, factor), bias), e.address(to), 4)
        return context.get_dummy_value()

    return types.void(lanes, *(types.int64,) * 10), emit


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
