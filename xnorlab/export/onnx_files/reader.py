"""The reader of ONNX graphs: nodes become ops of a packed network, with one handler for each operator."""

import inspect
import math
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files import moving
from xnorlab.export.onnx_files.constants import ordered, spread
from xnorlab.export.onnx_files.handlers import HANDLERS, readable
from xnorlab.export.onnx_files.parsing import Graph, Node
from xnorlab.export.onnx_files.values import Constant, Draft, Known, Magnitude, Moved, Signs, Value
from xnorlab.printable import one_line
from xnorlab.runtime import ops
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.limits import MAX_BYTES, MAX_VALUES
from xnorlab.runtime.ops import Op, Shape

_REASONS = {("", "Sign"): "the operator gives 0 for 0, which takes more than a bit; signs are GreaterOrEqual and Where"}
"""Why an operator is refused, where there is more to say than that it cannot be read."""


class Reader:
    """The packed network under construction.

    Attributes:
        graph: that is read.
        ops: those that are complete, in order.
        values: what each name of the graph stands for.
        fixed_by: what is right at the file's height and width only, for `Network`; empty where nothing is.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self.ops: list[Op] = []
        shape = graph.input_shape
        self._shapes: dict[str, Shape] = {INPUT: (*shape[1:], shape[0]) if len(shape) == 3 else shape}
        # The shapes where the input is a larger map; None where the ops do not take one.
        self._larger: dict[str, Shape | None] = {INPUT: _larger(self._shapes[INPUT])}
        self.fixed_by = ""
        self.values: dict[str, Known] = {name: Constant(array) for name, array in graph.constants.items()}
        self.values[graph.input] = Value(Draft(None, INPUT, (), {}, 0))
        self._uses = Counter([name for node in graph.nodes for name in node.inputs])
        self._uses.update(graph.outputs)
        self._counter = count()
        self._steps: dict[str, int] = {}
        self._held = 0
        _check_size(self.input_shape)

    @property
    def input_shape(self) -> Shape:
        """(H, W, C) or (F,)."""
        return self._shapes[INPUT]

    def read(self) -> dict[str, str]:
        """Read all nodes; returns the ops that give the outputs, by the outputs' names in the graph."""
        for node in self.graph.nodes:
            try:
                self._read(node)
            except ValueError as error:  # ExportError, and what the ops' own checks raise
                raise ExportError(f"{node}: {error}") from None
        outputs = {}
        for name in self.graph.outputs:
            try:
                outputs[name] = self.name(self.settled(self.real(self._known(name))))
            except ValueError as error:
                raise ExportError(f"output {one_line(name)[:200]!r}: {error}") from None
        needed = set(outputs.values())
        if INPUT in needed:
            raise ExportError("gives its input back: there is nothing to pack")
        for op in reversed(self.ops):
            if op.name in needed:
                needed.update(op.inputs)
        self.ops = sorted((op for op in self.ops if op.name in needed), key=lambda op: self._steps[op.name])
        return outputs

    def _read(self, node: Node) -> None:
        handler = HANDLERS.get((node.domain, node.kind))
        if handler is None:
            why = _REASONS.get((node.domain, node.kind), "the operator cannot be read")
            raise ExportError(f"{why}; what can be read: {readable()}")
        inputs = [self._known(name) if name else None for name in node.inputs]
        try:
            bound = inspect.signature(handler).bind(self, node, *inputs)
        except TypeError:
            raise ExportError(f"has {len(inputs)} inputs, which do not fit the operator") from None
        result = handler(*bound.args)
        results = result if isinstance(result, list) else [result]
        unread = [name for name in node.outputs[len(results) :] if name and self._uses[name]]
        if unread:
            raise ExportError(f"its output {one_line(unread[0])[:200]!r} is used, which cannot be read")
        for name, value in zip(node.outputs, results, strict=False):
            if name in self.values:
                raise ExportError(f"its output {one_line(name)[:200]!r} exists already")
            if name:
                self.values[name] = value

    def _known(self, name: str) -> Known:
        if name not in self.values:
            raise ExportError(f"reads {one_line(name)[:200]!r}, which no earlier node gives")
        return self.values[name]

    def emit(self, name: str, kind: type[Op], *sources: Value, order: np.ndarray | None = None, **fields: Any) -> Value:
        """The value of a new op.

        Args:
            name: of the op.
            kind: its class.
            sources: what it reads.
            order: of the value, as in `Value`.
            fields: of the op.
        """
        self.hold(sum(array.nbytes for array in fields.values() if isinstance(array, np.ndarray)))
        return Value(
            Draft(kind, name, tuple(self.name(source) for source in sources), fields, self._next_step()), order
        )

    def open_draft(self, node: Node, value: Known | None, *kinds: type[Op]) -> Draft | None:
        """The op of `value`, an input of `node`, where it is one of these kinds and only `node` reads it; else None."""
        if not isinstance(value, Value) or value.draft.kind not in kinds or value.draft.op is not None:
            return None
        names = [name for name in node.inputs if name and self.values.get(name) is value]
        return value.draft if len(names) == 1 and self._uses[names[0]] == 1 else None

    def complete(self, node: Node, draft: Draft, order: np.ndarray | None = None, **fields: Any) -> Value:
        """The value of `draft` with more fields. A file of `to_onnx` gives the last node of an op the op's name."""
        draft.fields.update(fields)
        draft.step = self._next_step()
        if draft.name.startswith(f"{node.name} "):
            draft.name = node.name
        return Value(draft, order)

    def name(self, value: Value) -> str:
        """The name of the op that gives `value`, which is complete from now on."""
        draft = value.draft
        if draft.kind is not None and draft.op is None:
            draft.name = self._free_name(draft.name)
            draft.op = draft.kind(name=draft.name, inputs=draft.inputs, **draft.fields)
            self._shapes[draft.name] = draft.op.output_shape(*(self._shapes[name] for name in draft.inputs))
            _check_size(self._shapes[draft.name])
            self._larger[draft.name] = _shape_of(draft.op, [self._larger[name] for name in draft.inputs])
            self._steps[draft.name] = draft.step
            self.ops.append(draft.op)
        return draft.name

    def _next_step(self) -> int:
        return next(self._counter)

    def _free_name(self, name: str) -> str:
        plain = one_line(name)[:150] or "op"
        number, free = 1, plain
        while free in self._shapes:
            number += 1
            free = f"{plain} ({number})"
        return free

    def shape(self, value: Value) -> Shape:
        """(H, W, C) or (F,)."""
        return self._shapes[self.name(value)]

    def have_one_shape(self, a: Value, b: Value) -> bool:
        """Whether two values have the same shape at every height and width of the input."""
        names = self.name(a), self.name(b)
        return all(len({shapes[name] for name in names}) == 1 for shapes in (self._shapes, self._larger))

    def grows(self, value: Value) -> bool:
        """Whether a map's height or width follows that of the network's input."""
        name = self.name(value)
        return len(self._shapes[name]) == 3 and self._larger[name] != self._shapes[name]

    def fix(self, node: Node | str, why: str) -> None:
        """Record that a node is right at the file's height and width only."""
        if len(self.input_shape) == 3:
            self.fixed_by = self.fixed_by or f"{node} {why}"

    def hold(self, size: int) -> None:
        """Count bytes that the network or a value keeps; raises where a small file would make too many of them."""
        self._held += size
        if self._held > MAX_BYTES:
            raise ExportError(f"its constants, spread over channels, take more than {MAX_BYTES:,} bytes")

    def real(self, known: Known | None) -> Value:
        """`known` as a value of the packed network: signs become an op of their own; raises where it is none."""
        if isinstance(known, Value):
            return known
        if not isinstance(known, Signs | Moved | Magnitude):
            what = "nothing" if known is None else type(known).__name__
            raise ExportError(f"takes {what} where the rule is a value that depends on the input")
        if not known.made:
            makes = {Signs: self._signs, Moved: partial(moving.settled, self), Magnitude: self._magnitude}
            known.made.append(makes[type(known)](known))
        return known.made[0]

    def _magnitude(self, x: Magnitude) -> Value:
        name = f"{x.name} magnitude" if x.mean else x.name
        value = self.emit(name, ops.Activation, x.value, order=x.value.order, function="abs")
        return self.emit(x.name, ops.Reduce, value, how="mean", axes=(2,)) if x.mean else value

    def _signs(self, signs: Signs) -> Value:
        fields = {"threshold": signs.threshold, "flip": signs.flip}
        is_scaled, is_padded = signs.scale != 1, any(signs.padding)
        name = signs.name
        value = self.emit(f"{name} sign" if is_scaled or is_padded else name, ops.Sign, signs.value, **fields)
        if is_padded and signs.pad_value:
            border = {"padding": signs.padding, "value": signs.pad_value}
            value = self.emit(f"{name} padded" if is_scaled else name, ops.Pad, value, **border)
        elif is_padded:
            sides: dict[str, Any] = {"rows": (signs.padding[0],) * 2, "columns": (signs.padding[1],) * 2}
            value = self.emit(f"{name} padded" if is_scaled else name, ops.Border, value, **sides)
        if is_scaled:
            channels = self.shape(value)[-1]
            scale, bias = np.full(channels, signs.scale, np.float32), np.zeros(channels, np.float32)
            value = self.emit(name, ops.Affine, value, scale=scale, bias=bias)
        return replace(value, order=signs.value.order)

    def settled(self, value: Value) -> Value:
        """`value` with its features in ONNX's order."""
        if value.order is None:
            return value
        indices = np.argsort(value.order).astype(np.uint64)
        return self.emit(f"{self.name(value)} in order", ops.Select, value, indices=indices)

    def per_channel(self, value: Value, array: np.ndarray) -> np.ndarray:
        """A constant that ONNX spreads over `value`, as float32 (C,) in the order of the runtime."""
        shape = self.shape(value)
        self.hold(4 * shape[-1])
        return ordered(value, spread(array, shape[-1], len(shape)))


def _larger(shape: Shape) -> Shape:
    """A map of the double height and threefold width; a vector as it is."""
    return (2 * shape[0], 3 * shape[1], shape[2]) if len(shape) == 3 else shape


def _shape_of(op: Op, shapes: list[Shape | None]) -> Shape | None:
    """The op's output shape for these of its inputs; None where it does not take them."""
    known = [shape for shape in shapes if shape is not None]
    try:
        return op.output_shape(*known) if len(known) == len(shapes) else None
    except ValueError:
        return None


def _check_size(shape: Shape) -> None:
    if math.prod(shape) > MAX_VALUES:
        raise ExportError(f"a value of shape {shape} has more than {MAX_VALUES:,} numbers")
