"""Instructions on registers alone: a fused multiply-add, a power of two, and loops that show the processor's limit."""

from functools import reduce

from llvmlite import ir
from numba import types

from xnorlab.kernels.codegen.emitter import Emitter, instruction
from xnorlab.kernels.codegen.processor import vector_unit

_I32 = ir.IntType(32)


@instruction
def fused_multiply_add(typing, x, a, b):
    """x·a + b with one rounding: LLVM's fma, one instruction wherever the processor has it."""

    def emit(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), emit


@instruction
def power_of_two(typing, shifted):
    """2^n as a float32, n from −126 to 127; shifted: float32 1.5·2²³ + n, whose last bits are those of n."""

    def emit(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], _I32)
        return builder.bitcast(builder.shl(builder.add(bits, _I32(127)), _I32(23)), ir.FloatType())

    return types.float32(types.float32), emit


@instruction
def count_on_registers(typing, rounds, seed):
    """Do xor, count and add `rounds` times on each accumulator; return their sum, so that no step can be left out."""

    def emit(context, builder, signature, arguments):
        e, unit = Emitter(builder), vector_unit(context)
        lanes, n = unit.bits // 64, unit.accumulators
        vector = ir.VectorType(ir.IntType(64), lanes)
        pattern = e.splat(arguments[1], lanes)

        def one_round(_, sums):
            counts = [e.call(f"llvm.ctpop.v{lanes}i64", vector, builder.xor(s, pattern)) for s in sums]
            return [builder.add(s, c) for s, c in zip(sums, counts, strict=True)]

        sums = e.repeat(arguments[0], [ir.Constant(vector, [i] * lanes) for i in range(n)], one_round)
        return e.across(builder.add, reduce(builder.add, sums))

    return types.int64(types.int64, types.int64), emit


@instruction
def multiply_add_on_registers(typing, rounds, factor):
    """Make each accumulator s · factor + factor, `rounds` times; return their sum, so that no step can be left out."""

    def emit(context, builder, signature, arguments):
        e, unit = Emitter(builder), vector_unit(context)
        lanes = unit.bits // 32
        vector = ir.VectorType(ir.FloatType(), lanes)
        pattern = e.splat(arguments[1], lanes)
        name = f"llvm.fmuladd.v{lanes}f32"  # one instruction where there is one, else two

        def one_round(_, sums):
            return [e.call(name, vector, s, pattern, pattern) for s in sums]

        starts = [ir.Constant(vector, [float(i)] * lanes) for i in range(unit.accumulators)]
        return e.across(builder.fadd, reduce(builder.fadd, e.repeat(arguments[0], starts, one_round)))

    return types.float32(types.int64, types.float32), emit
