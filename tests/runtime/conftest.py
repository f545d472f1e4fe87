"""A small network with most kinds of ops, built by hand without torch."""

import numpy as np
import pytest

from xnorlab.images.preprocessing import Preprocessing
from xnorlab.kernels.packing import pack_filters
from xnorlab.runtime import Network, file_format, ops


def _ops(seed: int = 0) -> list[ops.Op]:
    """From (12, 12, 3) to 4 classes: a real stem, two binary convolutions around a shortcut, a real head."""
    rng = np.random.default_rng(seed)

    def real(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return [
        ops.Conv(name="stem", inputs=("input",), weight=real(8, 3, 3, 3), bias=real(8), padding=(1, 1)),
        ops.BinaryConv(
            name="first",
            inputs=("stem",),
            words=pack_filters(real(8, 3, 3, 8)),
            channels=8,
            scale=np.abs(real(8)),
            threshold=real(8),
            flip=rng.random(8) < 0.5,
            padding=(1, 1),
        ),
        ops.Add(name="sum", inputs=("first", "stem")),
        ops.Affine(name="norm", inputs=("sum",), scale=real(8), bias=real(8)),
        ops.MaxPool(name="pool", inputs=("norm",), kernel=(2, 2), stride=(2, 2)),
        ops.BinaryConv(
            name="second",
            inputs=("pool",),
            words=pack_filters(real(6, 3, 3, 8)),
            channels=8,
            pad_value=-1,
            padding=(1, 1),
            input_scale=True,
        ),
        ops.ReLU(name="relu", inputs=("second",)),
        ops.GlobalAvgPool(name="mean", inputs=("relu",)),
        ops.Flatten(name="flat", inputs=("mean",)),
        ops.Linear(name="head", inputs=("flat",), weight=real(4, 6), bias=real(4)),
    ]


def _network(seed: int = 0) -> Network:
    return Network(
        _ops(seed),
        input_shape=(12, 12, 3),
        name="small",
        labels=["cat", "dog", "eel", "fox"],
        preprocessing=Preprocessing(resize=14, crop=12),
        provenance={"seed": seed, "note": "für Tests"},
    )


@pytest.fixture
def small_ops() -> list[ops.Op]:
    return _ops()


@pytest.fixture
def network() -> Network:
    return _network()


@pytest.fixture
def other_network() -> Network:
    return _network(seed=1)


@pytest.fixture(scope="session")
def packed_file(tmp_path_factory):
    """(path, header, tensors) of the small network; nobody changes the file."""
    path = tmp_path_factory.mktemp("packed") / "small.safetensors"
    _network().save(path)
    return path, *file_format.read(path)


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, 20, 17, 3), dtype=np.uint8)
