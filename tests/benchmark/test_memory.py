"""Binary weights take one bit each, in the file and in memory."""

from pathlib import Path

import numpy as np
import pytest

from xnorlab import pretrained
from xnorlab.benchmark import binary_memory
from xnorlab.kernels.packing import pack_filters
from xnorlab.runtime import Network, ops


def network(channels: int, filters: int, kind=ops.BinaryConv) -> Network:
    weight = np.random.default_rng(0).standard_normal((filters, 3, 3, channels)).astype(np.float32)
    layer = kind(name="a", inputs=("input",), words=pack_filters(weight), channels=channels, padding=(1, 1))
    return Network([layer], input_shape=(8, 8, channels))


@pytest.mark.parametrize("kind", [ops.BinaryConv, ops.BinaryWeightConv])
def test_full_words_are_a_32nd_of_float32(kind, tmp_path: Path):
    built = network(128, 64, kind)
    found = binary_memory(built)
    assert found is not None
    assert found.weights == 64 * 9 * 128
    assert found.file_ratio == found.resident_ratio == 32
    built.save(tmp_path / "packed.safetensors")
    assert found.file_bytes < (tmp_path / "packed.safetensors").stat().st_size
    assert found.to_dict()["float32_bytes"] == 4 * found.weights


def test_tail_bits_and_tail_filters_are_counted():
    found = binary_memory(network(65, 3))
    assert found is not None
    assert found.file_bytes == 3 * 9 * 2 * 8
    assert found.file_ratio == pytest.approx(4 * 65 / 16)
    assert found.resident_ratio <= found.file_ratio, "the last tile has room for filters that are not there"


def test_float_network_has_none(shipped: Path):
    assert binary_memory(pretrained.load("test/resnet18-float")) is None
