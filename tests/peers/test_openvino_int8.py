"""OpenVINO's int8 is really int8: the executed graph says so, and its sums are those of the rounded numbers."""

import numpy as np
import openvino as ov
import pytest

from xnorlab.benchmark.quantization import Grid
from xnorlab.peers.engine_threads import openvino_request
from xnorlab.peers.openvino_int8 import int8_weight, on_grid, quantize, sums_in_int8


def convolution(x: np.ndarray, weight: np.ndarray):
    """A small float model: convolution, bias, ReLU, pool, matrix product."""
    import openvino.opset1 as op

    data = op.parameter(list(x.shape), np.float32)
    data.output(0).set_names({"x"})
    y = op.convolution(data, op.constant(weight), [1, 1], [1, 1], [1, 1], [1, 1])
    y = op.relu(op.add(y, op.constant(np.full((1, len(weight), 1, 1), 0.1, np.float32))))
    y.output(0).set_names({"y"})
    pooled = op.reshape(op.reduce_mean(y, op.constant(np.array([2, 3]))), op.constant(np.array([1, -1])), False)
    pooled.output(0).set_names({"mean"})
    matrix = np.random.default_rng(1).standard_normal((len(weight), 5)).astype(np.float32)
    return ov.Model([op.matmul(pooled, op.constant(matrix), False, False)], [data], "small")  # pyright: ignore[reportGeneralTypeIssues]


def is_int8(node) -> bool:
    return node.get_type_name() == "Constant" and node.get_element_type().get_type_name() == "i8"


def run(model, x: np.ndarray):
    request = openvino_request(model, x, 1)
    request.infer()
    return np.array(request.get_output_tensor().data), request


def test_float_model_becomes_int8_and_gives_nearly_the_same():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 16, 12, 12)).astype(np.float32)
    weight = rng.standard_normal((32, 16, 3, 3)).astype(np.float32)
    expected, request = run(convolution(x, weight), x)
    assert not sums_in_int8(request), "the float model runs in float32"
    model = convolution(x, weight)
    quantize(model, {"x": Grid.of(x), "y": Grid(0.0, 60.0), "mean": Grid(0.0, 10.0)})
    outputs, request = run(model, x)
    kinds = [node.get_type_name() for node in model.get_ordered_ops()]
    largest = [int(np.abs(node.data).max()) for node in model.get_ordered_ops() if is_int8(node)]
    assert largest == [63, 127], "the first convolution's weights have half the range"
    assert kinds.count("FakeQuantize") == 2, "before the convolution and the matrix product, not before the bias"
    assert 0 < np.linalg.norm(outputs - expected) / np.linalg.norm(expected) < 0.03


def test_tensor_without_a_range_stays_float():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 16, 12, 12)).astype(np.float32)
    model = convolution(x, rng.standard_normal((32, 16, 3, 3)).astype(np.float32))
    quantize(model, {})
    assert "FakeQuantize" not in [node.get_type_name() for node in model.get_ordered_ops()]
    assert not sums_in_int8(run(model, x)[1])


@pytest.mark.parametrize("axis", [0, 1])
def test_nodes_hold_the_rounded_numbers(axis: int):
    import openvino.opset1 as op

    values = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    grid = Grid.of(values)
    data = op.parameter([4, 6], np.float32)
    outputs, _ = run(ov.Model([on_grid(data, grid)], [data], "grid"), values)  # pyright: ignore[reportGeneralTypeIssues]
    assert outputs == pytest.approx(grid.round(values), abs=1e-6)
    weight, _ = run(ov.Model([op.add(data, int8_weight(values, axis))], [data], "weight"), np.zeros_like(values))  # pyright: ignore[reportGeneralTypeIssues]
    step = np.abs(values).max(axis=1 - axis, keepdims=True) / 127
    assert np.abs(weight - values).max() <= step.max() / 2 + 1e-6
