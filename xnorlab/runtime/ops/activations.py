"""Activations: one op for all functions of single values, and those that run in registers behind a convolution."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xnorlab.kernels.codegen.epilogue import Epilogue
from xnorlab.kernels.error_function import erf
from xnorlab.runtime.ops.base import OnnxGraph
from xnorlab.runtime.ops.elementwise import EpilogueOp, Pointwise

__all__ = ["Activation", "HardSigmoid", "HardSwish"]

BLOCK = 2**14
"""Values that are computed at once, so that the float64 values in between stay in the cache."""

LARGEST = float(np.finfo(np.float32).max)

_ONE, _HALF = np.float32(1), np.float32(0.5)


def _rounded(function: np.ufunc, x: np.ndarray) -> np.ndarray:
    """A function of float32 values, computed in float64 and rounded once: the same bits on every processor."""
    return function(x.astype(np.float64)).astype(np.float32)


# Each function takes the steps that torch takes in float32, with torch's roundings: where a step ends in infinity or
# in −0 there, it does so here, and a sign behind it is the same.


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return _ONE / (_ONE + _rounded(np.exp, -x))


def _silu(x: np.ndarray) -> np.ndarray:
    return x / (_ONE + _rounded(np.exp, -x))


def _tanh(x: np.ndarray) -> np.ndarray:
    return _rounded(np.tanh, x)


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * _HALF * (_ONE + erf(x * np.float32(math.sqrt(0.5))))


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * (x * x * x))
    return _HALF * x * (_ONE + _tanh(inner))


def _softplus(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    scaled = x * np.float32(beta)
    soft = _rounded(np.log1p, _rounded(np.exp, np.minimum(scaled, np.float32(threshold)))) / np.float32(beta)
    return np.where(scaled > np.float32(threshold), x, soft)


def _mish(x: np.ndarray) -> np.ndarray:
    return x * _tanh(_softplus(x, 1.0, 80.0))


def _softsign(x: np.ndarray) -> np.ndarray:
    return x / (_ONE + np.abs(x))


def _log_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.minimum(x, np.float32(0)) - _rounded(np.log1p, _rounded(np.exp, -np.abs(x)))


def _elu_of(x: np.ndarray, negative: float, positive: float, inner: float) -> np.ndarray:
    low = _rounded(np.expm1, np.minimum(x, np.float32(0)) * np.float32(inner)) * np.float32(negative)
    return np.where(x > 0, x * np.float32(positive), low)


def _elu(x: np.ndarray, alpha: float) -> np.ndarray:
    return _elu_of(x, alpha, 1.0, 1.0)


def _celu(x: np.ndarray, alpha: float) -> np.ndarray:
    return _elu_of(x, alpha, 1.0, 1.0 / alpha)


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _selu(x: np.ndarray) -> np.ndarray:
    return _elu_of(x, _SELU_ALPHA * _SELU_SCALE, _SELU_SCALE, 1.0)


def _exp(x: np.ndarray) -> np.ndarray:
    return _rounded(np.exp, x)


def _as(*operators: str) -> Callable[..., None]:
    """ONNX's operators of these names, one after the other."""

    def write(graph: OnnxGraph, x: str) -> None:
        for operator in operators:
            x = graph.node(operator, [x])

    return write


def _constant(graph: OnnxGraph, value: float) -> str:
    return graph.tensor(np.array(value))


def _onnx_silu(graph: OnnxGraph, x: str) -> None:
    graph.node("Mul", [x, graph.node("Sigmoid", [x])])


def _onnx_mish(graph: OnnxGraph, x: str) -> None:
    graph.node("Mul", [x, graph.node("Tanh", [graph.node("Softplus", [x])])])


def _onnx_half(graph: OnnxGraph, x: str, inner: str) -> None:
    raised = graph.node("Add", [inner, _constant(graph, 1.0)])
    graph.node("Mul", [graph.node("Mul", [x, _constant(graph, 0.5)]), raised])


def _onnx_gelu(graph: OnnxGraph, x: str) -> None:
    _onnx_half(graph, x, graph.node("Erf", [graph.node("Mul", [x, _constant(graph, math.sqrt(0.5))])]))


def _onnx_gelu_tanh(graph: OnnxGraph, x: str) -> None:
    cube = graph.node("Mul", [graph.node("Mul", [x, x]), x])
    inner = graph.node("Add", [x, graph.node("Mul", [cube, _constant(graph, 0.044715)])])
    _onnx_half(graph, x, graph.node("Tanh", [graph.node("Mul", [inner, _constant(graph, math.sqrt(2 / math.pi))])]))


def _onnx_softplus(graph: OnnxGraph, x: str, beta: float, threshold: float) -> None:
    soft = graph.node("Softplus", [graph.node("Mul", [x, _constant(graph, beta)])])
    graph.node("Div", [soft, _constant(graph, beta)])


def _onnx_log_sigmoid(graph: OnnxGraph, x: str) -> None:
    _as("Neg", "Softplus", "Neg")(graph, x)


def _onnx_square(graph: OnnxGraph, x: str) -> None:
    graph.node("Mul", [x, x])


def _onnx_elu(graph: OnnxGraph, x: str, alpha: float) -> None:
    graph.node("Elu", [x], alpha=alpha)


