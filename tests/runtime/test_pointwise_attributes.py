"""Ops of activations, arithmetic and norms refuse what a forged file could hold."""

import numpy as np
import pytest

from xnorlab.runtime import Network, file_format, ops

ONES = np.ones(3, np.float32)


@pytest.mark.parametrize(
    ("kind", "fields", "rule"),
    [
        (ops.Activation, {"function": "system"}, "function='system' must be one of abs"),
        (ops.Activation, {"function": ["tanh"]}, "function="),
        (ops.Activation, {"function": "tanh", "parameters": (1.0,)}, "of tanh must be: none"),
        (ops.Activation, {"function": "softplus", "parameters": (1.0,)}, "must be: beta, threshold"),
        (ops.Activation, {"function": "softplus", "parameters": (0.0, 20.0)}, "beta=0.0 of softplus"),
        (ops.Activation, {"function": "elu", "parameters": (float("nan"),)}, "alpha=nan"),
        (ops.Activation, {"function": "elu", "parameters": (1,)}, "alpha=1 "),
        (ops.Activation, {"function": "elu", "parameters": "a"}, "must be: alpha"),
        (ops.Pairwise, {"operation": "power"}, "operation='power' must be one of add"),
        (ops.Constant, {"operation": "add", "constant": np.float32([np.nan])}, "constant holds nan"),
        (ops.Divide, {"divisor": np.float32([1, 0, 2])}, "divisor holds 0"),
        (ops.GroupNorm, {"groups": 0, "eps": 1e-5}, "groups=0"),
        (ops.GroupNorm, {"groups": 1, "eps": 0.0}, "eps=0.0 must be above 0"),
        (ops.GroupNorm, {"groups": 1, "eps": float("inf")}, "eps=inf"),
        (ops.GroupNorm, {"groups": 1, "eps": 1e-5, "scale": ONES, "bias": ONES[:2]}, "one and the same shape"),
        (ops.PixelNorm, {"eps": "1"}, "eps='1'"),
    ],
)
def test_attributes_that_do_not_fit(kind, fields, rule):
    with pytest.raises(ValueError, match=f"op: .*{rule}"):
        kind(name="op", inputs=("a", "b")[: kind.n_inputs], **fields)


@pytest.mark.parametrize(
    ("op", "shapes", "rule"),
    [
        (ops.Multiply(name="op", inputs=("a", "b")), [(2, 2, 3), (1, 1, 3)], "cannot multiply"),
        (ops.Pairwise(name="op", inputs=("a", "b"), operation="add"), [(2, 2, 3), (3,)], "none is spread"),
        (ops.Pairwise(name="op", inputs=("a", "b"), operation="add"), [(2, 2, 3), (2, 1, 4)], "none is spread"),
        (ops.Constant(name="op", inputs=("a",), operation="add", constant=ONES), [(1,)], "that of the constant"),
        (ops.GroupNorm(name="op", inputs=("a",), groups=2, eps=0.1), [(4, 4, 3)], "groups=2 does not divide"),
        (ops.PixelNorm(name="op", inputs=("a",), eps=0.1, scale=ONES), [(4, 4, 2)], "shape"),
    ],
)
def test_shapes_that_do_not_fit(op, shapes, rule):
    with pytest.raises(ValueError, match=f"op: .*{rule}"):
        op.output_shape(*shapes)


def test_what_overflows_on_the_way_is_silent():
    x = np.float32([-3e38, -200, 0, 200, 3e38])
    for function in ("sigmoid", "silu", "softplus", "mish", "log_sigmoid", "gelu_tanh"):
        parameters = (1.0, 20.0) if function == "softplus" else ()
        network = Network(
            [ops.Activation(name="op", inputs=("input",), function=function, parameters=parameters)], input_shape=(5,)
        )
        assert not np.isnan(network.run(x[None])).any(), function


def test_a_file_says_the_version_that_its_ops_need():
    def version(op):
        return file_format._version({"graph": [{"kind": op.kind}]})

    assert version(ops.ReLU(name="op", inputs=("input",))) == 1
    assert version(ops.HardSwish(name="op", inputs=("input",))) == 4
