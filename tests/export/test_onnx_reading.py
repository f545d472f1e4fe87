"""ONNX files of other tools: QONNX's BipolarQuant and standard operators are read, anything else is refused."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xnorlab import export
from xnorlab.runtime import Network, ops

DOMAIN = "qonnx.custom_op.general"
RANDOM = np.random.default_rng(0)


def real(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def model(nodes: list, constants: dict[str, np.ndarray], shape: tuple, output: str = "y"):
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [info("x", TensorProto.FLOAT, shape)], [info(output, TensorProto.FLOAT, None)], tensors
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)])


def opened(tmp_path, *given, **options) -> Network:
    onnx.save(model(*given, **options), tmp_path / "m.onnx")
    return export.from_onnx(tmp_path / "m.onnx")


def signs(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, 1.0, -1.0)


def convolved(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """A 3×3 convolution with a border of one zero, (N, C, H, W), in float64."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = x.shape[2:]
    taps = [(i, j, padded[:, :, i : i + rows, j : j + columns]) for i in range(3) for j in range(3)]
    return np.sum([np.einsum("bchw,nc->bnhw", tap, weight[:, :, i, j]) for i, j, tap in taps], axis=0)


@pytest.mark.parametrize("domain", [DOMAIN, "onnx.brevitas"])
def test_a_network_of_bipolar_quantizers_computes_what_numpy_computes(tmp_path, domain):
    node = helper.make_node
    constants = {
        "w1": real(6, 4, 3, 3),
        "s1": np.float32(0.5),
        "a": np.float32(0.25),
        "gamma": real(6),
        "beta": real(6),
        "mean": real(6),
        "var": np.abs(real(6)) + 1,
        "w2": real(5, 6 * 20),
        "s2": np.abs(real(5, 1)) + 1,
        "one": np.float32([1.0]),
    }
    nodes = [
        node("BipolarQuant", ["w1", "s1"], ["q1"], domain=domain),
        node("BipolarQuant", ["x", "a"], ["b1"], domain=domain),
        node("Conv", ["b1", "q1"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "gamma", "beta", "mean", "var"], ["n"], epsilon=1e-3),
        node("BipolarQuant", ["n", "one"], ["b2"], domain=domain),
        node("Flatten", ["b2"], ["f"]),
        node("BipolarQuant", ["w2", "s2"], ["q2"], domain=domain),
        node("Transpose", ["q2"], ["t"], perm=[1, 0]),
        node("MatMul", ["f", "t"], ["y"]),
    ]
    network = opened(tmp_path, nodes, constants, ("N", 4, 4, 5))
    assert [op.kind for op in network.ops] == ["binary_conv", "affine", "flatten", "binary_linear"]
    x = RANDOM.integers(-2, 3, (3, 4, 4, 5)).astype(np.float32)  # zeros among them, whose sign is +1
    k = constants
    sums = convolved(0.25 * signs(x), 0.5 * signs(k["w1"]))
    column = (slice(None), None, None)
    norm = (sums - k["mean"][column]) / np.sqrt(k["var"][column] + 1e-3) * k["gamma"][column] + k["beta"][column]
    want = signs(norm).reshape(3, -1) @ (k["s2"] * signs(k["w2"])).T
    np.testing.assert_allclose(network.run(np.ascontiguousarray(x.transpose(0, 2, 3, 1))), want, rtol=1e-5)


