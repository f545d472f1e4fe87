"""The other engines compute the same convolution as ours, so that their times can be compared."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
import torch

from xnorlab.benchmark import Contestant, ConvProblem, ConvShape, UnsupportedError, bench_conv
from xnorlab.benchmark.conv_bench import TORCH_LAYOUTS, check
from xnorlab.kernels.cpu import describe_cpu
from xnorlab.peers import CONVS, TORCH_CONVS

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


def checked(name: str, problem: ConvProblem) -> str:
    """Run the contestant `name` on the problem, check its answer, and return the kind of the answer."""
    (contestant,) = (one for one in CONVS if one.name == name)
    with contestant.prepare(problem) as ready:
        check(contestant, ready.result(ready.call()), problem)
    return contestant.computes


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", TORCH_LAYOUTS)
def test_torch_in_both_layouts(name: str, shape: ConvShape):
    assert checked(name, ConvProblem(shape)) == "float"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_openvino_float_int8_and_binary(shape: ConvShape):
    problem = ConvProblem(shape)
    assert checked("openvino-float", problem) == "float"
    if eight_bit_machine():
        assert checked("openvino-int8", problem) == "int8"
    if shape.channels % 8 == 0:
        assert checked("openvino-binary", problem) == "signs"
    else:
        with pytest.raises(UnsupportedError, match=f"takes channels in eights, not {shape.channels}"):
            checked("openvino-binary", problem)


def test_int8_that_falls_back_to_float_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Its time would be that of float32."""
    monkeypatch.setattr("xnorlab.peers.conv_engines.sums_in_int8", lambda request: False)
    with pytest.raises(UnsupportedError, match="OpenVINO has no int8 kernel for 3×3 64@6"):
        checked("openvino-int8", ConvProblem(SHAPES[0]))


NOTHING_BEYOND_AVX2 = """
from xnorlab.benchmark import ConvShape, bench_conv
from xnorlab.peers import CONVS

peers = [one for one in CONVS if one.name == "openvino-int8"]
result = bench_conv(ConvShape(64, 14), naive=False, repeats=1, peers=peers)
assert set(result.timings) == {"binary", "pack", "conv", "openvino-int8"}, result.left_out
"""


def test_int8_is_right_on_processors_without_vnni():
    """Such processors add two products in 16 bits; oneDNN, which OpenVINO contains, can be told to behave like one."""
    if not eight_bit_machine():
        pytest.skip("OpenVINO has no int8 kernels here")
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([sys.executable, "-c", NOTHING_BEYOND_AVX2], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


SIGNAL_AFTER_TWO_BENCHES = """
import gc, os, signal
from xnorlab.benchmark import ConvShape, bench_conv
from xnorlab.peers import CONVS

peers = [one for one in CONVS if one.name.startswith("openvino")]
for size in (6, 7):
    assert "openvino-float" in bench_conv(ConvShape(64, size), naive=False, repeats=1, peers=peers).timings
    gc.collect()
signal.signal(signal.SIGTERM, lambda number, frame: print("handled"))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_after_two_runs_of_openvino_is_handled():
    """OpenVINO's plugins share a stack for signal handlers; a plugin that was freed took it along."""
    done = subprocess.run([sys.executable, "-c", SIGNAL_AFTER_TWO_BENCHES], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


def test_shape_without_a_binary_kernel_in_openvino_is_refused():
    problem = ConvProblem(ConvShape(64, 14, filters=16, kernel=11))
    assert checked("openvino-float", problem) == "float"
    with pytest.raises(UnsupportedError, match="BinaryConvolution has no kernel for 11×11 64→16@14"):
        checked("openvino-binary", problem)


def test_openvino_takes_zero_as_plus_one():
    x = np.random.default_rng(0).integers(-1, 2, (1, 6, 6, 64)).astype(np.float32)
    assert checked("openvino-binary", ConvProblem(SHAPES[0], x=x)) == "signs"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_onnxruntime(shape: ConvShape):
    assert checked("onnxruntime-float", ConvProblem(shape)) == "float"


def test_groups_in_float_engines_and_no_others():
    problem = ConvProblem(ConvShape(16, 6, filters=8, groups=4, stride=2))
    for name in (*TORCH_LAYOUTS, "openvino-float", "onnxruntime-float"):
        assert checked(name, problem) == "float"
    for name in ("openvino-int8", "openvino-binary"):
        with pytest.raises(UnsupportedError, match="timed without groups"):
            checked(name, problem)


@pytest.mark.parametrize("contestant", TORCH_CONVS, ids=lambda one: one.name)
def test_torch_gets_its_threads_and_they_are_restored(contestant: Contestant):
    before = torch.get_num_threads()
    problem = ConvProblem(SHAPES[0], threads=before + 1)
    with contestant.prepare(problem):
        assert torch.get_num_threads() == before + 1
        with pytest.raises(RuntimeError, match="inside"), contestant.prepare(problem):
            raise RuntimeError("inside")
    assert torch.get_num_threads() == before


def test_an_engine_that_is_not_installed_is_named_and_the_others_are_timed(monkeypatch: pytest.MonkeyPatch):
    for package in ("openvino", "openvino.opset1", "onnx"):
        monkeypatch.setitem(sys.modules, package, None)
    result = bench_conv(ConvShape(64, 4), naive=False, repeats=1, peers=CONVS)
    openvino, onnx = (f"{package} is not installed" for package in ("openvino", "onnx"))
    assert result.left_out == {
        "openvino-float": openvino,
        "openvino-int8": openvino,
        "openvino-binary": openvino,
        "onnxruntime-float": onnx,
    }
    assert set(result.timings) == {"binary", "pack", "conv", *TORCH_LAYOUTS}
