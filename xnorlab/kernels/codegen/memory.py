"""Instructions for memory: words at an address, counters that threads share, the prefetch of a cache line."""

from llvmlite import ir
from numba import types

from xnorlab.kernels.codegen.emitter import Emitter, instruction

_I32, _I64 = ir.IntType(32), ir.IntType(64)


@instruction
def prefetch(typing, address):
    """Bring the cache line at an address to the second-level cache."""

    def emit(context, builder, signature, arguments):
        e = Emitter(builder)
        flags = (ir.Constant(_I32, value) for value in (0, 2, 1))  # to read, second level, data
        e.call("llvm.prefetch.p0", ir.VoidType(), e.address(arguments[0]), *flags)
        return context.get_dummy_value()

    return types.void(types.int64), emit


@instruction
def load_int(typing, address):
    """The int64 at an address."""

    def emit(context, builder, signature, arguments):
        return builder.load(builder.inttoptr(arguments[0], _I64.as_pointer()), align=8)

    return types.int64(types.int64), emit


@instruction
def store_word(typing, address, word):
    """Write the uint64 `word` to an address."""

    def emit(context, builder, signature, arguments):
        builder.store(arguments[1], builder.inttoptr(arguments[0], _I64.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), emit


@instruction
def fetch_and_add(typing, address, amount):
    """Add to the int64 at an address as one step for all threads; returns what was there."""

    def emit(context, builder, signature, arguments):
        counter = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.atomic_rmw("add", counter, arguments[1], "acq_rel")

    return types.int64(types.int64, types.int64), emit
