"""Binary weights take one bit each, ternary ones two, in the file and in memory."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xnorlab import pretrained
from xnorlab.benchmark import binary_memory, ternary_memory
from xnorlab.kernels.packing import pack_filters, pack_ternary
from xnorlab.runtime import Network, ops


def network(channels: int, filters: int, kind=ops.BinaryConv) -> Network:
    weight = np.random.default_rng(0).standard_normal((filters, 3, 3, channels)).astype(np.float32)
    layer = kind(name="a", inputs=("input",), words=pack_filters(weight), channels=channels, padding=(1, 1))
    return Network([layer], input_shape=(8, 8, channels))


@pytest.mark.parametrize("kind", [ops.BinaryConv, ops.BinaryWeightConv])
def test_full_words_are_a_32nd_of_float32(kind, tmp_path: Path):
    built = network(128, 64, kind)
    memory = binary_memory(built)
    assert memory is not None
    assert memory.weights == 64 * 9 * 128
    assert memory.file_ratio == memory.resident_ratio == 32
    built.save(tmp_path / "packed.safetensors")
    assert memory.file_bytes < (tmp_path / "packed.safetensors").stat().st_size
    assert memory.to_dict()["float32_bytes"] == 4 * memory.weights


def test_tail_bits_and_tail_filters_are_counted():
    memory = binary_memory(network(65, 3))
    assert memory is not None
    assert memory.file_bytes == 3 * 9 * 2 * 8
    assert memory.file_ratio == pytest.approx(4 * 65 / 16)
    assert memory.resident_ratio <= memory.file_ratio, "the last tile is padded with filters"


def test_ternary_weights_are_a_16th_of_float32():
    words, nonzero = pack_ternary(np.round(np.random.default_rng(0).standard_normal((64, 3, 3, 128))))
    layer = ops.TernaryWeightConv(name="a", inputs=("input",), words=words, nonzero=nonzero, channels=128)
    built = Network([layer], input_shape=(8, 8, 128))
    memory = ternary_memory(built)
    assert memory is not None
    assert memory.weights == 64 * 9 * 128
    assert memory.file_ratio == memory.resident_ratio == 16
    assert binary_memory(built) is None
    assert ternary_memory(network(128, 64)) is None


def test_float_network_has_none(shipped: Path):
    assert binary_memory(pretrained.load("test/resnet18-float")) is None


PACK = """
import sys, torch
from xnorlab import export, models
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.training.rounding import round_weights_
example = torch.randint(-128, 128, (1, 3, 224, 224)) / 64
model = round_weights_(models.resnet18("xnor")).eval()
export.pack(model, example, preprocessing=Preprocessing(224, 224)).save(sys.argv[1])
"""

SERVE = """
import sys, numpy as np
from xnorlab.runtime import Network
network = Network.open(sys.argv[1])
for _ in range(3):
    network.predict([np.zeros((300, 400, 3), np.uint8)])
assert "torch" not in sys.modules
status = dict(line.split()[:2] for line in open("/proc/self/status") if line.startswith(("VmHWM", "Rss")))
print({name.rstrip(":"): 1024 * int(value) for name, value in status.items()})
"""


@pytest.fixture(scope="module")
def packed_resnet18(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The full ResNet-18 under the XNOR scheme, packed by a process that is gone when it is served."""
    file = tmp_path_factory.mktemp("packed") / "resnet18.safetensors"
    subprocess.run([sys.executable, "-c", PACK, str(file)], check=True)
    return file


def test_binary_weights_of_resnet18_are_a_32nd_of_float32(packed_resnet18: Path):
    memory = binary_memory(Network.open(packed_resnet18))
    assert memory is not None
    assert memory.weights == 10_985_472, "16 convolutions of 3 × 3"
    assert memory.file_ratio == pytest.approx(32, rel=0.01)
    assert memory.resident_ratio == pytest.approx(32, rel=0.01)
    assert memory.file_bytes < packed_resnet18.stat().st_size < 0.07 * memory.float32_bytes


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from Linux's /proc")
def test_process_that_serves_resnet18_takes_little_memory(packed_resnet18: Path):
    """What it allocates: weights, buffers, Python, and the compiler's data where kernels are not yet on disk.

    The pages of libraries come on top, 92 MB here, two thirds of them LLVM's. They are shared with other processes
    and dropped when memory is short, and how many are resident at once is the system's choice: on another machine the
    same call had 31 MB more. What users see, all of it together, is in the README.
    """
    serve = [sys.executable, "-c", SERVE, str(packed_resnet18)]
    memory = ast.literal_eval(subprocess.run(serve, check=True, capture_output=True, text=True).stdout)
    own = memory["VmHWM"] - memory["RssFile"] - memory["RssShmem"]
    assert 0 < own < 130e6, memory
