"""Loops of nothing but a kernel's arithmetic, with all operands in registers: their time is the processor's limit."""

from xnorlab.kernels.codegen.arithmetic import count_on_registers, multiply_add_on_registers
from xnorlab.kernels.codegen.lookup import look_up_on_registers
from xnorlab.kernels.jit import kernel


@kernel
def count_loop(rounds, seed):
    """Do xor, count and add `rounds` times on every accumulator (see `VectorUnit`); returns their sum, an int64."""
    return count_on_registers(rounds, seed)


@kernel
def look_up_loop(rounds, seed):
    """Do the work of a round of lookups (see codegen/lookup.py) `rounds` times; returns a sum, an int64."""
    return look_up_on_registers(rounds, seed)


@kernel
def multiply_add_loop(rounds, factor):
    """Make every accumulator s · factor + factor, `rounds` times; returns their sum. factor: float32."""
    return multiply_add_on_registers(rounds, factor)
