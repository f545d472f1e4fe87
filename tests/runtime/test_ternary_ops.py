"""Ops with ternary weights: their formula, two bits per weight in file and memory, and files of version 4."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open

from xnorlab.kernels.packing import pack_filters, pack_ternary
from xnorlab.runtime import Network, PackedFileError, ops
from xnorlab.runtime.file_format import KEY, read, write

RNG = np.random.default_rng(0)
ONE = {"name": "op", "inputs": ("input",)}


def ternary(*shape: int) -> np.ndarray:
    return RNG.integers(-1, 2, shape).astype(np.float32)


def real(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def conv(filters: np.ndarray, **fields) -> ops.TernaryWeightConv:
    words, nonzero = pack_ternary(filters)
    return ops.TernaryWeightConv(**ONE, words=words, nonzero=nonzero, channels=filters.shape[3], **fields)


def matrix(weight: np.ndarray, **fields) -> ops.TernaryWeightLinear:
    words, nonzero = (plane[:, 0, 0] for plane in pack_ternary(weight[:, None, None, :]))
    return ops.TernaryWeightLinear(**ONE, words=words, nonzero=nonzero, features=weight.shape[1], **fields)


def test_both_compute_sums_times_scale_plus_bias():
    x, w, scale, bias = real(2, 5, 6, 3), ternary(5, 1, 1, 3), real(5), real(5)
    want = x @ w[:, 0, 0].T * scale + bias
    np.testing.assert_allclose(conv(w, scale=scale, bias=bias)(x), want, rtol=1e-4, atol=1e-5)
    vectors = np.ascontiguousarray(x[:, 0, 0])
    op = matrix(w[:, 0, 0], scale=scale, bias=bias)
    np.testing.assert_allclose(op(vectors), want[:, 0, 0], rtol=1e-4, atol=1e-5)
    out = np.empty((2, 5), np.float32)
    op.bound((vectors,), out)(1)
    np.testing.assert_array_equal(out, op(vectors))


def test_a_weight_takes_two_bits_in_the_file_and_in_memory():
    filters = ternary(64, 3, 3, 192)
    op = conv(filters)
    assert op.weight_bits == matrix(ternary(4, 70)).weight_bits == 2
    assert op.weight_bytes == 2 * filters.size // 8
    assert op.weight_bytes <= op.resident_bytes < 1.1 * op.weight_bytes
    assert op.macs((5, 6, 192)) == (0, 3 * 4 * filters.size)
    for name, plane in zip(("words", "nonzero"), pack_ternary(filters), strict=True):
        np.testing.assert_array_equal(getattr(op, name), plane)
        np.testing.assert_array_equal(getattr(replace(op, scale=real(64)), name), plane)


def test_planes_that_contradict_each_other_are_refused():
    filters = ternary(4, 3, 3, 70)
    words, nonzero = pack_ternary(filters)
    fields = {**ONE, "channels": 70}
    beyond = nonzero.copy()
    beyond[..., -1] |= np.uint64(1 << 20)
    for given, told in (
        ((words, nonzero[:3]), r"op: nonzero has shape \(3, 3, 3, 2\); the rule is that of words"),
        ((words, beyond), "op: nonzero has bits set beyond channel 69"),
        ((pack_filters(np.ones_like(filters)), nonzero), "op: words has a 1 where nonzero has a 0"),
    ):
        with pytest.raises(ValueError, match=told):
            ops.TernaryWeightConv(**fields, words=given[0], nonzero=given[1])
    with pytest.raises(ValueError, match="nonzero is NoneType"):
        ops.TernaryWeightConv(**fields, words=words, nonzero=None)


def test_a_file_with_ternary_weights_has_version_4_and_comes_back(tmp_path):
    path = tmp_path / "network.safetensors"
    network = Network([conv(ternary(5, 3, 3, 70), scale=real(5), padding=(1, 1))], input_shape=(6, 7, 70))
    network.save(path)
    with safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()[KEY])["format_version"] == 4
    opened, x = Network.open(path), real(2, 6, 7, 70)
    np.testing.assert_array_equal(opened.run(x), network.run(x))
    assert opened.to_bytes() == path.read_bytes()
    binary = ops.BinaryWeightConv(**ONE, words=pack_filters(real(5, 3, 3, 70)), channels=70)
    Network([binary], input_shape=(6, 7, 70)).save(path)
    with safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()[KEY])["format_version"] == 1


def test_an_altered_plane_is_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    Network([conv(ternary(5, 3, 3, 70))], input_shape=(6, 7, 70)).save(path)
    header, tensors = read(path)
    tensors["op.nonzero"] = np.zeros_like(tensors["op.nonzero"])
    write(path, header, tensors)
    with pytest.raises(PackedFileError, match="words has a 1 where nonzero has a 0"):
        Network.open(path)
    del tensors["op.nonzero"]
    header["graph"][0]["tensors"].remove("nonzero")
    write(path, header, tensors)
    with pytest.raises(PackedFileError, match="'nonzero' of ternary_weight_conv is missing"):
        Network.open(path)


def test_a_classifier_may_be_ternary():
    network = Network([matrix(ternary(4, 70))], input_shape=(70,))
    assert network.classifier.kind == "ternary_weight_linear"
