"""OpenVINO models in eight bits, quantized here: FakeQuantize on what is summed, int8 weights with a step a filter.

The graph is what OpenVINO's own tools write (NNCF's default for CPUs): inputs of convolutions, matrix products,
additions and pools lie on 256 levels of calibrated minimum and maximum, so that sums in between stay integers. The
first convolution has weights of half the range, as it has there.
"""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from collections.abc import Mapping
from typing import Any

import numpy as np

from xnorlab.benchmark.quantization import HALF_RANGE, LARGEST, Grid, round_weight

_SUMS = ("Convolution", "MatMul")
_READERS = (*_SUMS, "Add", "MaxPool", "AvgPool")
_EXECUTED_SUMS = ("Convolution", "FullyConnected", "MatMul")


def on_grid(source: Any, grid: Grid) -> Any:
    """The node that rounds `source` to the grid."""
    import openvino.opset1 as op

    low, high = (op.constant(np.float32(limit)) for limit in (grid.low, grid.high))
    return op.fake_quantize(source, low, high, low, high, 256)


def int8_weight(weight: np.ndarray, axis: int = 0, largest: int = LARGEST) -> Any:
    """The node that holds `weight` as int8 up to `largest`, with a step for every index of `axis`."""
    import openvino.opset1 as op

    rounded, step = round_weight(weight, axis, largest)
    return op.multiply(op.convert(op.constant(rounded), "f32"), op.constant(step))


def quantize(model: Any, grids: Mapping[str, Grid]) -> None:
    """Turn an openvino.Model of a float network, in place, into its eight-bit version.

    grids: for the names of tensors, what was seen there. A tensor without one stays float where it is read.
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


def sums_in_int8(request: Any) -> bool:
    """Whether all convolutions and matrix products of an inference request run on eight-bit integers.

    Asked of the graph that is executed: OpenVINO silently computes in float32 what its kernels cannot.
    """
    executed = request.get_compiled_model().get_runtime_model().get_ordered_ops()
    found = [node.get_rt_info() for node in executed]
    sums = [info for info in found if info["layerType"].astype(str) in _EXECUTED_SUMS]
    return bool(sums) and all(info["runtimePrecision"].astype(str) in ("u8", "i8") for info in sums)


def _round_weight_of(node: Any, largest: int) -> None:
    weight = node.input_value(1).get_node()
    if weight.get_type_name() == "Constant":
        by_columns = node.get_type_name() == "MatMul" and not node.get_attributes()["transpose_b"]
        node.input(1).replace_source_output(int8_weight(weight.data, int(by_columns), largest).output(0))


def _reads_eight_bits(node: Any) -> bool:
    """The addition of a bias belongs to its convolution and is none of its own."""
    if node.get_type_name() == "Add":
        return all(node.input_value(i).get_node().get_type_name() != "Constant" for i in (0, 1))
    return node.get_type_name() in _READERS
