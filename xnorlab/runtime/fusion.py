"""Groups of ops that run as one: a convolution, what follows it value by value, and the next sign."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from xnorlab.conventions import WORD_BITS
from xnorlab.runtime.ops import BinaryConv, Op
from xnorlab.runtime.ops.convolutions import Convolution
from xnorlab.runtime.ops.elementwise import EpilogueOp


@dataclass(frozen=True)
class Group:
    """Ops that run as one.

    Attributes:
        main: the first op.
        following: ops that run in its epilogue, in order.
        stored: whether somebody reads the value that comes out.
        signs_for: the convolution that reads the value's signs, which leave as packed words; None where there is
            none, or where it packs for itself.
    """

    main: Op
    following: tuple[EpilogueOp, ...] = ()
    stored: bool = True
    signs_for: BinaryConv | None = None

    @property
    def ops(self) -> tuple[Op, ...]:
        """All ops, in order."""
        return (self.main, *self.following)

    @property
    def name(self) -> str:
        """The name of the value that comes out."""
        return self.ops[-1].name


def groups(ops: Sequence[Op], outputs: Collection[str] = ()) -> list[Group]:
    """The ops of a network, in an order in which they can run; every op is in exactly one group.

    A group goes on as long as its value has one reader, which works value by value, and as long as whatever else that
    reader needs (a shortcut) is there by then. The caller counts as a reader of each of the `outputs`.
    """
    readers: dict[str, list[Op | None]] = {op.name: [None] if op.name in outputs else [] for op in ops}
    for op in ops:
        for name in op.inputs:
            if name in readers:
                readers[name].append(op)
    made: list[Group] = []
    ready: set[str] = set()
    taken: set[str] = set()
    for op in ops:
        if op.name in taken:
            continue
        group = _from(op, readers, ready) if isinstance(op, Convolution) and op.is_tiled else Group(op)
        made.append(group)
        taken.update(member.name for member in group.ops)
        ready.add(group.name)
    return made


def _from(main: Convolution, readers: Mapping[str, list[Op | None]], ready: set[str]) -> Group:
    following: list[EpilogueOp] = []
    name, reading = main.name, readers[main.name]
    while len(reading) == 1 and isinstance(op := reading[0], EpilogueOp) and _can_follow(op, name, ready):
        following.append(op)
        name, reading = op.name, readers[op.name]
    takers = [op for op in reading if isinstance(op, BinaryConv) and _takes_words(op)]
    signs_for = takers[0] if takers and main.kernel.epilogue().gives_bits else None
    others = [op for op in reading if op is None or op is not signs_for]
    return Group(main, tuple(following), stored=bool(others) or not reading, signs_for=signs_for)


def _can_follow(op: EpilogueOp, name: str, ready: set[str]) -> bool:
    """Whether `op` can work on the value `name` while it is in registers."""
    return op.inputs.count(name) == 1 and all(n in ready for n in op.inputs if n != name)


def _takes_words(op: BinaryConv) -> bool:
    """Whether `op` can read words that an epilogue writes.

    Words with unused bits and a running XOR would have to be cleared before every run, so such layers pack for
    themselves. So do layers with K, which need their real input as well.
    """
    if op.input_scale or op.kernel.word_groups > 1:
        return False
    return op.channels % WORD_BITS == 0 or op.kernel.reads_plain_words
