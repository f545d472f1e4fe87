"""Instructions for memory: words at an address, what threads share, the prefetch of a cache line; calls of kernels."""

from llvmlite import ir
from numba import types

from xnorlab.kernels.codegen.emitter import Emitter, instruction
from xnorlab.kernels.codegen.processor import vector_unit

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
def merge_words(typing, lanes, to, words, shift):
    """Add the bits of `lanes` neighbouring uint64 at the address `words`, moved up by `shift`, to those at `to`."""
    if not isinstance(lanes, types.Literal):
        return None
    n = lanes.literal_value

    def emit(context, builder, signature, arguments):
        e, kind = Emitter(builder), ir.VectorType(_I64, n)
        to, words, shift = e.address(arguments[1]), e.address(arguments[2]), e.splat(arguments[3], n)
        e.store(builder.or_(e.load(kind, to, 8), builder.shl(e.load(kind, words, 8), shift)), to, 8)
        return context.get_dummy_value()

    return types.void(lanes, types.int64, types.int64, types.int64), emit


@instruction
def fetch_and_add(typing, address, amount):
    """Add to the int64 at an address as one step for all threads; returns what was there."""

    def emit(context, builder, signature, arguments):
        counter = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.atomic_rmw("add", counter, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), emit


@instruction
def atomic_load(typing, address):
    """The int64 at an address, which other threads write."""

    def emit(context, builder, signature, arguments):
        return builder.load_atomic(builder.inttoptr(arguments[0], _I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), emit


@instruction
def atomic_store(typing, address, value):
    """Write the int64 `value` to an address that other threads read, after all that was written before."""

    def emit(context, builder, signature, arguments):
        builder.store_atomic(arguments[1], builder.inttoptr(arguments[0], _I64.as_pointer()), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@instruction
def pause(typing):
    """Wait a moment between two looks at what another thread writes."""

    def emit(context, builder, signature, arguments):
        e = Emitter(builder)
        if vector_unit(context).arm:
            e.call("llvm.aarch64.hint", ir.VoidType(), ir.Constant(_I32, 1))  # yield
        else:
            e.call("llvm.x86.sse2.pause", ir.VoidType())
        return context.get_dummy_value()

    return types.void(), emit


@instruction
def call_kernel(typing, function, argument, scratch, counters, part, parts):
    """Call the machine code at the address `function` with five int64 (see `jit.Kernel.address`)."""

    def emit(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [_I64] * 5)
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 6), emit
