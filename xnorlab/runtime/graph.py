"""The graph of a packed network: its checks, and how the header of a packed file holds it.

A graph is a list of ops in the order of their execution. Each reads the network's input, named "input", or ops that
stand before it; the last op is the output. An op that nobody reads is an error, and so is a cycle: it would need an
op that reads a later one.
"""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from xnorlab.runtime.limits import MAX_BYTES, MAX_OPS, MAX_VALUES
from xnorlab.runtime.ops import OPS, Flatten
from xnorlab.runtime.ops.base import Op, Shape

INPUT = "input"
"""The name of the network's input."""


def check(ops: Sequence[Op], input_shape: Shape, outputs: Collection[str] = ()) -> dict[str, Shape]:
    """The shape of every value, by name; raises ValueError where the ops do not form a graph on `input_shape`.

    Args:
        ops: in order.
        input_shape: of the network's input.
        outputs: names of the ops whose values the network gives, where it is not the last one's alone.
    """
    if not 1 <= len(ops) <= MAX_OPS:
        raise ValueError(f"the graph has {len(ops)} ops; the rule is 1 to {MAX_OPS}")
    if len(input_shape) not in (1, 3) or not all(type(size) is int and size >= 1 for size in input_shape):
        raise ValueError(f"input_shape={input_shape!r} must be (H, W, C) or (F,), each at least 1")
    _check_order(ops, outputs)
    shapes = infer_shapes(ops, input_shape)
    _check_memory(ops, shapes, outputs)
    return shapes


def infer_shapes(ops: Sequence[Op], input_shape: Shape) -> dict[str, Shape]:
    """The shape of every value for a network input of `input_shape`; raises ValueError where one does not fit."""
    shapes = {INPUT: input_shape}
    _check_size(INPUT, input_shape)
    for op in ops:
        shapes[op.name] = op.output_shape(*(shapes[name] for name in op.inputs))
        _check_size(op.name, shapes[op.name])
    return shapes


def other_shapes(ops: Sequence[Op], input_shape: Shape, own: dict[str, Shape]) -> dict[str, Shape]:
    """The shape of every value for an input of another height and width than the network's own.

    A flattened map must keep its size, as well as its number of values: what stands behind it has a weight for each
    place of the map as it was.

    Args:
        ops: of the network, in order.
        input_shape: of the input.
        own: the shapes of all values at the network's own input shape.

    Raises:
        ValueError: a shape does not fit.
    """
    shapes = infer_shapes(ops, input_shape)
    for op in ops:
        if op.kind == Flatten.kind and shapes[op.inputs[0]] != own[op.inputs[0]]:
            given, needed = (" × ".join(map(str, values[op.inputs[0]][:2])) for values in (shapes, own))
            raise ValueError(
                f"{op.name}: an input of {input_shape[0]} × {input_shape[1]} gives it a map of {given} to "
                f"flatten; the rule is {needed}, as at the network's own {own[INPUT][0]} × {own[INPUT][1]}"
            )
    return shapes


def last_uses(ops: Sequence[Op], outputs: Collection[str] = ()) -> list[list[str]]:
    """For each op the values that no later op reads and that are no output: they can be freed once it has run."""
    last = {name: index for index, op in enumerate(ops) for name in op.inputs}
    free: list[list[str]] = [[] for _ in ops]
    for name, index in last.items():
        if name not in outputs:
            free[index].append(name)
    return free


def to_header(ops: Sequence[Op]) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Write the graph as JSON values, and its tensors under "<op name>.<field>"."""
    records, tensors = [], {}
    for op in ops:
        own = op.tensors()
        tensors.update({f"{op.name}.{field}": array for field, array in own.items()})
        records.append(
            {
                "name": op.name,
                "kind": op.kind,
                "inputs": list(op.inputs),
                "attributes": op.attributes(),
                "tensors": sorted(own),
            }
        )
    return records, tensors


def from_header(records: Any, tensors: dict[str, np.ndarray]) -> tuple[Op, ...]:
    """Read what `to_header` wrote; raises ValueError for whatever does not fit."""
    if not isinstance(records, list) or not 1 <= len(records) <= MAX_OPS:
        raise ValueError(f"graph must be a list of 1 to {MAX_OPS} ops")
    left = dict(tensors)
    ops = tuple(_op(record, left) for record in records)
    if left:
        raise ValueError(f"no op of the graph owns the tensor {sorted(left)[0]!r}")
    return ops


def _op(record: Any, left: dict[str, np.ndarray]) -> Op:
    """Read one op, and take its tensors out of `left`."""
    rules = {"name": str, "kind": str, "inputs": list, "attributes": dict, "tensors": list}
    if not isinstance(record, dict) or set(record) != set(rules):
        raise ValueError(f"an op of the graph must have exactly the fields {sorted(rules)}")
    for key, rule in rules.items():
        if not isinstance(record[key], rule):
            raise ValueError(f"{key} of an op of the graph must be a {rule.__name__}, not {record[key]!r}")
    name, kind, inputs, fields = record["name"], record["kind"], record["inputs"], record["tensors"]
    if kind not in OPS:
        raise ValueError(f"{name}: there is no op of kind {kind!r}")
    if not all(isinstance(text, str) for text in inputs + fields):
        raise ValueError(f"{name}: inputs and tensors must be names")
    own = {}
    for field in fields:
        if f"{name}.{field}" not in left:
            raise ValueError(f"{name}: the tensor {field!r} is missing")
        own[field] = left.pop(f"{name}.{field}")
    return OPS[kind].from_parts(name, tuple(inputs), record["attributes"], own)


def _check_order(ops: Sequence[Op], outputs: Collection[str]) -> None:
    known, later = {INPUT}, {op.name for op in ops}
    for op in ops:
        for name in op.inputs:
            if name not in known:
                why = "which stands later or reads it: a cycle" if name in later else "which does not exist"
                raise ValueError(f"{op.name}: reads {name!r}, {why}")
        if op.name in known:
            raise ValueError(f"the name {op.name!r} is taken twice")
        known.add(op.name)
    used = {name for op in ops for name in op.inputs}
    strange = [name for name in outputs if name not in known or name == INPUT]
    if strange:
        raise ValueError(f"the output {strange[0]!r} is not the value of an op")
    if outputs:
        unused = [op.name for op in ops if op.name not in used and op.name not in outputs]
        if unused:
            raise ValueError(f"{unused[0]}: nobody reads it, and it is no output")
        return
    unused = [op.name for op in ops[:-1] if op.name not in used]
    if unused or ops[-1].name in used:
        raise ValueError(f"{(unused or [ops[-1].name])[0]}: nobody reads it, and it is not the last op")


def _check_memory(ops: Sequence[Op], shapes: dict[str, Shape], outputs: Collection[str]) -> None:
    live = 4 * math.prod(shapes[INPUT])
    for op, free in zip(ops, last_uses(ops, outputs), strict=True):
        live += 4 * math.prod(shapes[op.name])
        if live > MAX_BYTES:
            raise ValueError(
                f"{op.name}: the values that are needed at once take {live:,} bytes, more than {MAX_BYTES:,}"
            )
        live -= sum(4 * math.prod(shapes[name]) for name in free)


def _check_size(name: str, shape: Shape) -> None:
    values = 1
    for size in shape:
        values *= size
    if values > MAX_VALUES:
        raise ValueError(f"{name}: a value of shape {shape} has more than {MAX_VALUES:,} numbers")
