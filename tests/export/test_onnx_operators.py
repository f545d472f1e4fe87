"""Operators of ONNX as other tools write them: read, they compute what ONNX Runtime computes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from xnorlab import export

QONNX = "qonnx.custom_op.general"
RANDOM = np.random.default_rng(0)


def real(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node; inputs and outputs are named in one text, "-" for an input that is not given."""
    return helper.make_node(kind, ["" if i == "-" else i for i in inputs.split()], outputs.split(), **attributes)


@dataclass
class Graph:
    """A graph from "x" to "y".

    Attributes:
        nodes: in order.
        constants: by name.
        kinds: of the ops that it is read as.
        shape: of the input, without the batch.
        opset: of the operators.
        size_matters: whether the network is right for one height and width only.
    """

    nodes: list[onnx.NodeProto]
    constants: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    shape: tuple[int, ...] = (4, 6, 5)
    opset: int = 17
    size_matters: bool = False

    def model(self) -> onnx.ModelProto:
        tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in self.constants.items()]
        info = helper.make_tensor_value_info
        inputs, outputs = [info("x", TensorProto.FLOAT, ("N", *self.shape))], [info("y", TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "g", inputs, outputs, tensors)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def one(kind: str, ops: str, inputs: str = "x", constants: Any = None, **attributes: Any) -> Graph:
    """A graph of one node."""
    own = {name: attributes.pop(name) for name in ("shape", "opset", "size_matters") if name in attributes}
    return Graph([node(kind, inputs, "y", **attributes)], constants or {}, tuple(ops.split()), **own)


F1, F2, ROOT = np.float32(1), np.float32(2), np.float32(np.sqrt(0.5))
RESIZE = {"constants": {"s": np.float32([1, 1, 2, 3])}, "inputs": "x - s"}
FLOORED = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
SHUFFLE = [node("Reshape", "x a", "r"), node("Transpose", "r", "t", perm=[0, 2, 1, 3, 4]), node("Reshape", "t b", "y")]

GRAPHS: dict[str, Callable[[], Graph]] = {
    **{
        kind: (lambda kind=kind: one(kind, "activation"))
        for kind in ("Abs", "Ceil", "Elu", "Exp", "Floor", "Round", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh")
    },
    "Celu": lambda: one("Celu", "activation", alpha=0.5),
    "Elu of another alpha": lambda: one("Elu", "activation", alpha=0.3),
    "HardSwish": lambda: one("HardSwish", "hard_swish"),
    "HardSigmoid of torch": lambda: one("HardSigmoid", "hard_sigmoid", alpha=1 / 6),
    "HardSigmoid of Keras": lambda: one("HardSigmoid", "affine hardtanh"),
    "Gelu": lambda: one("Gelu", "activation", opset=20),
    "Gelu of tanh": lambda: one("Gelu", "activation", opset=20, approximate="tanh"),
    "Mish": lambda: one("Mish", "activation", opset=18),
    "GELU as torch writes it": lambda: Graph(
        [
            node("Div", "x r", "d"),
            node("Erf", "d", "e"),
            node("Add", "e one", "a"),
            node("Mul", "x a", "m"),
            node("Mul", "m h", "y"),
        ],
        {"r": np.float32(np.sqrt(2)), "one": F1, "h": np.float32(0.5)},
        ("activation",),
    ),
    "SiLU": lambda: Graph([node("Sigmoid", "x", "s"), node("Mul", "s x", "y")], {}, ("activation",)),
    "hard swish of two": lambda: Graph(
        [node("HardSigmoid", "x", "s", alpha=1 / 6), node("Mul", "x s", "y")], {}, ("hard_swish",)
    ),
    "a sigmoid that is used twice": lambda: Graph(
        [node("Sigmoid", "x", "s"), node("Mul", "s x", "m"), node("Add", "m s", "y")],
        {},
        ("activation", "activation", "add"),
    ),
    "Pow": lambda: one("Pow", "activation", "x two", {"two": F2}),
    "Neg": lambda: one("Neg", "affine"),
    "one minus": lambda: one("Sub", "affine", "one x", {"one": F1}),
    "Max with a constant": lambda: one("Max", "constant", "x c", {"c": real(4, 1, 1)}),
    "constants of every place": lambda: one("Add", "constant", "x c", {"c": real(4, 6, 5)}, size_matters=True),
    "difference of two": lambda: Graph([node("Relu", "x", "r"), node("Sub", "r x", "y")], {}, ("relu", "pairwise")),
    "squeeze and excitation": lambda: Graph(
        [
            node("GlobalAveragePool", "x", "p"),
            node("Conv", "p w", "c"),
            node("HardSigmoid", "c", "h", alpha=1 / 6),
            node("Mul", "h x", "y"),
        ],
        {"w": real(4, 4, 1, 1)},
        ("global_avg_pool", "conv", "hard_sigmoid", "pairwise"),
    ),
    "Gather of channels": lambda: one("Gather", "select", "x i", {"i": np.int64([3, 0, 0])}, axis=1),
    "Gather of a column": lambda: one("Gather", "flatten select unflatten", "x i", {"i": np.int64(-1)}, axis=3),
    "Slice with a step": lambda: one(
        "Slice", "slice", "x b e a s", {"b": [0, 1], "e": [2**31, 2**31], "a": [2, 3], "s": [2, 2]}
    ),
    "Slice backwards": lambda: one(
        "Slice", "slice", "x b e a s", {"b": [2**40], "e": [-(2**40)], "a": [-1], "s": [-1]}
    ),
    "Split": lambda: Graph(
        [node("Split", "x n", "a b", axis=1), node("Concat", "b a", "y", axis=1)],
        {"n": np.int64([1, 3])},
        ("select", "select", "concatenate"),
    ),
    "Split of old": lambda: Graph(
        [node("Split", "x", "a b", axis=1), node("Sub", "b a", "y")], {}, ("select", "select", "pairwise"), opset=11
    ),
    "channel shuffle": lambda: Graph(
        SHUFFLE, {"a": np.int64([0, 2, 2, 6, 5]), "b": np.int64([0, 4, 6, 5])}, ("select",), size_matters=True
    ),
    "channel shuffle for any batch": lambda: Graph(
        SHUFFLE, {"a": np.int64([-1, 2, 2, 6, 5]), "b": np.int64([-1, 4, 6, 5])}, ("select",), size_matters=True
    ),
    "DepthToSpace": lambda: one("DepthToSpace", "select pixel_shuffle", shape=(8, 3, 2), blocksize=2),
    "DepthToSpace of torch": lambda: one("DepthToSpace", "pixel_shuffle", shape=(8, 3, 2), blocksize=2, mode="CRD"),
    "SpaceToDepth": lambda: one("SpaceToDepth", "pixel_unshuffle select", shape=(3, 4, 6), blocksize=2),
    "Tile": lambda: one("Tile", "select", "x t", {"t": np.int64([1, 2, 1, 1])}),
    "view of the batch's size": lambda: Graph(
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n", axis=0),
            node("Unsqueeze", "n zeros", "u"),
            node("Concat", "u rest", "t", axis=0),
            node("Reshape", "x t", "r"),
            node("MatMul", "r w", "y"),
        ],
        {"zero": np.int64(0), "zeros": np.int64([0]), "rest": np.int64([-1]), "w": real(120, 3)},
        ("flatten", "linear"),
    ),
    "squeezed mean": lambda: Graph(
        [node("GlobalAveragePool", "x", "p"), node("Squeeze", "p a", "y")],
        {"a": np.int64([2, 3])},
        ("global_avg_pool", "flatten"),
    ),
    "largest of the channels": lambda: one("ReduceMax", "reduce", axes=[1]),
    "GlobalMaxPool": lambda: one("GlobalMaxPool", "adaptive_pool"),
    "sum over a map": lambda: one("ReduceSum", "reduce flatten", "x a", {"a": np.int64([2, 3])}, keepdims=0),
    "Softmax of channels": lambda: one("Softmax", "softmax", axis=1),
    "nearest": lambda: one(
        "Resize", "resize", **RESIZE, coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    ),
    "nearest by its centres": lambda: one("Resize", "resize", **RESIZE),
    "bilinear": lambda: one("Resize", "resize", **RESIZE, mode="linear"),
    "bilinear to a size": lambda: one(
        "Resize",
        "resize",
        "x - - s",
        {"s": np.int64([9, 4])},
        opset=18,
        mode="linear",
        axes=[2, 3],
        coordinate_transformation_mode="align_corners",
    ),
    "nearest of centres, exact": lambda: one(
        "Resize", "resize", "x - s", {"s": np.float32([1, 1, 1.5, 0.7])}, nearest_mode="round_prefer_ceil"
    ),
    "InstanceNormalization": lambda: one("InstanceNormalization", "group_norm", "x s b", {"s": real(4), "b": real(4)}),
    "GroupNormalization": lambda: one(
        "GroupNormalization", "group_norm", "x s b", {"s": real(4), "b": real(4)}, num_groups=2, opset=21
    ),
    "LayerNormalization": lambda: one(
        "LayerNormalization", "group_norm constant", "x s", {"s": real(4, 6, 5)}, axis=1, size_matters=True
    ),
    "LayerNormalization of pixels": lambda: Graph(
        [
            node("Transpose", "x", "t", perm=[0, 2, 3, 1]),
            node("LayerNormalization", "t s b", "n"),
            node("MatMul", "n w", "m"),
            node("Add", "m c", "a"),
            node("Relu", "a", "r"),
            node("Transpose", "r", "y", perm=[0, 3, 1, 2]),
        ],
        {"s": real(4), "b": real(4), "w": real(4, 7), "c": real(7)},
        ("pixel_norm", "conv", "affine", "relu"),
    ),
    "a gate, channels last": lambda: Graph(
        [
            node("GlobalAveragePool", "x", "p"),
            node("Transpose", "p", "g", perm=[0, 2, 3, 1]),
            node("Transpose", "x", "t", perm=[0, 2, 3, 1]),
            node("Mul", "g t", "m"),
            node("Transpose", "m", "y", perm=[0, 3, 1, 2]),
        ],
        {},
        ("global_avg_pool", "pairwise"),
    ),
    "a norm of its parts": lambda: Graph(
        [
            node("ReduceMean", "x", "m", axes=[1]),
            node("Sub", "x m", "c"),
            node("Pow", "c two", "q"),
            node("ReduceMean", "q", "v", axes=[1]),
            node("Add", "v e", "w"),
            node("Sqrt", "w", "r"),
            node("Div", "c r", "d"),
            node("Mul", "d g", "s"),
            node("Add", "s b", "y"),
        ],
        {"two": F2, "e": np.float32(1e-5), "g": real(4, 1, 1), "b": real(4, 1, 1)},
        ("pixel_norm",),
    ),
    "Constant, Identity and Cast": lambda: Graph(
        [
            node("Constant", "", "c", value_float=2.0),
            node("Identity", "x", "i"),
            node("Cast", "i", "f", to=TensorProto.FLOAT),
            node("Mul", "f c", "y"),
        ],
        {},
        ("affine",),
    ),
    "Pad of two axes": lambda: one("Pad", "border", "x p - a", {"p": np.int64([1, 2]), "a": np.int64([3])}, opset=18),
}


def engine(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    """What ONNX Runtime gives."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize("name", GRAPHS)
def test_an_operator_computes_what_onnx_runtime_computes(name, tmp_path):
    graph = GRAPHS[name]()
    model = graph.model()
    onnx.save(model, tmp_path / "m.onnx")
    network = export.from_onnx(tmp_path / "m.onnx")
    assert tuple(op.kind for op in network.ops) == graph.kinds
    assert bool(network.fixed_by) == graph.size_matters
    x = real(3, *graph.shape)
    got = network.run(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    assert isinstance(got, np.ndarray)
    want = engine(model, x)
    np.testing.assert_allclose(got.transpose(0, 3, 1, 2) if got.ndim == 4 else got, want, rtol=1e-5, atol=1e-5)