def _onnx_celu(graph: OnnxGraph, x: str, alpha: float) -> None:
    graph.node("Celu", [x], alpha=alpha)


def _onnx_selu(graph: OnnxGraph, x: str) -> None:
    graph.node("Selu", [x])


@dataclass(frozen=True)
class Function:
    """A function of single values.

    Attributes:
        compute: of float32 values of any shape and the parameters.
        onnx: writes its nodes, from the graph, the input's name and the parameters.
        parameters: their names, each with its lowest value; all are finite.
    """

    compute: Callable[..., np.ndarray]
    onnx: Callable[..., None]
    parameters: tuple[tuple[str, float], ...] = ()


FUNCTIONS: dict[str, Function] = {
    "abs": Function(np.abs, _as("Abs")),
    "ceil": Function(np.ceil, _as("Ceil")),
    "celu": Function(_celu, _onnx_celu, (("alpha", 1e-30),)),
    "elu": Function(_elu, _onnx_elu, (("alpha", -LARGEST),)),
    "exp": Function(_exp, _as("Exp")),
    "floor": Function(np.floor, _as("Floor")),
    "gelu": Function(_gelu, _onnx_gelu),
    "gelu_tanh": Function(_gelu_tanh, _onnx_gelu_tanh),
    "log_sigmoid": Function(_log_sigmoid, _onnx_log_sigmoid),
    "mish": Function(_mish, _onnx_mish),
    "round": Function(np.rint, _as("Round")),
    "selu": Function(_selu, _onnx_selu),
    "sigmoid": Function(_sigmoid, _as("Sigmoid")),
    "silu": Function(_silu, _onnx_silu),
    "softplus": Function(_softplus, _onnx_softplus, (("beta", 1e-30), ("threshold", -LARGEST))),
    "softsign": Function(_softsign, _as("Softsign")),
    "sqrt": Function(np.sqrt, _as("Sqrt")),
    "square": Function(np.square, _onnx_square),
    "tanh": Function(_tanh, _as("Tanh")),
}
"""All functions of an `Activation`, by name. They are those of torch.nn.functional and torch with these names."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Activation(Pointwise):
    """A function of each value, one of `FUNCTIONS`; parameters: of the function, in its order."""

    kind: ClassVar[str] = "activation"
    since: ClassVar[int] = 4

    function: str
    parameters: tuple[float, ...] = ()

    def _prepare(self) -> None:
        self._one_of("function", *FUNCTIONS)
        rules = self._function.parameters
        names = ", ".join(name for name, _ in rules) or "none"
        if not isinstance(self.parameters, tuple) or len(self.parameters) != len(rules):
            raise ValueError(f"{self.name}: parameters={self.parameters!r} of {self.function} must be: {names}")
        for value, (name, low) in zip(self.parameters, rules, strict=True):
            if type(value) is not float or not low <= value <= LARGEST:
                raise ValueError(
                    f"{self.name}: {name}={value!r} of {self.function} must be from {low:.3g} to {LARGEST:.3g}"
                )

    @property
    def _function(self) -> Function:
        return FUNCTIONS[self.function]

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Any shape → the same."""
        x = np.ascontiguousarray(arrays[0])
        out = np.empty_like(x) if out is None else out
        values, results = x.reshape(-1), out.reshape(-1)
        with np.errstate(all="ignore"):  # infinities on the way are torch's as well
            for start in range(0, values.size, BLOCK):
                block = slice(start, start + BLOCK)
                results[block] = self._function.compute(values[block], *self.parameters)
        return out

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own operator, or its parts."""
        self._function.onnx(graph, *inputs, *self.parameters)


@dataclass(frozen=True, eq=False, kw_only=True)
class HardSigmoid(EpilogueOp):
    """(x + 3 clipped to [0, 6]) / 6."""

    kind: ClassVar[str] = "hard_sigmoid"
    since: ClassVar[int] = 4

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Any shape → the same."""
        raised = np.add(arrays[0], np.float32(3), out=out)
        np.clip(raised, np.float32(0), np.float32(6), out=raised)
        return np.divide(raised, np.float32(6), out=raised)

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """A sum, a clip and a quotient."""
        filters = epilogue.filters
        epilogue.bias(np.full(filters, 3, np.float32)).clip(0.0, 6.0).divide(np.full(filters, 6, np.float32))

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own HardSigmoid."""
        graph.node("HardSigmoid", inputs, alpha=1 / 6, beta=0.5)


@dataclass(frozen=True, eq=False, kw_only=True)
class HardSwish(EpilogueOp):
    """x · (x + 3 clipped to [0, 6]) / 6, in this order (Howard et al. 2019, MobileNetV3, section 5.2)."""

    kind: ClassVar[str] = "hard_swish"
    since: ClassVar[int] = 4

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Any shape → the same."""
        x = arrays[0]
        raised = np.add(x, np.float32(3), out=out)
        np.clip(raised, np.float32(0), np.float32(6), out=raised)
        np.multiply(raised, x, out=raised)
        return np.divide(raised, np.float32(6), out=raised)

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """One step."""
        epilogue.hard_swish()

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own HardSwish."""
        graph.node("HardSwish", inputs)
