"""Compositions: several nodes that stand for one function, as exporters write those that ONNX lacked in their time."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xnorlab.export.onnx_files.activations import is_torchs_hard_sigmoid
from xnorlab.export.onnx_files.parsing import COMPOSED, Graph, Node

Pattern = str | float | tuple[Any, ...]
"""A value, by a letter; a number; a number by a name that begins with "?"; or an operator and its inputs."""

_ROOT_HALF, _ROOT_TWO = math.sqrt(0.5), math.sqrt(2)


@dataclass
class Match:
    """What the letters and names of a pattern stand for.

    Attributes:
        values: names of values, by letter.
        numbers: by name.
        nodes: those of the pattern.
    """

    values: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()


def _plain(match: Match, graph: Graph) -> dict[str, Any]:
    return {}


def _tanh(match: Match, graph: Graph) -> dict[str, Any]:
    return {"approximate": "tanh"}


def _hard_swish(match: Match, graph: Graph) -> dict[str, Any] | None:
    gates = [node for node in match.nodes if node.kind == "HardSigmoid"]
    return {} if all(map(is_torchs_hard_sigmoid, gates)) else None


def _beta(match: Match, graph: Graph) -> dict[str, Any]:
    return {"beta": match.numbers["?beta"]}


def _bits(match: Match, graph: Graph) -> dict[str, Any] | None:
    bits = math.log2(match.numbers["?levels"] + 1) if match.numbers["?levels"] > 0 else 0.5
    return {"bits": int(bits)} if bits == int(bits) else None


def _axes(match: Match, graph: Graph) -> dict[str, Any] | None:
    """The axes of all means of a norm, which must be the same and be kept."""
    means = [node for node in match.nodes if node.kind == "ReduceMean"]
    axes = set()
    for node in means:
        given = node.attributes.get("axes")
        if len(node.inputs) == 2 and node.inputs[1] in graph.constants:
            given = tuple(graph.constants[node.inputs[1]].reshape(-1).tolist())
        axes.add(given if node.attributes.get("keepdims", 1) else None)
    found = axes.pop() if len(axes) == 1 else None
    return None if found is None else {"axes": found, "eps": match.numbers["?eps"]}


def _half_of(x: Pattern, raised: Pattern) -> list[Pattern]:
    """Half of x · raised in every order in which it is written."""
    half: list[Pattern] = [("Mul", x, 0.5), ("Div", x, 2.0)]
    both: list[Pattern] = [("Mul", ("Mul", x, raised), 0.5), ("Div", ("Mul", x, raised), 2.0)]
    return [*both, *(("Mul", part, raised) for part in half), ("Mul", x, ("Mul", raised, 0.5))]


def _gelus() -> list[Pattern]:
    inner: list[Pattern] = [("Mul", "x", _ROOT_HALF), ("Div", "x", _ROOT_TWO)]
    return [each for part in inner for each in _half_of("x", ("Add", ("Erf", part), 1.0))]


def _tanh_gelus() -> list[Pattern]:
    cubes: list[Pattern] = [("Mul", ("Mul", "x", "x"), "x"), ("Pow", "x", 3.0)]
    root = math.sqrt(2 / math.pi)
    inner = [("Mul", ("Add", "x", ("Mul", cube, 0.044715)), root) for cube in cubes]
    return [each for part in inner for each in _half_of("x", ("Add", ("Tanh", part), 1.0))]


def _norms() -> list[Pattern]:
    centred: Pattern = ("Sub", "x", ("ReduceMean", "x"))
    squares: list[Pattern] = [("Mul", centred, centred), ("Pow", centred, 2.0)]
    return [("Div", centred, ("Sqrt", ("Add", ("ReduceMean", square), "?eps"))) for square in squares]


def _quantizer() -> Pattern:
    scaled: Pattern = ("Div", ("Mul", ("Add", ("Clip", "x", -1.0, 1.0), 1.0), "?levels"), 2.0)
    return ("Mul", ("Sub", ("Div", ("Round", scaled), "?levels"), 0.5), 2.0)


Attributes = Callable[[Match, Graph], dict[str, Any] | None]

COMPOSITIONS: tuple[tuple[str, list[Pattern], Attributes], ...] = (
    ("Swish", [("Mul", "x", ("Sigmoid", "x"))], _plain),
    ("HardSwish", [("Mul", "x", ("HardSigmoid", "x"))], _hard_swish),
    ("Mish", [("Mul", "x", ("Tanh", ("Softplus", "x")))], _plain),
    ("Gelu", _gelus(), _plain),
    ("Gelu", _tanh_gelus(), _tanh),
    ("Softplus", [("Div", ("Softplus", ("Mul", "x", "?beta")), "?beta")], _beta),
    ("LogSigmoid", [("Neg", ("Softplus", ("Neg", "x")))], _plain),
    ("Quantize", [_quantizer()], _bits),
    ("MeanVarianceNormalization", _norms(), _axes),
)
"""What nodes of these patterns become, and its attributes; None where they fit in shape but not in numbers."""


def composed(graph: Graph) -> Graph:
    """`graph` with one node, of the domain COMPOSED, for each composition, and without nodes that nobody needs."""
    matcher = _Matcher(graph)
    nodes = [matcher.whole(node) or node for node in graph.nodes]
    needed, kept = set(graph.outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)))


class _Matcher:
    """Compares the nodes ahead of a value with patterns.

    Args:
        graph: of the nodes.
    """

    def __init__(self, graph: Graph):
        self._graph = graph
        self._givers = {node.outputs[0]: node for node in graph.nodes if not node.domain}

    def whole(self, node: Node) -> Node | None:
        """The node that stands for all nodes of a composition that ends in `node`; None where none does."""
        if node.domain:
            return None
        for kind, patterns, attributes in COMPOSITIONS:
            for pattern in patterns:
                match = self._match(pattern, node.outputs[0], Match())
                found = None if match is None else attributes(match, self._graph)
                if match is not None and found is not None:
                    return Node(kind, COMPOSED, node.name, (match.values["x"],), node.outputs[:1], found)
        return None

    def _match(self, pattern: Pattern, name: str, match: Match) -> Match | None:
        """`match` with what the pattern adds to it, where the value `name` fits."""
        if isinstance(pattern, float | int) or (isinstance(pattern, str) and pattern[0] == "?"):
            return self._number(pattern, name, match)
        if isinstance(pattern, str):
            if name in self._graph.constants or match.values.get(pattern, name) != name:
                return None
            return replace(match, values={**match.values, pattern: name})
        node = self._givers.get(name)
        if node is None or node.kind != pattern[0]:
            return None
        parts = pattern[1:]
        inputs = node.inputs[:1] if node.kind == "ReduceMean" else node.inputs
        if len(inputs) != len(parts):
            return None
        for order in (inputs, inputs[::-1]) if node.kind in ("Add", "Mul") else (inputs,):
            found: Match | None = replace(match, nodes=(*match.nodes, node))
            for part, each in zip(parts, order, strict=True):
                found = None if found is None else self._match(part, each, found)
            if found is not None:
                return found
        return None

    def _number(self, pattern: str | float, name: str, match: Match) -> Match | None:
        array = self._graph.constants.get(name)
        if array is None or array.size != 1 or array.dtype != np.float32:
            return None
        number = float(array.reshape(()))
        wanted = match.numbers.get(pattern, number) if isinstance(pattern, str) else pattern
        if not math.isclose(number, wanted, rel_tol=1e-5):
            return None
        return replace(match, numbers={**match.numbers, pattern: number}) if isinstance(pattern, str) else match
