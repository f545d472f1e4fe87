"""Ops on single values, gates and norms give what torch's functions of the same name give, over random shapes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xnorlab.runtime import Network, ops
from xnorlab.runtime.onnx_graph import onnx_model
from xnorlab.runtime.ops.activations import FUNCTIONS

PARAMETERS = {"elu": (0.7,), "celu": (1.6,), "softplus": (2.0, 11.0)}
IN_TORCH = {
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "log_sigmoid": F.logsigmoid,
    **{name: getattr(torch, name) for name in ("abs", "ceil", "exp", "floor", "round", "sqrt", "square")},
}
SHAPES = np.random.default_rng(5).integers(1, 9, (6, 3)).tolist()


def one(kind, **fields):
    return kind(name="op", inputs=("a", "b")[: kind.n_inputs], **fields)


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32) * np.float32(4)


def nchw(x):
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


def nhwc(x):
    return x.numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_torchs(function):
    in_torch = IN_TORCH.get(function) or getattr(F, function)
    parameters = PARAMETERS.get(function, ())
    op = one(ops.Activation, function=function, parameters=parameters)
    far = np.float32([0, -0.0, 1e-30, -1e-30, 20, -20, 88, -88, 3e4, -3e4])
    for shape in (*SHAPES, (3, 70, 300)):
        x = np.concatenate([values(2, *shape).ravel(), np.abs(far) if function in ("sqrt", "square") else far])
        x = np.abs(x) if function == "sqrt" else np.minimum(x, 80) if function == "exp" else x
        want = in_torch(torch.from_numpy(x), *parameters).numpy()
        got = op(x)
        np.testing.assert_allclose(got, want, rtol=2e-6, atol=1e-6 if "gelu" in function else 3e-7)
        # What a sign behind the function sees: torch's −0 and its infinities count as torch has them. Where GELU
        # becomes −0 torch's own vectors and single values differ.
        clear = ~((x > -5.65) & (x < -5)) if function.startswith("gelu") else np.ones(x.shape, bool)
        np.testing.assert_array_equal((got >= 0)[clear], (want >= 0)[clear])
        np.testing.assert_array_equal(op(x, out=np.empty_like(x)), got)


@pytest.mark.parametrize(("kind", "in_torch"), [(ops.HardSigmoid, F.hardsigmoid), (ops.HardSwish, F.hardswish)])
def test_hard_functions_equal_torchs_in_every_bit(kind, in_torch):
    x = np.concatenate([values(20_000), np.float32([3, -3, 0, 2.9999998, -2.9999998])])
    np.testing.assert_array_equal(one(kind)(x), in_torch(torch.from_numpy(x)).numpy())


@pytest.mark.parametrize(("height", "width", "channels"), SHAPES)
def test_products_quotients_and_gates(height, width, channels):
    x, y = values(2, height, width, channels), values(2, height, width, channels, seed=1)
    divisor = np.abs(values(channels)) + np.float32(0.1)
    np.testing.assert_array_equal(one(ops.Multiply)(x, y), x * y)
    np.testing.assert_array_equal(
        one(ops.Divide, divisor=divisor)(x), nhwc(nchw(x) / torch.from_numpy(divisor).view(-1, 1, 1))
    )
    for shape in ((1, 1, channels), (height, width, 1), (1, 1, 1), (height, width, channels)):
        gate = values(2, *shape, seed=2)
        for operation, in_torch in (("multiply", torch.mul), ("subtract", torch.sub), ("maximum", torch.maximum)):
            op = one(ops.Pairwise, operation=operation)
            assert op.output_shape(x.shape[1:], shape) == x.shape[1:]
            np.testing.assert_array_equal(op(x, gate), nhwc(in_torch(nchw(x), nchw(gate))))
            constant = one(ops.Constant, operation=operation, constant=gate[0])
            np.testing.assert_array_equal(constant(x), nhwc(in_torch(nchw(x), nchw(gate[:1]))))


@pytest.mark.parametrize(("height", "width", "channels"), SHAPES)
def test_norms(height, width, channels):
    x = values(2, height + 1, width, 4 * channels) + np.float32(3)
    scale, bias = values(4 * channels, seed=1), values(4 * channels, seed=2)
    weight, shift = torch.from_numpy(scale), torch.from_numpy(bias)
    for groups in (1, 2, 4):
        want = nhwc(F.group_norm(nchw(x), groups, weight, shift))
        got = one(ops.GroupNorm, groups=groups, eps=1e-5, scale=scale, bias=bias)(x)
        np.testing.assert_allclose(got, want, atol=2e-5, rtol=1e-5)
    plain = one(ops.GroupNorm, groups=1, eps=1e-3)(x)
    np.testing.assert_allclose(plain, nhwc(F.layer_norm(nchw(x), nchw(x).shape[1:], eps=1e-3)), atol=1e-5)
    pixels = one(ops.PixelNorm, eps=1e-5, scale=scale, bias=bias)(x)
    want = F.layer_norm(torch.from_numpy(x), (4 * channels,), weight, shift).numpy()
    np.testing.assert_allclose(pixels, want, atol=2e-5, rtol=1e-5)


def test_every_op_here_is_the_same_in_onnx():
    import onnxruntime

    c = 6
    positive = np.abs(values(c)) + np.float32(0.5)
    first = [
        *(
            one(ops.Activation, function=name, parameters=PARAMETERS.get(name, ()))
            for name in FUNCTIONS
            if name != "sqrt"
        ),
        *(one(kind) for kind in (ops.HardSigmoid, ops.HardSwish)),
        one(ops.Divide, divisor=positive),
        one(ops.Constant, operation="minimum", constant=values(4, 5, 1)),
        one(ops.GroupNorm, groups=3, eps=1e-3, scale=positive, bias=values(c)),
        one(ops.GroupNorm, groups=1, eps=1e-3),
        one(ops.PixelNorm, eps=1e-3, scale=positive, bias=values(c)),
    ]
    pairs = [ops.Multiply(name="last", inputs=("op", "input"))]
    gate = ops.GlobalAvgPool(name="op", inputs=("input",))
    pairs += [ops.Pairwise(name="last", inputs=("input", "op"), operation=name) for name in ("multiply", "subtract")]
    chains = [[replace(op, inputs=("input",))] for op in first]
    chains += [[replace(one(ops.HardSwish), inputs=("input",)), pairs[0]], *([gate, pair] for pair in pairs[1:])]
    x = values(2, 4, 5, c, seed=7) / np.float32(4)
    for chain in chains:
        network = Network(chain, input_shape=(4, 5, c))
        model = onnx_model(network, (2, c, 4, 5))
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        got = session.run(None, {"x": x.transpose(0, 3, 1, 2)})[0].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(got, network.run(x), atol=1e-5, rtol=1e-5, err_msg=str(chain))
