"""Packed files that earlier versions wrote still open and give the outputs that they gave then, bit for bit."""

import json
from pathlib import Path

import numpy as np
import pytest
from fixtures.make_fixtures import FOLDER, OUTPUTS, example, networks
from safetensors import safe_open

from xnorlab.runtime import Network, file_format, ops

FILES = sorted(FOLDER.glob("*.safetensors"))
RECORDED = json.loads(OUTPUTS.read_text("utf-8"))


def format_version(file: Path) -> int:
    with safe_open(file, framework="numpy") as opened:
        return json.loads(opened.metadata()[file_format.KEY])["format_version"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_kept_file_gives_the_output_that_was_recorded_when_it_was_made(file: Path):
    network = Network.open(file)
    recorded = RECORDED[file.name]
    expected = np.float32(recorded["values"]).reshape(recorded["shape"])
    x = example(network.input_shape)
    np.testing.assert_array_equal(network.run(x), expected)
    np.testing.assert_array_equal(network.run(x, lambda op, value, seconds: None), expected)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_network_of_a_kept_file_is_written_as_that_file_again(file: Path):
    """A writer uses the lowest version that holds the network, and the same network always gives the same bytes."""
    assert Network.open(file).to_bytes() == file.read_bytes()


def test_every_op_and_every_format_version_has_a_kept_file():
    assert {op.kind for file in FILES for op in Network.open(file).ops} == set(ops.OPS)
    assert {format_version(file) for file in FILES} == set(range(1, file_format.FORMAT_VERSION + 1))
    assert {file.name for file in FILES} == set(RECORDED) == set(networks())


def test_a_kept_file_says_what_it_was_packed_with():
    network = Network.open(FOLDER / "classifier_of_one_size.safetensors")
    assert network.labels == ("cat", "dög", "eel")
    assert network.preprocessing is not None
    assert (network.preprocessing.resize, network.preprocessing.crop) == (18, 16)
    assert network.provenance == {"model": "made by hand", "epochs": 0, "shares": [0.5, None]}
    with pytest.raises(ValueError, match="this network runs at 16 × 16 only: mean"):
        network.run(np.zeros((1, 18, 18, 3), np.float32))
