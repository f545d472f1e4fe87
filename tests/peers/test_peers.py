"""The other engines compute what ours computes: their times may be compared."""

import platform

import numpy as np
import pytest
import torch

from xnorlab.benchmark import Contestant, ConvProblem, ConvShape, Peer
from xnorlab.benchmark.conv import TORCH_LAYOUTS, check
from xnorlab.kernels.ceiling import describe_cpu
from xnorlab.peers import conv_peers, convolutions, installed

SHAPES = [
    ConvShape(64, 6),
    ConvShape(5, 7, filters=3, kernel=1, batch=2),
    ConvShape(33, 8, filters=20, kernel=5, stride=2, pad_value=-1),
    ConvShape(40, 8, filters=17, kernel=5, stride=2, pad_value=-1),
    ConvShape(64, 5, filters=16, kernel=3, padding=0, pad_value=1),
]


def eight_bit_machine() -> bool:
    """OpenVINO has int8 kernels for x86 from AVX2 on."""
    features = describe_cpu()["features"]
    return platform.machine() in ("x86_64", "AMD64") and "avx2" in features


def contestants(peer: Peer, problem: ConvProblem) -> list[tuple[str, str]]:
    """Runs and checks all that `peer` brings; their names and what they compute."""
    with peer(problem) as found:
        for contestant in found:
            check(contestant, contestant.call(), problem)
        return [(contestant.name, contestant.computes) for contestant in found]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch_in_both_layouts(shape: ConvShape):
    assert contestants(convolutions.torch_conv, ConvProblem(shape)) == [(name, "float") for name in TORCH_LAYOUTS]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_openvino_float_int8_and_binary(shape: ConvShape):
    found = contestants(convolutions.openvino_conv, ConvProblem(shape))
    whole_bytes = shape.channels % 8 == 0
    assert found == [
        ("openvino-float", "float"),
        *([("openvino-int8", "int8")] if eight_bit_machine() else []),
        *([("openvino-binary", "signs")] if whole_bytes else []),
    ]


def test_int8_that_falls_back_to_float_is_not_offered(monkeypatch: pytest.MonkeyPatch):
    """Its time would be that of float32 under another name."""
    monkeypatch.setattr("xnorlab.peers.convolutions.sums_in_int8", lambda request: False)
    assert "openvino-int8" not in dict(contestants(convolutions.openvino_conv, ConvProblem(SHAPES[0])))


def test_shape_without_a_binary_kernel_in_openvino_is_timed_without_it():
    found = contestants(convolutions.openvino_conv, ConvProblem(ConvShape(64, 14, filters=16, kernel=11)))
    assert found[0] == ("openvino-float", "float")
    assert "openvino-binary" not in dict(found)


def test_openvino_takes_zero_as_plus_one():
    x = np.random.default_rng(0).integers(-1, 2, (1, 6, 6, 64)).astype(np.float32)
    contestants(convolutions.openvino_conv, ConvProblem(SHAPES[0], x=x))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_onnxruntime(shape: ConvShape):
    assert contestants(convolutions.onnxruntime_conv, ConvProblem(shape)) == [("onnxruntime-float", "float")]


def test_torch_gets_its_threads_and_gives_them_back():
    before = torch.get_num_threads()
    problem = ConvProblem(SHAPES[0], threads=before + 1)
    with convolutions.torch_conv(problem) as found:
        assert torch.get_num_threads() == before + 1
        assert all(isinstance(contestant, Contestant) for contestant in found)
        with pytest.raises(RuntimeError, match="inside"), convolutions.torch_conv(problem):
            raise RuntimeError("inside")
    assert torch.get_num_threads() == before


def test_only_installed_packages_are_offered(monkeypatch: pytest.MonkeyPatch):
    assert convolutions.torch_conv in conv_peers()
    assert installed("numpy")
    assert not installed("a_package_that_nobody_has")
    monkeypatch.setattr("xnorlab.peers.installed", lambda package: False)
    assert conv_peers() == []
