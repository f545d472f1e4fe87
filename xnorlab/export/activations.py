"""Handlers for functions of single values: activations and the like.

To add one: a row in `FUNCTIONS` of `xnorlab.runtime.ops.activations`, and one in `_TARGETS` here.
"""

import operator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.export.arithmetic import constant_array, with_constant
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import TAKES_STEPS, packs
from xnorlab.runtime import ops
from xnorlab.runtime.ops.activations import LARGEST


@packs(nn.ReLU)
def _relu_module(builder: Builder, node: Node, module: nn.ReLU, input: Node) -> None:
    _relu(builder, node, input)


@packs(F.relu, F.relu_, torch.relu, torch.relu_, "relu", "relu_")
def _relu(builder: Builder, node: Node, input: Node, inplace=False) -> None:
    builder.later(node, input, lambda name: builder.add(ops.ReLU, node, name), monotone=True)


@packs(nn.PReLU)
def _prelu_module(builder: Builder, node: Node, module: nn.PReLU, input: Node) -> None:
    _prelu(builder, node, input, module.weight)


@packs(F.prelu, torch.prelu, "prelu")
def _prelu(builder: Builder, node: Node, input: Node, weight: Any) -> None:
    slope = constant_array(weight).reshape(-1)
    slope = np.broadcast_to(slope, builder.traced.channels(node)).copy()

    def emit(name: str) -> str:
        return builder.add(ops.PReLU, node, name, slope=builder.ordered(slope, input))

    builder.later(node, input, emit, monotone=bool((slope >= 0).all()))


@packs(nn.LeakyReLU)
def _leaky_module(builder: Builder, node: Node, module: nn.LeakyReLU, input: Node) -> None:
    _prelu(builder, node, input, module.negative_slope)


@packs(F.leaky_relu, F.leaky_relu_)
def _leaky(builder: Builder, node: Node, input: Node, negative_slope: Any = 0.01, inplace=False) -> None:
    _prelu(builder, node, input, negative_slope)


@packs(nn.RReLU)
def _random_leaky_module(builder: Builder, node: Node, module: nn.RReLU, input: Node) -> None:
    _random_leaky(builder, node, input, module.lower, module.upper)


@packs(F.rrelu, torch.rrelu)
def _random_leaky(
    builder: Builder, node: Node, input: Node, lower=1 / 8, upper=1 / 3, training=False, inplace=False
) -> None:
    if training:
        raise ExportError("is active in evaluation; pass training=self.training")
    _prelu(builder, node, input, (lower + upper) / 2)


@packs(nn.Hardtanh, nn.ReLU6)
def _hardtanh_module(builder: Builder, node: Node, module: nn.Hardtanh, input: Node) -> None:
    _clip(builder, node, input, module.min_val, module.max_val)


@packs(F.hardtanh, F.hardtanh_)
def _hardtanh(builder: Builder, node: Node, input: Node, min_val=-1.0, max_val=1.0, inplace=False) -> None:
    _clip(builder, node, input, min_val, max_val)


@packs(F.relu6)
def _relu6(builder: Builder, node: Node, input: Node, inplace=False) -> None:
    _clip(builder, node, input, 0.0, 6.0)


@packs(torch.clamp, torch.clip, "clamp", "clamp_", "clip", "clip_")
def _clamp(builder: Builder, node: Node, input: Node, min: Any = None, max: Any = None) -> None:
    _clip(builder, node, input, min, max)


@packs(torch.clamp_min, "clamp_min", "clamp_min_")
def _clamp_min(builder: Builder, node: Node, input: Node, min: Any) -> None:
    _clip(builder, node, input, min, None)


@packs(torch.clamp_max, "clamp_max", "clamp_max_")
def _clamp_max(builder: Builder, node: Node, input: Node, max: Any) -> None:
    _clip(builder, node, input, None, max)


def _clip(builder: Builder, node: Node, input: Node, min: Any, max: Any) -> None:
    """Pack a clip: to numbers with one op, to tensors with one for each."""
    limits = [None if limit is None else constant_array(limit) for limit in (min, max)]
    if any(limit is not None and limit.size > 1 for limit in limits):
        if min is not None and max is not None:
            raise ExportError("can be packed with numbers as bounds, or with one bound that is a tensor, only")
        operation, limit = ("maximum", min) if max is None else ("minimum", max)
        with_constant(builder, node, operation, input, limit)
        return
    low, high = (
        default if limit is None else float(limit.reshape(-1)[0])
        for limit, default in zip(limits, (-LARGEST, LARGEST), strict=True)
    )
    low = low if low <= high else high  # torch's rule where the bounds cross: the upper one

    def emit(name: str) -> str:
        if (low, high) == (0.0, LARGEST):
            return builder.add(ops.ReLU, node, name)
        return builder.add(ops.Hardtanh, node, name, low=low, high=high)

    builder.later(node, input, emit, monotone=True)


_EXACT = {ops.HardSigmoid: ((nn.Hardsigmoid, F.hardsigmoid), True), ops.HardSwish: ((nn.Hardswish, F.hardswish), False)}
"""By op, its targets, and whether it is monotone."""

