"""The builder of packed networks: nodes of a traced model become ops, with one handler for each kind of node."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.export import thresholds
from xnorlab.export.errors import ExportError
from xnorlab.export.trace import Traced
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.ops import Op

Handler = Callable[..., None]
HANDLERS: dict[Any, Handler] = {}
"""The handlers of nodes by module class, by function, or by the name of a tensor method."""

SIGNS = (ClippedSign, BiRealSign, RSign)
"""Input binarizers that give −1 and +1."""


def packs(*targets: Any) -> Callable[[Handler], Handler]:
    """Decorator: the function packs the nodes of these targets.

    The handler of a module gets (builder, node, module, input). That of a function or a method gets (builder, node)
    and the call's own arguments, bound by Python: values that depend on the input as nodes, all others as what they
    are.

    Args:
        targets: module classes, functions, and names of tensor methods.
    """

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(targets, handler))
        return handler

    return register


def is_sign(module: nn.Module | None) -> bool:
    """Whether an input binarizer gives −1 and +1."""
    return isinstance(module, SIGNS) or (isinstance(module, KBit) and module.bits == 1)


@dataclass(frozen=True)
class _Pending:
    """A step that is packed only where its value is needed: a sign behind it needs only a threshold."""

    source: Node
    emit: Callable[[str], str]
    monotone: bool


class Builder:
    """The network under construction.

    Attributes:
        traced: the model.
        ops: by name, in order.
        computes: for each op the node whose value it gives, None for a value that torch does not have.
        order: for vectors that were maps, the position among torch's features of each of the runtime's features.
        fixed_by: what is right at the example's height and width only, for `Network`; empty where nothing is.
        whole_windows: by name of their op, pools that are right only where no window reaches beyond the map.
    """

    def __init__(self, traced: Traced):
        self.traced = traced
        self.ops: dict[str, Op] = {}
        self.computes: dict[str, Node | None] = {INPUT: traced.input}
        self.order: dict[Node, np.ndarray | None] = {traced.input: None}
        self.fixed_by = ""
        self.whole_windows: dict[str, Node] = {}
        self._settled: set[Node] = set()
        self._names: dict[Node, str] = {traced.input: INPUT}
        self._pending: dict[Node, _Pending] = {}
        self._exact = _nodes_before_a_sign(traced)

    def build(self) -> list[Op]:
        """Pack all nodes; raises ExportError at the first one that cannot be packed."""
        for node in self.traced.nodes:
            if node.target is torch._assert and self.traced.arguments(node).maps:
                self.fix(node, "checks a height or a width of its input")
            if node is not self.traced.input and self.traced.varies(node):
                try:
                    _dispatch(self, node)
                    self._check_constants(node)
                except ValueError as error:  # ExportError, and what the ops' own checks raise
                    raise self.traced.refusal(node, str(error)) from None
        output = self.traced.output
        if self.order[output] is not None:
            raise self.traced.refusal(output, "a flattened map can only be packed with a Linear behind it")
        last = self.name_of(output)
        return self._without_unused(last)

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
        while node in self._pending:  # pending steps work on each value alone
            node = self._pending[node].source
        return node

    def _check_constants(self, node: Node) -> None:
        """Refuse constants that the example's batch size gave; note those that its height and width gave."""
        if node in self._settled:
            return
        reads = self.traced.arguments(node)
        if reads.batch:
            raise ExportError("computes with the number of inputs in the batch, on which no answer may depend")
        if reads.maps:
            self.fix(node, "takes a number that the model computed from its input's height or width")

    def _without_unused(self, last: str) -> list[Op]:
        if last == INPUT:
            raise ExportError("the model gives its input back: there is nothing to pack")
        kept, needed = [], {last}
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

    def later(self, node: Node, source: Node, emit: Callable[[str], str], *, monotone: bool) -> None:
        """Record a node that is packed only where its value is needed.

        Args:
            node: works on each value of `source` alone.
            source: its input.
            emit: packs the node: takes the name of the source's value, returns that of the node's.
            monotone: whether the node is monotone in each channel.
        """
        self._pending[node] = _Pending(source, emit, monotone)
        self.order[node] = self.order[source]

    def same(self, node: Node, source: Node) -> None:
        """Record that `node` returns the value of `source`."""
        self.later(node, source, lambda name: name, monotone=True)

    def name_of(self, node: Node) -> str:
        """The name of the value of `node`, packed now if it was pending."""
        if node not in self._names:
            pending = self._pending[node]
            self._names[node] = pending.emit(self.name_of(pending.source))
        return self._names[node]

    def must_stay_exact(self, node: Node) -> bool:
        """Whether a sign or a quantizer comes later, so that the last bit of the node's value can matter."""
        return node in self._exact

    def ordered(self, values: np.ndarray, node: Node) -> np.ndarray:
        """`values`, one per feature of torch's `node` along the last axis, in the order of the runtime."""
        order = self.order[node]
        return values if order is None else np.ascontiguousarray(values[..., order])

    def sign_of(self, node: Node, binarizer: nn.Module, *, fold: bool = True) -> tuple[str, dict[str, np.ndarray]]:
        """Find how to take the signs of `node`.

        Args:
            node: whose signs are taken.
            binarizer: takes them in torch.
            fold: whether pending monotone steps that nobody else reads may become part of the threshold.

        Returns:
            The name of the value to compare, and its threshold and flip by these names, where they are not trivial.
        """
        chain: list[Node] = []
        start = node
        while fold and start not in self._names and self._pending[start].monotone and len(start.users) == 1:
            chain.insert(0, start)
            start = self._pending[start].source

        def is_plus(x: Tensor) -> Tensor:
            for step in chain:
                x = self.traced.call(step, x)
            return binarizer(x) > 0

        with torch.no_grad():
            threshold, flip = thresholds.find(is_plus, self.traced.channels(start), self.traced.values[start].dim())
        fields = {}
        if threshold.any():
            fields["threshold"] = self.ordered(threshold, start)
        if flip.any():
            fields["flip"] = self.ordered(flip, start)
        return self.name_of(start), fields


