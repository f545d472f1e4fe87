"""Which ops of a packed network run as one: a convolution, what follows it value by value, and the next sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from xnorlab.conventions import WORD_BITS
from xnorlab.runtime.ops.base import Op
from xnorlab.runtime.ops.convolutions import BinaryConv, BinaryWeightConv, Conv
from xnorlab.runtime.ops.elementwise import Add, Affine, Hardtanh, PReLU, ReLU

Tiled = Conv | BinaryWeightConv | BinaryConv

VALUEWISE = (Affine, ReLU, PReLU, Hardtanh, Add)


@dataclass(frozen=True)
class Group:
    """Ops that run as one. ops: in order; the first is what the group is about, the last one's value comes out.

    stored: somebody reads the value itself. signs_for: the convolution that reads the value's signs, which leave as
    packed words; None where there is none, or where it packs for itself.
    """

    ops: tuple[Op, ...]
    stored: bool = True
    signs_for: BinaryConv | None = None

    @property
    def name(self) -> str:
        """The name of the value that comes out."""
        return self.ops[-1].name


def is_tiled(op: Op) -> TypeGuard[Tiled]:
    """Whether the op is a convolution, whose sums end in an epilogue."""
    return isinstance(op, Tiled)


def groups(ops: Sequence[Op]) -> list[Group]:
    """The ops of a network, in an order in which they can run; every op is in exactly one group.

    A group goes on as long as its value has one reader, which works value by value, and as long as whatever else that
    reader needs (a shortcut) is there by then.
    """
    readers: dict[str, list[Op]] = {op.name: [] for op in ops}
    for op in ops:
        for name in op.inputs:
            if name in readers:
                readers[name].append(op)
    found: list[Group] = []
    ready: set[str] = set()
    taken: set[str] = set()
    for op in ops:
        if op.name in taken:
            continue
        group = _from(op, readers, ready) if is_tiled(op) else Group((op,))
        found.append(group)
        taken.update(member.name for member in group.ops)
        ready.add(group.name)
    return found


def _from(start: Op, readers: Mapping[str, list[Op]], ready: set[str]) -> Group:
    chain = [start]
    while True:
        reading = readers[chain[-1].name]
        if len(reading) != 1 or not _follows(reading[0], chain[-1].name, ready):
            break
        chain.append(reading[0])
    takers = [op for op in reading if isinstance(op, BinaryConv) and _takes_words(op)]
    signs_for = takers[0] if takers and _gives_words(start) else None
    others = [op for op in reading if op is not signs_for]
    return Group(tuple(chain), stored=bool(others) or not reading, signs_for=signs_for)


def _follows(op: Op, name: str, ready: set[str]) -> bool:
    """Whether `op` can work on the value `name` while it is in registers."""
    return isinstance(op, VALUEWISE) and op.inputs.count(name) == 1 and all(n in ready for n in op.inputs if n != name)


def _takes_words(op: BinaryConv) -> bool:
    """Words with unused bits and a running XOR would have to be cleared before every run: such layers pack.

    So do layers with K, which need their real input as well.
    """
    if op.input_scale or op.groups > 1:
        return False
    return op.channels % WORD_BITS == 0 or op.kernel.prefix == 1


def _gives_words(op: Op) -> bool:
    return is_tiled(op) and op.kernel.epilogue().gives_bits