_TARGETS: dict[str, tuple[Any, ...]] = {
    "abs": (torch.abs, torch.absolute, "abs", "abs_", operator.abs),
    "ceil": (torch.ceil, "ceil", "ceil_"),
    "celu": (nn.CELU, F.celu, torch.celu),
    "elu": (nn.ELU, F.elu, F.elu_),
    "exp": (torch.exp, "exp", "exp_"),
    "floor": (torch.floor, "floor", "floor_"),
    "gelu": (nn.GELU, F.gelu),
    "log_sigmoid": (nn.LogSigmoid, F.logsigmoid),
    "mish": (nn.Mish, F.mish),
    "round": (torch.round, "round", "round_"),
    "selu": (nn.SELU, F.selu, torch.selu),
    "sigmoid": (nn.Sigmoid, torch.sigmoid, F.sigmoid, "sigmoid", "sigmoid_", torch.special.expit),
    "silu": (nn.SiLU, F.silu),
    "softplus": (nn.Softplus, F.softplus),
    "softsign": (nn.Softsign, F.softsign),
    "sqrt": (torch.sqrt, "sqrt", "sqrt_"),
    "square": (torch.square, "square", "square_"),
    "tanh": (nn.Tanh, torch.tanh, F.tanh, "tanh", "tanh_"),
}
"""By the function of an `Activation`, the targets that become it."""

_MONOTONE = {"ceil", "floor", "round"}
_NEARLY_MONOTONE = {"celu", "elu", "exp", "log_sigmoid", "selu", "sigmoid", "softplus", "softsign", "tanh"}
"""Functions that rise, but for the rounding of torch's approximation."""


def _register(function: str, targets: tuple[Any, ...]) -> None:
    @packs(*(target for target in targets if isinstance(target, type)))
    def module_handler(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
        names = ("alpha", "beta", "threshold", "approximate")
        _activation(builder, node, function, input, {n: getattr(module, n) for n in names if hasattr(module, n)})

    @packs(*(target for target in targets if not isinstance(target, type)))
    def handler(builder: Builder, node: Node, input: Node, *values: Any, **named: Any) -> None:
        named.pop("inplace", None)
        names = _PARAMETERS.get(function, ())
        if len(values) > len(names):
            raise ExportError(f"cannot be packed with the arguments {values}")
        _activation(builder, node, function, input, {**dict(zip(names, values, strict=False)), **named})


_PARAMETERS: dict[str, tuple[str, ...]] = {"celu": ("alpha",), "elu": ("alpha",), "softplus": ("beta", "threshold")}
_DEFAULTS = {"celu": {"alpha": 1.0}, "elu": {"alpha": 1.0}, "softplus": {"beta": 1.0, "threshold": 20.0}}


def _activation(builder: Builder, node: Node, function: str, input: Node, given: dict[str, Any]) -> None:
    if given.pop("approximate", "none") == "tanh":
        function = "gelu_tanh"
    defaults = _DEFAULTS.get(function, {})
    unknown = [name for name, value in given.items() if name not in defaults and value is not None]
    if unknown:
        raise ExportError(f"{unknown[0]}={given[unknown[0]]!r} cannot be packed")
    parameters = tuple(float(given.get(name, default)) for name, default in defaults.items())
    rises = not parameters or parameters[0] > 0

    def emit(name: str) -> str:
        return builder.add(ops.Activation, node, name, function=function, parameters=parameters)

    moved = builder.moved(input)
    if moved.has_channels_last:
        fields: dict[str, Any] = {"function": function, "parameters": parameters}
        name = builder.add(ops.Activation, node, moved.base.emit(), suffix="pixels", **fields)
        builder.settle(node)
        builder.move(node, moved.with_map(name, moved.base.shape[1]))
        return
    nearly = function in _NEARLY_MONOTONE and rises
    builder.later(node, input, emit, monotone=nearly or function in _MONOTONE, rounds=nearly)


def _register_exact(kind: type[ops.Op], targets: tuple[Any, ...], monotone: bool) -> None:
    def pack(builder: Builder, node: Node, input: Node) -> None:
        builder.later(node, input, lambda name: builder.add(kind, node, name), monotone=monotone)

    @packs(targets[0])
    def module_handler(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
        pack(builder, node, input)

    @packs(*targets[1:])
    def handler(builder: Builder, node: Node, input: Node, inplace=False) -> None:
        pack(builder, node, input)


for _kind, (_targets, _monotone) in _EXACT.items():
    _register_exact(_kind, _targets, _monotone)
for _function, _targets in _TARGETS.items():
    _register(_function, _targets)
TAKES_STEPS.update({*_TARGETS["ceil"], *_TARGETS["floor"], *_TARGETS["round"]})


@packs(torch.pow, "pow", "pow_", operator.pow)
def _power(builder: Builder, node: Node, input: Any, exponent: Any) -> None:
    powers = {2: "square", 0.5: "sqrt"}
    if not isinstance(input, Node) or isinstance(exponent, Node) or exponent not in powers:
        raise ExportError("can be packed with the exponent 2 or 0.5 only")
    _activation(builder, node, powers[exponent], input, {})