def _nodes_before_a_sign(traced: Traced) -> set[Node]:
    before: set[Node] = set()
    for node in reversed(traced.nodes):
        module = traced.called(node) if node.op == "call_module" else None
        binarizes = isinstance(module, (*SIGNS, KBit)) or getattr(module, "input_binarizer", None) is not None
        if binarizes or node in before:
            before.update(node.all_input_nodes)
    return before


def _dispatch(builder: Builder, node: Node) -> None:
    traced = builder.traced
    if traced.values[node].is_complex():
        raise ExportError("gives complex numbers; only real ones can be packed")
    args, kwargs = traced.constant((node.args, node.kwargs))
    if node.op == "call_module":
        module = traced.called(node)
        known = (cls for cls in type(module).__mro__ if cls in HANDLERS and cls.forward is type(module).forward)
        handler = HANDLERS.get(next(known, None))
        args = (module, *args)
    else:
        handler = HANDLERS.get(node.target)
    if handler is None:
        raise ExportError(f"cannot be packed; what can: {_packable()}")
    if traced.arguments(node).values:
        raise ExportError(
            "takes numbers that the model computed from its input and that are no plain sizes; these cannot be packed"
        )
    try:
        bound = inspect.signature(handler).bind(builder, node, *args, **kwargs)
    except TypeError as error:
        raise ExportError(f"cannot be packed with these arguments ({error})") from None
    handler(*bound.args, **bound.kwargs)


def _packable() -> str:
    modules = sorted({target.__name__ for target in HANDLERS if isinstance(target, type)})
    functions = sorted({target for target in HANDLERS if isinstance(target, str) and not target.endswith("_")})
    return f"the modules {', '.join(modules)}; the functions and methods {', '.join(functions)}; sums and shifts"