def test_filters_of_one_magnitude_are_packed_and_others_stay_real(tmp_path):
    node = helper.make_node
    constants = {
        "zero": np.float32(0),
        "plus": np.float32(2),
        "minus": np.float32(-2),
        "w": np.sign(real(3, 4, 3, 3)) * np.float32([0.5, 1, 3]).reshape(3, 1, 1, 1),
        "v": real(2, 3, 3, 3),
        "shift": real(2, 1, 1),
    }
    nodes = [
        node("GreaterOrEqual", ["x", "zero"], ["g"]),
        node("Where", ["g", "plus", "minus"], ["s"]),
        node("Conv", ["s", "w"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "v"], ["d"], pads=[1, 1, 1, 1]),
        node("Sub", ["d", "shift"], ["e"]),
        node("AveragePool", ["e"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("ReduceMean", ["p"], ["y"], axes=[2, 3], keepdims=0),
    ]
    network = opened(tmp_path, nodes, constants, (1, 4, 4, 4))
    kinds = ["binary_conv", "relu", "conv", "affine", "avg_pool", "global_avg_pool", "flatten"]
    assert [op.kind for op in network.ops] == kinds
    x = real(2, 4, 4, 4)
    maps = convolved(np.maximum(convolved(2 * signs(x), constants["w"]), 0), constants["v"]) - constants["shift"]
    got = network.run(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(got, maps.mean((2, 3)), rtol=1e-4, atol=1e-4)


def test_a_flattened_map_that_is_an_output_keeps_onnxs_order(tmp_path):
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Add", ["f", "c"], ["y"])]
    constant = real(1, 12)
    network = opened(tmp_path, nodes, {"c": constant}, ("N", 3, 2, 2))
    x = real(2, 3, 2, 2)
    got = network.run(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    np.testing.assert_array_equal(got, x.reshape(2, 12) + constant)


def relu(*inputs: str) -> list:
    return [helper.make_node("Relu", list(inputs), ["y"], name="act")]


def external() -> onnx.ModelProto:
    made = model([helper.make_node("Add", ["x", "c"], ["y"])], {"c": np.ones(4, np.float32)}, ("N", 4))
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return made


def changed(change: Callable) -> onnx.ModelProto:
    made = model([helper.make_node("Add", ["x", "c"], ["y"])], {"c": np.ones(4, np.float32)}, ("N", 4))
    change(made)
    return made


def conv_of_signs(scale: np.ndarray) -> onnx.ModelProto:
    nodes = [helper.make_node("BipolarQuant", ["x", "s"], ["y"], domain=DOMAIN, name="q")]
    return model(nodes, {"s": scale}, ("N", 2, 4, 4))


def quantizer(bits: float, **options: int) -> onnx.ModelProto:
    node = helper.make_node(
        "Quant", ["x", "s", "z", "b"], ["y"], domain=DOMAIN, name="q", **{"signed": 1, "narrow": 1, **options}
    )
    return model([node], {"s": np.float32(0.5), "z": np.float32(0), "b": np.float32(bits)}, ("N", 4))


def test_a_quantizer_of_one_bit_gives_signs_times_a_scale(tmp_path):
    (tmp_path / "m.onnx").write_bytes(quantizer(1).SerializeToString())
    x = np.float32([[-2, 0, 0.25, -0.125]])
    got = export.from_onnx(tmp_path / "m.onnx").run(x)
    np.testing.assert_array_equal(got, np.float32([[-0.5, 0.5, 0.5, -0.5]]))


REFUSED = {
    "unknown": (lambda: model([helper.make_node("Erf", ["x"], ["y"], name="e")], {}, ("N", 4)), r"e \(Erf\): the oper"),
    "domain": (
        lambda: model([helper.make_node("Trunc", ["x"], ["y"], domain=DOMAIN)], {}, ("N", 4)),
        r"y \(qonnx.custom_op.general.Trunc\): the operator cannot be read",
    ),
    **{
        f"quantizer of {name}": (lambda bits=bits, options=options: quantizer(bits, **options), message)
        for name, bits, options, message in (
            ("two bits", 2, {}, r"q \(qonnx.custom_op.general.Quant\): has bit width 2, .*the rule is one bit"),
            ("no sign", 1, {"signed": 0}, "signed=0 and narrow=1; the rule is one bit"),
            ("a wide range", 1, {"narrow": 0}, "signed=1 and narrow=0; the rule is one bit"),
        )
    },
    "sign": (lambda: model([helper.make_node("Sign", ["x"], ["y"])], {}, ("N", 4)), "gives 0 for 0"),
    "external": (external, "'c': lies in another file"),
    "nothing": (lambda: model([], {}, ("N", 4)), "has no nodes or no output"),
    "later": (lambda: model(relu("z"), {}, ("N", 4)), r"act \(Relu\): reads 'z', which no earlier node gives"),
    "cycle": (lambda: model(relu("y"), {}, ("N", 4)), "reads 'y', which no earlier node gives"),
    "inputs": (lambda: model(relu("x", "x"), {}, ("N", 4)), "has 2 inputs, which do not fit"),
    "input": (lambda: model(relu("x"), {}, ("N", "C", 4, 4)), r"has shape \('\?', '\?', 4, 4\)"),
    "huge": (lambda: model(relu("x"), {}, ("N", 2**20, 2**20, 2**20)), "has more than 67,108,864 numbers"),
    "scale": (lambda: conv_of_signs(np.float32([1, 2])), "the rule is one number for values that are no weights"),
    "negative": (lambda: conv_of_signs(np.float32(-1)), "the rule is finite numbers above 0"),
    "short": (lambda: changed(lambda m: m.graph.initializer[0].dims.__setitem__(0, 400)), "does not fit its shape"),
    "vast": (lambda: changed(lambda m: m.graph.initializer[0].dims.extend([2**40, 2**40])), "impossible shape"),
    "less": (lambda: changed(lambda m: m.graph.initializer[0].dims.__setitem__(0, -4)), "impossible shape"),
    "type": (lambda: changed(lambda m: setattr(m.graph.initializer[0], "data_type", 8)), "holds STRING"),
    "NaN": (
        lambda: changed(lambda m: setattr(m.graph.initializer[0], "raw_data", b"\xff" * 16)),
        "constant 'c': holds NaN",
    ),
    "opset": (lambda: changed(lambda m: setattr(m.opset_import[0], "version", 6)), "is 6; the rule is 9 or newer"),
    "metadata": (lambda: changed(lambda m: m.metadata_props.add(key="xnorlab", value="[" * 10**5)), "is altered"),
    "fields": (
        lambda: changed(lambda m: m.metadata_props.add(key="xnorlab", value='{"name": 1}')),
        "exactly the field",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(case, tmp_path):
    make, message = REFUSED[case]
    (tmp_path / "bad.onnx").write_bytes(make().SerializeToString())
    with pytest.raises(export.ExportError, match=message) as caught:
        export.from_onnx(tmp_path / "bad.onnx")
    assert str(caught.value).startswith(f"{tmp_path / 'bad.onnx'}: ")


def test_no_onnx_file_is_said_to_be_none(tmp_path):
    path = tmp_path / "file"
    for content in (b"not a model" * 9, b"\x80\x04cos\nsystem\n.", b"PK\x03\x04" + bytes(99)):
        path.write_bytes(content)
        with pytest.raises(export.ExportError, match="is not an ONNX model"):
            export.from_onnx(path)
    path.write_bytes(b"")
    with pytest.raises(export.ExportError, match="has 0 bytes; the rule is 1 to"):
        export.from_onnx(path)
    for missing in (tmp_path, tmp_path / "none"):
        with pytest.raises(export.ExportError, match="cannot be read"):
            export.from_onnx(missing)


def test_a_small_file_cannot_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("xnorlab.export.onnx_files.reader.MAX_BYTES", 2**17)
    names = ["x", *(f"v{i}" for i in range(19)), "y"]
    nodes = [helper.make_node("Mul", [a, "c"], [b]) for a, b in pairwise(names)]
    with pytest.raises(export.ExportError, match="spread over channels, take more than 131,072 bytes"):
        opened(tmp_path, nodes, {"c": np.float32(1)}, ("N", 2**12))


def test_a_file_cut_or_altered_anywhere_is_refused_or_read_but_never_crashes(tmp_path):
    layer = ops.BinaryLinear(name="b", inputs=("input",), words=np.arange(3, dtype=np.uint64)[:, None], features=4)
    export.to_onnx(Network([layer], input_shape=(4,)), tmp_path / "n.onnx")
    data = (tmp_path / "n.onnx").read_bytes()
    refused = 0
    for position in range(0, len(data), 7):
        altered = bytearray(data)
        altered[position] ^= 1 << position % 8
        for content in (bytes(altered), data[:position] or b"\0"):
            (tmp_path / "n.onnx").write_bytes(content)
            try:
                assert isinstance(export.from_onnx(tmp_path / "n.onnx"), Network)
            except export.ExportError:
                refused += 1
    assert refused > len(data) // 7
