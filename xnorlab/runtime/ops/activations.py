"""Activations: one op for all functions of single values, and those that run in registers behind a convolution."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xnorlab.kernels import activations as kernels
from xnorlab.kernels.codegen.epilogue import Epilogue
from xnorlab.kernels.geometry import result
from xnorlab.runtime.ops.base import OnnxGraph
from xnorlab.runtime.ops.elementwise import EpilogueOp, Pointwise

__all__ = ["Activation", "HardSigmoid", "HardSwish"]

LARGEST = float(np.finfo(np.float32).max)

_ONE = np.float32(1)


def _elu(x: np.ndarray, out: np.ndarray, alpha: float) -> None:
    kernels.elu(x, out, np.float32(alpha), _ONE, _ONE)


def _celu(x: np.ndarray, out: np.ndarray, alpha: float) -> None:
    kernels.elu(x, out, np.float32(alpha), _ONE, np.float32(1 / alpha))


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _selu(x: np.ndarray, out: np.ndarray) -> None:
    kernels.elu(x, out, np.float32(_SELU_ALPHA * _SELU_SCALE), np.float32(_SELU_SCALE), _ONE)


def _softplus(x: np.ndarray, out: np.ndarray, beta: float, threshold: float) -> None:
    kernels.softplus(x, out, np.float32(beta), np.float32(threshold))


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


def _one_pass(
    compute: Callable[..., object], x: np.ndarray, out: np.ndarray, *parameters: float
) -> Callable[[int], object]:
    """A function of a thread count that computes `out` from `x`; compute: see `Function`."""
    # Writeable, because a kernel is compiled for one set of types, and read-only arrays are a type of their own.
    values, results = np.require(x, requirements=["C", "A", "W"]).reshape(-1), out.reshape(-1)

    def run(threads: int) -> None:
        with np.errstate(all="ignore"):  # a negative number's root is torch's NaN
            compute(values, results, *parameters)

    return run


@dataclass(frozen=True)
class Function:
    """A function of single values.

    Attributes:
        compute: takes float32 values (n,), an array for the results, and the parameters.
        onnx: writes its nodes, from the graph, the input's name and the parameters.
        parameters: their names, each with its lowest value; all are finite.
    """

    compute: Callable[..., object]
    onnx: Callable[..., None]
    parameters: tuple[tuple[str, float], ...] = ()


FUNCTIONS: dict[str, Function] = {
    "abs": Function(np.abs, _as("Abs")),
    "ceil": Function(np.ceil, _as("Ceil")),
    "celu": Function(_celu, _onnx_celu, (("alpha", 1e-30),)),
    "elu": Function(_elu, _onnx_elu, (("alpha", -LARGEST),)),
    "exp": Function(kernels.exponential, _as("Exp")),
    "floor": Function(np.floor, _as("Floor")),
    "gelu": Function(kernels.gelu, _onnx_gelu),
    "gelu_tanh": Function(kernels.gelu_tanh, _onnx_gelu_tanh),
    "log_sigmoid": Function(kernels.log_sigmoid, _onnx_log_sigmoid),
    "mish": Function(kernels.mish, _onnx_mish),
    "round": Function(np.rint, _as("Round")),
    "selu": Function(_selu, _onnx_selu),
    "sigmoid": Function(kernels.sigmoid, _as("Sigmoid")),
    "silu": Function(kernels.silu, _onnx_silu),
    "softplus": Function(_softplus, _onnx_softplus, (("beta", 1e-30), ("threshold", -LARGEST))),
    "softsign": Function(kernels.softsign, _as("Softsign")),
    "sqrt": Function(np.sqrt, _as("Sqrt")),
    "square": Function(np.square, _onnx_square),
    "tanh": Function(kernels.hyperbolic_tangent, _as("Tanh")),
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
        out = result(arrays[0].shape, out)
        self.bound(arrays, out)(threads)
        return out

    def bound(self, arrays: tuple[np.ndarray, ...], out: np.ndarray) -> Callable[[int], object]:
        """One pass over the values."""
        return _one_pass(self._function.compute, arrays[0], out, *self.parameters)

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
        out = result(arrays[0].shape, out)
        self.bound(arrays, out)(threads)
        return out

    def bound(self, arrays: tuple[np.ndarray, ...], out: np.ndarray) -> Callable[[int], object]:
        """One pass over the values."""
        return _one_pass(kernels.hard_sigmoid, arrays[0], out)

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
        out = result(arrays[0].shape, out)
        self.bound(arrays, out)(threads)
        return out

    def bound(self, arrays: tuple[np.ndarray, ...], out: np.ndarray) -> Callable[[int], object]:
        """One pass over the values."""
        return _one_pass(kernels.hard_swish, arrays[0], out)

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """One step."""
        epilogue.hard_swish()

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own HardSwish."""
        graph.node("HardSwish", inputs)
