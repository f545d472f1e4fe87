"""Every value of one picture's run through a packed network, and what its binary layers are made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from xnorlab.kernels.packing import unpack_signs
from xnorlab.runtime.binary_layer import BinaryLayer, BinaryOp, Stage
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.network import Network
from xnorlab.runtime.ops import Add, AvgPool, BinaryConv, BinaryLinear, Flatten, GlobalAvgPool, MaxPool, Op, Sign
from xnorlab.runtime.ops.elementwise import PerChannel, Pointwise
from xnorlab.runtime.sign_rule import SignRule

_KEEPS_CHANNELS = (Pointwise, PerChannel, MaxPool, AvgPool, GlobalAvgPool)
"""Ops whose output channel c comes from their input channel c."""


def binary_ops(network: Network) -> dict[str, BinaryOp]:
    """The layers whose inputs and weights are both signs, by name, in order; none where inputs stay real."""
    return {op.name: op for op in network.ops if isinstance(op, BinaryConv | BinaryLinear)}


@dataclass(frozen=True, eq=False)
class Recording:
    """All values of one picture in a network that ran op by op, unfused.

    Attributes:
        network: that ran.
        values: by the name of their op, each with a batch of one; "input" holds the picture.
        fused: the output of the network's ordinary run, whose ops run together.
    """

    network: Network
    values: Mapping[str, np.ndarray]
    fused: np.ndarray
    _layers: dict[str, BinaryLayer] = field(default_factory=dict)

    @property
    def output(self) -> np.ndarray:
        """What the network answers, without the batch."""
        return self.values[self.network.ops[-1].name][0]

    @property
    def agrees(self) -> bool:
        """Whether the ordinary run gave the same output, bit for bit."""
        return np.array_equal(self.output, self.fused[0])

    @cached_property
    def _ops(self) -> dict[str, Op]:
        return {op.name: op for op in self.network.ops}

    def input_of(self, name: str) -> np.ndarray:
        """The (first) input of the op `name` as a map (H, W, C); of a vector (F,), a map (1, 1, F)."""
        return _as_map(self.values[self._ops[name].inputs[0]][0])

    def last_map_before(self, name: str) -> np.ndarray:
        """The map (H, W, C) on the way into the op `name` as it was before it was averaged and flattened."""
        source = self._ops[name].inputs[0]
        while source != INPUT and isinstance(self._ops[source], Flatten | GlobalAvgPool):
            source = self._ops[source].inputs[0]
        return _as_map(self.values[source][0])

    def layer(self, name: str) -> BinaryLayer:
        """What the binary layer `name` did with the picture, computed once.

        Raises:
            ValueError: there is no binary layer of this name.
        """
        known = binary_ops(self.network)
        if name not in known:
            raise ValueError(f"name={name!r} is no layer with binary inputs; there are {', '.join(known) or 'none'}")
        if name not in self._layers:
            self._layers[name] = self._built(known[name])
        return self._layers[name]

    def _built(self, op: BinaryOp) -> BinaryLayer:
        following, reader = self._following(op)
        x = self.input_of(op.name)
        if isinstance(op, BinaryConv):
            words, channels = op.words, op.channels // op.groups
            factors = op.factors(x[None])[0] if op.input_scale else None
        else:
            words, channels, factors = op.words[:, None, None], op.features, None
        return BinaryLayer(
            op=op,
            x=x,
            rule=SignRule.of(op, x.shape[2]),
            weights=unpack_signs(words, channels).astype(np.int8),
            input_scale=factors,
            value=_as_map(self.values[op.name][0]),
            stages=tuple(self._stages(op, following)),
            next_rule=None if reader is None else SignRule.of(reader, self.values[reader.inputs[0]].shape[-1]),
        )

    def _stages(self, op: Op, following: list[Op]) -> Iterator[Stage]:
        for stage in following:
            added = [name for name in stage.inputs if name != op.name]
            other = _as_map(self.values[added[0]][0]) if isinstance(stage, Add) and added else None
            yield Stage(stage, _as_map(self.values[stage.name][0]), other)
            op = stage

    def _following(self, op: Op) -> tuple[list[Op], BinaryOp | Sign | None]:
        """The ops on the way from `op` to the next sign, and what takes that sign; None where no sign follows."""
        readers: dict[str, list[Op]] = {}
        for reader in self.network.ops:
            for name in reader.inputs:
                readers.setdefault(name, []).append(reader)
        following, name = [], op.name
        while True:
            reading = readers.get(name, [])
            for reader in reading:
                if isinstance(reader, BinaryConv | BinaryLinear | Sign):
                    return following, reader
            onward = next((reader for reader in reading if isinstance(reader, _KEEPS_CHANNELS)), None)
            if onward is None:
                return following, None
            following.append(onward)
            name = onward.name


def record(network: Network, x: np.ndarray) -> Recording:
    """Run a network on one preprocessed picture, op by op, and keep every value.

    Args:
        network: any packed network.
        x: float32 (1, H, W, C) or (1, F), as `Network.run` takes it.

    Raises:
        ValueError: `x` is not one input of the network.
    """
    if not isinstance(x, np.ndarray) or x.ndim == 0 or len(x) != 1:
        given = f"shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        raise ValueError(f"x is {given}; the rule is one input, an array with a batch of 1")
    values = {INPUT: x}
    network.run(x, lambda op, value, seconds: values.update({op.name: value}))
    return Recording(network, values, network.run(x))


def _as_map(value: np.ndarray) -> np.ndarray:
    return value if value.ndim == 3 else value.reshape(1, 1, -1)
