"""The builder of packed networks: nodes of a traced model become ops, with one handler for each kind of node."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node

from xnorlab.export import steps
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import dispatch
from xnorlab.export.rearranged import Base, Rearranged
from xnorlab.export.sign_folding import nodes_before_a_sign
from xnorlab.export.traced import Traced
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.ops import Op, Select

_NUMBER = "takes a number that the model computed from its input's height or width"


@dataclass(frozen=True)
class Pending:
    """A step that is packed only where its value is needed: a sign behind it needs only a threshold.

    Attributes:
        source: its input.
        emit: packs the step: takes the name of the source's value, returns that of the step's.
        compute: torch's own computation of the step from another input.
        monotone: whether it is monotone in each channel.
        rounds: whether it is so only up to the rounding of a function that torch approximates.
        takes_steps: whether its value is one of few: a sign, a comparison.
        changes: whether its value is another than its source's.
    """

    source: Node
    emit: Callable[[str], str]
    compute: Callable[[Tensor], Tensor]
    monotone: bool
    rounds: bool = False
    takes_steps: bool = False
    changes: bool = True


class Builder:
    """The network under construction.

    Attributes:
        traced: the model.
        ops: by name, in order.
        computes: for each op the node whose value it gives, None for a value that torch does not have.
        order: for vectors that were maps, the position among torch's features of each of the runtime's features.
        fixed_by: what is right at the example's height and width only, for `Network`; empty where nothing is.
        outputs: the names of the ops that give the model's results, by their place in what it returns.
        rounds_up: names of pools that round the number of their windows up (torch's ceil_mode).
    """

    def __init__(self, traced: Traced):
        self.traced = traced
        self.ops: dict[str, Op] = {}
        self.computes: dict[str, Node | None] = {INPUT: traced.input}
        self.order: dict[Node, np.ndarray | None] = {traced.input: None}
        self.fixed_by = ""
        self.outputs: dict[str, str] = {}
        self.rounds_up: list[str] = []
        self._settled: set[Node] = set()
        self._names: dict[Node, str] = {traced.input: INPUT}
        self.pending: dict[Node, Pending] = {}
        self._moved: dict[Node, Rearranged] = {}
        self._exact = nodes_before_a_sign(traced)

    def build(self) -> list[Op]:
        """Pack all nodes; raises ExportError at the first one that cannot be packed."""
        for node in self.traced.nodes:
            if node.target is torch._assert and self.traced.arguments(node).maps:
                self.fix(node, "checks a height or a width of its input")
            self._check_branch(node)
            if node is not self.traced.input and self.traced.varies(node):
                try:
                    dispatch(self, node)
                    self._check_constants(node)
                except ValueError as error:  # ExportError, and what the ops' own checks raise
                    raise self.traced.refusal(node, str(error)) from None
        for name, node in self.traced.outputs.items():
            if not self.traced.varies(node):
                raise self.traced.refusal(node, "gives a result that does not depend on the input", another_op=False)
            self.outputs[name] = self.in_torchs_order(node)
        return self._without_unused(set(self.outputs.values()))

    def _check_branch(self, node: Node) -> None:
        """Refuse what decides by numbers or the batch; note what decides by a height or a width."""
        if self.traced.decides(node):
            reads = self.traced.reads(node)
            if reads.values or reads.batch:
                by = "numbers of its input" if reads.values else "the number of inputs in the batch"
                raise self.traced.refusal(node, f"takes a branch by {by}, which cannot be packed", another_op=False)
            if reads.maps:
                self.fix(node, "takes a branch by a height or a width of its input")
        parts = self.traced.values[node]
        if self.traced.counts(node) and self.traced.varies(node):
            dim = node.kwargs.get("dim", node.args[-1] if len(node.args) > 1 else 0)
            if not isinstance(parts[0], Tensor) or dim != 1:
                self.fix(node, "gives as many parts as its input's height or width makes")

    def fix(self, node: Node, why: str) -> None:
        """Record that `node` is right at the example's height and width only."""
        self.fixed_by = self.fixed_by or f"{self.traced.title(node)} {why}"

    def settle(self, node: Node) -> None:
        """Record that `node` is packed right whatever sizes it is given."""
        self._settled.add(node)

    def same_map(self, a: Node, b: Node) -> bool:
        """Whether two values are known to have one height and width at every input."""
        return self._origin(a) is self._origin(b)

    def _origin(self, node: Node) -> Node:
        while node in self.pending:  # pending steps work on each value alone
            node = self.pending[node].source
        return node

    def _check_constants(self, node: Node) -> None:
        """Refuse constants that the example's batch size gave; note those that its height and width gave."""
        if node in self._settled:
            return
        reads = self.traced.arguments(node)
        constants = [source for source in node.all_input_nodes if not self.traced.varies(source)]
        varying = [source for source in node.all_input_nodes if self.traced.varies(source)]
        spread = all(self.traced.is_spread(source) for source in constants)
        if spread and all(any(self.same_map(map, source) for source in varying) for map in reads.maps):
            return
        if reads.batch:
            raise ExportError("computes with the number of inputs in the batch, on which no answer may depend")
        if reads.maps:
            self.fix(node, _NUMBER)

    def _without_unused(self, needed: set[str]) -> list[Op]:
        if INPUT in needed:
            raise ExportError("the model gives its input back: there is nothing to pack")
        kept: list[Op] = []
        for name, op in reversed(self.ops.items()):
            if name in needed:
                kept.append(op)
                needed.update(op.inputs)
        return kept[::-1]

    def add(self, kind: type[Op], node: Node, *sources: str, suffix: str = "", **fields: Any) -> str:
        """Append an op.

        Args:
            kind: class of the op.
            node: that it packs.
            sources: names of the op's inputs.
            suffix: names a value that only the packed network has; empty for the value of `node`.
            fields: of the op.

        Returns:
            The name of the op, made from the node's path.
        """
        name = base = self.traced.path(node) + (f".{suffix}" if suffix else "")
        count = 1
        while name in self.ops or name == INPUT:
            count += 1
            name = f"{base}#{count}"
        self.ops[name] = kind(name=name, inputs=sources, **fields)
        self.computes[name] = None if suffix else node
        return name

    def replace(self, name: str, node: Node, op: Op) -> None:
        """Replace an earlier op by `op`, which gives the value of `node`."""
        self.ops[name] = op
        self.computes[name] = node

    def give(self, node: Node, name: str, order: np.ndarray | None = None) -> None:
        """Record which op gives the value of `node`."""
        self._names[node] = name
        self.order[node] = order

    def later(
        self,
        node: Node,
        source: Node,
        emit: Callable[[str], str],
        *,
        monotone: bool,
        compute: Callable[[Tensor], Tensor] | None = None,
        **how: bool,
    ) -> None:
        """Record a node that is packed only where its value is needed.

        Args:
            node: works on each value of `source` alone.
            source: its input.
            emit: packs the node: takes the name of the source's value, returns that of the node's.
            monotone: whether the node is monotone in each channel.
            compute: the node's value from another input, where that is not a call of the node alone.
            how: see `Pending`.
        """
        compute = partial(self.traced.call, node) if compute is None else compute
        self.pending[node] = Pending(source, emit, compute, monotone, **how)
        self.order[node] = self.order[source]

    def same(self, node: Node, source: Node) -> None:
        """Record that `node` returns the value of `source`."""
        if source in self._moved:  # a copy in the middle of a chain of moves does not end it
            self._moved[node], self.order[node] = self._moved[source], self.order[source]
            return
        self.later(node, source, lambda name: name, monotone=True, compute=lambda x: x, changes=False)

    def unchanged(self, node: Node) -> Node:
        """The node whose value `node` returns, itself where it computes one."""
        while node in self.pending and not self.pending[node].changes:
            node = self.pending[node].source
        return node

    def name_of(self, node: Node) -> str:
        """The name of the value of `node`, packed now if it was pending."""
        if node in self._moved and node not in self._names:
            self._names[node] = self._settle_move(node)
        if node not in self._names:
            levels = steps.find(self, node)
            if levels is None:
                pending = self.pending[node]
                self._names[node] = pending.emit(self.name_of(pending.source))
            else:
                self._names[node] = levels.pack(self, node)
        return self._names[node]

    def has_name(self, node: Node) -> bool:
        """Whether the value of `node` is packed already."""
        return node in self._names

    def moved(self, node: Node) -> Rearranged:
        """How `node` comes from a value that the packed network has; in the simplest case it is that value."""
        if node not in self._moved:
            base = Base(lambda: self.name_of(node), tuple(self.traced.values[node].shape), self.order[node], node, node)
            return Rearranged(self, base)
        return self._moved[node]

    def rearrange(self, node: Node, source: Node) -> None:
        """Record that `node` moves the numbers of `source`; it is packed only where its value is needed."""
        self.settle(node)
        self.move(node, self.moved(source).then(node))

    def move(self, node: Node, moved: Rearranged) -> None:
        """Record where the numbers of `node` come from."""
        if moved.is_same and moved.base.node is not None:
            self.same(node, moved.base.node)
            return
        self._moved[node] = moved
        self.order[node] = None
        value = self.traced.values[node]
        if isinstance(value, Tensor) and value.dim() == 2 and not isinstance(moved.layout, str):
            self.order[node] = moved.layout.order

    def _settle_move(self, node: Node) -> str:
        """Pack a rearranged value; returns its name."""
        moved = self._moved[node]
        layout = moved.layout
        if isinstance(layout, str):
            raise self.traced.refusal(node, layout)
        if not moved.holds(layout):
            is_map = self.traced.values[node].dim() == 4
            self.fix(node, "gives its input a height and a width that are not always its own" if is_map else _NUMBER)
        name = moved.base.emit()
        last = len(layout.kinds) - 1
        for i, (kind, fields) in enumerate(layout.kinds):
            name = self.add(kind, node, name, suffix="" if i == last else kind.kind, **fields)
        if not layout.kinds and self.computes[name] is None:
            self.computes[name] = node
        return name

    def in_torchs_order(self, node: Node) -> str:
        """The name of the value of `node`, whose features stand as torch has them."""
        name, order = self.name_of(node), self.order[node]
        if order is None:
            return name
        return self.add(Select, node, name, suffix="in order", indices=np.argsort(order).astype(np.uint64))

    def demand_map(self, node: Node) -> None:
        """Raise unless the value of `node` is a map (N, C, H, W)."""
        shape = tuple(self.traced.values[node].shape)
        if len(shape) != 4:
            raise ExportError(f"works on shape {shape}; the rule is a map (N, C, H, W)")

    def must_stay_exact(self, node: Node) -> bool:
        """Whether a sign or a quantizer comes later, so that the last bit of the node's value can matter."""
        return node in self._exact

    def ordered(self, values: np.ndarray, node: Node) -> np.ndarray:
        """`values`, one per feature of torch's `node` along the last axis, in the order of the runtime."""
        order = self.order[node]
        return values if order is None else np.ascontiguousarray(values[..., order])

    def sign_fields(self, threshold: np.ndarray, flip: np.ndarray, start: Node) -> dict[str, np.ndarray]:
        """The fields of a sign of `start` that are not trivial, in the order of the runtime."""
        fields = {}
        if threshold.any():
            fields["threshold"] = self.ordered(threshold, start)
        if flip.any():
            fields["flip"] = self.ordered(flip, start)
        return fields
