"""Functions of single values: ONNX's activations, and what `compositions` makes of several nodes."""

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.constants import constant
from xnorlab.export.onnx_files.handlers import reads_each_value
from xnorlab.export.onnx_files.parsing import COMPOSED, Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Known, Value
from xnorlab.runtime import ops
from xnorlab.runtime.ops.activations import LARGEST

_PLAIN = {
    **{kind: kind.lower() for kind in ("Ceil", "Exp", "Floor", "Mish", "Round", "Sigmoid", "Softsign", "Sqrt", "Tanh")},
    "Swish": "silu",
}
"""By operator, the function of an `Activation` that it is."""

_SELU = {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}
"""The only parameters of Selu that can be read, its default ones."""


def activation(reader: Reader, node: Node, x: Known, function: str, *parameters: float) -> Value:
    """The value of a function of `FUNCTIONS`."""
    value = reader.real(x)
    return reader.emit(
        node.name, ops.Activation, value, order=value.order, function=function, parameters=tuple(parameters)
    )


@reads_each_value(*_PLAIN)
@reads_each_value("Mish", "Swish", domains=(COMPOSED,))
def _plain(reader: Reader, node: Node, x: Known) -> Value:
    if node.attributes.get("alpha", 1.0) != 1:
        raise ExportError(f"alpha={node.attributes['alpha']} cannot be read; the rule is 1")
    return activation(reader, node, x, _PLAIN[node.kind])


@reads_each_value("Gelu")
@reads_each_value("Gelu", domains=(COMPOSED,))
def _gelu(reader: Reader, node: Node, x: Known) -> Value:
    kinds = {"none": "gelu", "tanh": "gelu_tanh"}
    given = node.attributes.get("approximate", "none")
    if given not in kinds:
        raise ExportError(f"approximate={given!r} cannot be read; the rule is one of {', '.join(kinds)}")
    return activation(reader, node, x, kinds[given])


@reads_each_value("Elu", "Celu")
def _elu(reader: Reader, node: Node, x: Known) -> Value:
    return activation(reader, node, x, node.kind.lower(), float(node.attributes.get("alpha", 1.0)))


@reads_each_value("Selu")
def _selu(reader: Reader, node: Node, x: Known) -> Value:
    given = {name: node.attributes.get(name, usual) for name, usual in _SELU.items()}
    if any(abs(given[name] - usual) > 1e-6 for name, usual in _SELU.items()):
        raise ExportError(f"{given} cannot be read; the rule is {_SELU}")
    return activation(reader, node, x, "selu")


@reads_each_value("Softplus")
@reads_each_value("Softplus", domains=(COMPOSED,))
def _softplus(reader: Reader, node: Node, x: Known) -> Value:
    return activation(reader, node, x, "softplus", float(node.attributes.get("beta", 1.0)), 20.0)


@reads_each_value("LogSigmoid", domains=(COMPOSED,))
def _log_sigmoid(reader: Reader, node: Node, x: Known) -> Value:
    return activation(reader, node, x, "log_sigmoid")


@reads_each_value("Quantize", domains=(COMPOSED,))
def _quantize(reader: Reader, node: Node, x: Known) -> Value:
    value = reader.real(x)
    return reader.emit(node.name, ops.Quantize, value, order=value.order, bits=node.attributes.get("bits"))


@reads_each_value("Pow")
def _pow(reader: Reader, node: Node, x: Known, exponent: Known) -> Value:
    array = constant(exponent, "exponent")
    powers = {2.0: "square", 0.5: "sqrt"}
    if array.size != 1 or float(array.reshape(())) not in powers:
        raise ExportError(f"its exponent is {array.reshape(-1)[:4].tolist()}; the rule is 2 or 0.5")
    return activation(reader, node, x, powers[float(array.reshape(()))])


@reads_each_value("Relu")
def _relu(reader: Reader, node: Node, x: Known) -> Value:
    value = reader.real(x)
    return reader.emit(node.name, ops.ReLU, value, order=value.order)


@reads_each_value("HardSwish")
@reads_each_value("HardSwish", domains=(COMPOSED,))
def _hard_swish(reader: Reader, node: Node, x: Known) -> Value:
    value = reader.real(x)
    return reader.emit(node.name, ops.HardSwish, value, order=value.order)


@reads_each_value("HardSigmoid")
def _hard_sigmoid(reader: Reader, node: Node, x: Known) -> Value:
    """max(0, min(1, alpha·x + beta)): torch's with 1/6 and 1/2, any other one as a product, a sum and a clip."""
    value = reader.real(x)
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    if is_torchs_hard_sigmoid(node):
        return reader.emit(node.name, ops.HardSigmoid, value, order=value.order)
    scale, bias = (np.full(reader.shape(value)[-1], number, np.float32) for number in (alpha, beta))
    line = reader.emit(f"{node.name} line", ops.Affine, value, order=value.order, scale=scale, bias=bias)
    return reader.emit(node.name, ops.Hardtanh, line, order=value.order, low=0.0, high=1.0)


def is_torchs_hard_sigmoid(node: Node) -> bool:
    """Whether a HardSigmoid is clip(x + 3, 0, 6) / 6."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    return abs(alpha - 1 / 6) < 1e-6 and abs(beta - 0.5) < 1e-6


@reads_each_value("PRelu")
def _prelu(reader: Reader, node: Node, x: Known, slope: Known) -> Value:
    value = reader.real(x)
    slopes = reader.per_channel(value, constant(slope, "slope"))
    return reader.emit(node.name, ops.PReLU, value, order=value.order, slope=slopes)


@reads_each_value("LeakyRelu")
def _leaky_relu(reader: Reader, node: Node, x: Known) -> Value:
    value = reader.real(x)
    slope = np.full(reader.shape(value)[-1], node.attributes.get("alpha", 0.01), np.float32)
    return reader.emit(node.name, ops.PReLU, value, order=value.order, slope=slope)


@reads_each_value("Clip")
def _clip(reader: Reader, node: Node, x: Known, low: Known | None = None, high: Known | None = None) -> Value:
    value = reader.real(x)
    limits = []
    for name, known, side in (("min", low, -1), ("max", high, 1)):
        given = node.attributes.get(name) if known is None else constant(known, name)
        limit = side * LARGEST if given is None else np.asarray(given, np.float32)
        if np.size(limit) != 1:
            raise ExportError(f"its {name} has shape {np.shape(limit)}; the rule is one number")
        limits.append(float(np.clip(np.reshape(limit, ()), -LARGEST, LARGEST)))
    return reader.emit(node.name, ops.Hardtanh, value, order=value.order, low=limits[0], high=limits[1])
