"""LLVM code from Python: a thin layer over llvmlite's builder, and the decorator of functions that emit."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def instruction(function: Callable) -> Any:
    """Decorator: kernels call the function, which says how to emit it as LLVM code (`numba.extending.intrinsic`)."""
    return intrinsic(prefer_literal=True)(function)


class Emitter:
    """A thin layer over llvmlite's builder: byte addresses, splats, loops with carried values."""

    def __init__(self, builder: ir.IRBuilder):
        self.b = builder

    def address(self, integer):
        """Turn an integer into the address of bytes."""
        return self.b.inttoptr(integer, _I8.as_pointer())

    def load_address(self, integer, pointer):
        """An integer as a pointer of LLVM type `pointer`."""
        return self.b.inttoptr(integer, pointer)

    def offset(self, address, n_bytes):
        """`address` + `n_bytes`, a value or a number."""
        return self.b.gep(address, [n_bytes if isinstance(n_bytes, ir.Value) else ir.Constant(_I64, n_bytes)])

    def load(self, kind, address, align):
        """Read a value of LLVM type `kind`."""
        return self.b.load(self.b.bitcast(address, kind.as_pointer()), align=align)

    def store(self, value, address, align):
        """Write `value`."""
        self.b.store(value, self.b.bitcast(address, value.type.as_pointer()), align=align)

    def lanes_below(self, bound, lanes, n_vectors):
        """Masks of the lanes below `bound`, for each of `n_vectors` vectors, through which lanes are numbered."""
        limit, numbers = self.splat(self.b.trunc(bound, _I32), lanes), ir.VectorType(_I32, lanes)
        each = [ir.Constant(numbers, [v * lanes + i for i in range(lanes)]) for v in range(n_vectors)]
        return [self.b.icmp_signed("<", number, limit) for number in each]

    def load_masked(self, kind, address, mask):
        """Read the lanes of a vector of floats where the mask is set; the others are 0, and not touched."""
        name, zeros = f"llvm.masked.load.v{kind.count}f32.p0", ir.Constant(kind, [0.0] * kind.count)
        return self.call(name, kind, self.b.bitcast(address, kind.as_pointer()), ir.Constant(_I32, 4), mask, zeros)

    def store_masked(self, value, address, mask):
        """Write the lanes of a vector of floats where the mask is set."""
        kind = value.type
        at = self.b.bitcast(address, kind.as_pointer())
        name = f"llvm.masked.store.v{kind.count}f32.p0"
        self.call(name, ir.VoidType(), value, at, ir.Constant(_I32, 4), mask)

    def splat(self, scalar, lanes):
        """`scalar` in every lane of a vector."""
        undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
        first = self.b.insert_element(undefined, scalar, ir.Constant(_I32, 0))
        return self.b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))

    def across(self, combine, vector):
        """Combine all lanes of a vector, one after the other."""
        lanes = (ir.Constant(_I32, i) for i in range(vector.type.count))
        return reduce(combine, [self.b.extract_element(vector, lane) for lane in lanes])

    def call(self, name, result, *arguments):
        """Call an LLVM intrinsic by its full name."""
        kind = ir.FunctionType(result, [a.type for a in arguments])
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, name), arguments)

    def pin(self, value, register):
        """Pass `value` through an empty assembler line, across which LLVM moves no other step.

        LLVM's scheduler would otherwise load for all pixels of a tile first, and move accumulators to memory for it.
        register: the assembler's letter for vector registers.
        """
        kind = ir.FunctionType(value.type, [value.type])
        return self.b.asm(kind, "", f"={register},0,~{{memory}}", [value], True)

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
        # An empty assembler line keeps LLVM from unrolling: no gain for full registers, and twice the code.
        self.b.asm(ir.FunctionType(ir.VoidType(), []), "", "", [], True)
        following = body(index, carried)
        index.add_incoming(ir.Constant(_I64, 0), entry)
        index.add_incoming(self.b.add(index, ir.Constant(_I64, 1)), self.b.block)
        for phi, first, later in zip(carried, state, following, strict=True):
            phi.add_incoming(first, entry)
            phi.add_incoming(later, self.b.block)
        self.b.branch(head)
        self.b.position_at_end(end)
        return carried

    def either(self, condition, if_true, if_false):
        """The values that one of two functions gives, `if_true` being unlikely; only that one runs."""
        with self.b.if_else(condition, likely=False) as (then, otherwise):
            with then:
                first, first_end = if_true(), self.b.block
            with otherwise:
                second, second_end = if_false(), self.b.block
        merged = []
        for one, other in zip(first, second, strict=True):
            merged.append(self.b.phi(one.type))
            merged[-1].add_incoming(one, first_end)
            merged[-1].add_incoming(other, second_end)
        return merged

    def choose(self, code, cases, state):
        """`state = cases[code](state)`, for one value of `code` in `cases`: a jump, not a chain of selects."""
        entry, end = self.b.block, self.b.append_basic_block("chosen")
        switch = self.b.switch(code, end)
        arrivals = [(entry, state)]
        for value, body in cases.items():
            block = self.b.append_basic_block(f"case{value}")
            switch.add_case(ir.Constant(_I64, value), block)
            self.b.position_at_end(block)
            after = body(state)
            arrivals.append((self.b.block, after))
            self.b.branch(end)
        self.b.position_at_end(end)
        merged = [self.b.phi(value.type) for value in state]
        for block, values in arrivals:
            for phi, value in zip(merged, values, strict=True):
                phi.add_incoming(value, block)
        return merged
