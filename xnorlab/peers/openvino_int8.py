"""Quantization of OpenVINO models to eight bits: FakeQuantize nodes on inputs, int8 weights with one step per filter.

The graph equals the one that OpenVINO's own tools write (NNCF's default for CPUs). The inputs of convolutions, matrix
products, additions and pools lie on 256 levels between calibrated minimum and maximum, so that the sums stay integers.
The first convolution has weights of seven bits, as NNCF's has.
"""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from collections.abc import Mapping
from typing import Any

import numpy as np

from xnorlab.benchmark.quantization import HALF_RANGE, LARGEST, Grid, round_weight
from xnorlab.peers.engine_threads import openvino_request

_SUMS = ("Convolution", "GroupConvolution", "MatMul")
_READERS = (*_SUMS, "Add", "MaxPool", "AvgPool")
_EXECUTED_SUMS = ("Convolution", "FullyConnected", "MatMul")


def on_grid(source: Any, grid: Grid) -> Any:
    """Return a node that rounds the output of the node `source` to the grid."""
    import openvino.opset1 as op

    low, high = (op.constant(np.float32(limit)) for limit in (grid.low, grid.high))
    return op.fake_quantize(source, low, high, low, high, 256)


def int8_weight(weight: np.ndarray, axis: int = 0, largest: int = LARGEST) -> Any:
    """Return a node that holds a weight in int8; the arguments are those of `quantization.round_weight`."""
    import openvino.opset1 as op

    rounded, step = round_weight(weight, axis, largest)
    return op.multiply(op.convert(op.constant(rounded), "f32"), op.constant(step))


def quantize(model: Any, grids: Mapping[str, Grid]) -> None:
    """Quantize an openvino.Model of a float network to eight bits, in place.

    Args:
        model: The model.
        grids: By name of a tensor, the grid of its values. A tensor without a grid stays float.
    """
    ops = list(model.get_ordered_ops())
    first = next((node for node in ops if node.get_type_name() == "Convolution"), None)
    for node in ops:
        if node.get_type_name() in _SUMS:
            _round_weight_of(node, HALF_RANGE if node is first else LARGEST)
        for output in node.outputs():
            grid = next((grids[name] for name in output.get_names() if name in grids), None)
            readers = [target for target in output.get_target_inputs() if _reads_eight_bits(target.get_node())]
            if grid is not None and readers:
                rounded = on_grid(output, grid).output(0)
                for target in readers:
                    target.replace_source_output(rounded)


def folded(model: Any) -> Any:
    """Compute what depends on no input, in place: weights and biases become constants, as `quantize` takes them."""
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    return model


def calibrated(model: Any, x: np.ndarray) -> dict[str, Grid]:
    """Find the grids for `quantize` from the values that a float model computes for the input `x`.

    Args:
        model: An openvino.Model with one input. Its tensors get names where they have none.
        x: The calibration input, as the model takes it.

    Returns:
        By name of a tensor that a node could read in eight bits, the grid of its values.
    """
    grids: dict[str, Grid] = {}
    inner = []
    for i, node in enumerate(model.get_ordered_ops()):
        kind = node.get_type_name()
        for output in node.outputs() if kind not in ("Constant", "Result") else ():
            if not any(_reads_eight_bits(target.get_node()) for target in output.get_target_inputs()):
                continue
            if not output.get_names():
                output.get_tensor().set_names({f"inner {i}"})
            name = min(output.get_names())
            if kind == "Parameter":
                grids[name] = Grid.of(x)
            else:
                inner.append(name)
    twin = model.clone()
    twin.add_outputs(inner)
    request = openvino_request(twin, x, 1)
    request.infer()
    return grids | {name: Grid.of(request.get_tensor(name).data) for name in inner}


def sums_in_int8(request: Any) -> bool:
    """Whether all convolutions and matrix products of an inference request run on eight-bit integers.

    The answer comes from the graph that is executed, since OpenVINO computes in float32, without a warning, what it has
    no int8 kernel for.
    """
    executed = request.get_compiled_model().get_runtime_model().get_ordered_ops()
    infos = [node.get_rt_info() for node in executed]
    sums = [info for info in infos if info["layerType"].astype(str) in _EXECUTED_SUMS]
    return bool(sums) and all(info["runtimePrecision"].astype(str) in ("u8", "i8") for info in sums)


def _round_weight_of(node: Any, largest: int) -> None:
    weight = node.input_value(1).get_node()
    if weight.get_type_name() == "Constant":
        by_columns = node.get_type_name() == "MatMul" and not node.get_attributes()["transpose_b"]
        node.input(1).replace_source_output(int8_weight(weight.data, int(by_columns), largest).output(0))


def _reads_eight_bits(node: Any) -> bool:
    """Whether a node reads eight-bit values; the addition of a bias does not, since it is part of its convolution."""
    if node.get_type_name() == "Add":
        return all(node.input_value(i).get_node().get_type_name() != "Constant" for i in (0, 1))
    return node.get_type_name() in _READERS
