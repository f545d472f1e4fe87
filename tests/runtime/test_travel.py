"""What a user hands to workers arrives there as it was: through pickles, copies, bytes and spawned processes."""

import copy
import multiprocessing
import pickle
import sys
import types
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from xnorlab.images import Picture
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.runtime import BinaryConv2d, Network, PackedFileError, Prediction

TRANSPORTS = {
    **{f"protocol {p}": lambda value, p=p: pickle.loads(pickle.dumps(value, p)) for p in (0, 2, 5)},
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


def same(network, other, pictures):
    """Whether `network` is `other` in all that a user can see of it."""
    np.testing.assert_array_equal(network(pictures), other(pictures))
    assert (network.name, network.labels, network.provenance) == (other.name, other.labels, other.provenance)
    assert (network.preprocessing, network.input_shape) == (other.preprocessing, other.input_shape)
    assert network.threads == other.threads
    assert network.to_bytes() == other.to_bytes()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("used", [False, True])
def test_a_network_arrives_as_it_was(network, pictures, transport, used):
    network.threads = 2
    if used:
        network(pictures)
    arrived = TRANSPORTS[transport](network)
    same(arrived, network, pictures)
    arrived.threads = 1
    assert network.threads == 2


def test_a_deep_copy_has_a_provenance_of_its_own(network):
    twin = copy.deepcopy(network)
    twin.provenance["seed"] = "changed"
    assert network.provenance["seed"] == 0


def test_a_network_without_preprocessing_and_labels_arrives(small_ops):
    bare = Network(small_ops[:3], input_shape=(12, 12, 3))
    arrived = pickle.loads(pickle.dumps(bare))
    x = np.random.default_rng(0).standard_normal((2, 12, 12, 3)).astype(np.float32)
    np.testing.assert_array_equal(arrived.run(x), bare.run(x))
    assert (arrived.preprocessing, arrived.labels) == (None, ())


def test_bytes_are_the_files(network, tmp_path, pictures):
    network.save(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == network.to_bytes()
    for kind in (bytes, bytearray, memoryview):
        same(Network.from_bytes(kind(network.to_bytes())), network, pictures)


def swapped(data, old, new):
    assert data.count(old) == 1
    return data.replace(old, new)


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (lambda data: b"", "empty"),
        (lambda data: b"no safetensors at all" * 10, "not a packed network"),
        (lambda data: b"\x80\x04\x95pickle", "not a packed network"),
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: data[:-5] + bytes([data[-5] ^ 4]) + data[-4:], "was altered"),
        (lambda data: swapped(data, b'\\"seed\\":0', b'\\"seed\\":1'), "was altered"),
        (lambda data: swapped(data, b'"xnorlab"', b'"another"'), "not a packed network"),
        (lambda data: data.decode("latin1"), "packed bytes: is str"),
        (lambda data: None, "is NoneType"),
    ],
)
def test_altered_bytes_are_refused_like_altered_files(network, alter, reason):
    with pytest.raises(PackedFileError, match=reason):
        Network.from_bytes(alter(network.to_bytes()))


def test_an_altered_pickle_is_refused_like_an_altered_file(network):
    pickled = bytearray(pickle.dumps(network))
    at = pickled.index(network.ops[0].weight.astype("<f4").tobytes()[:16])
    pickled[at] ^= 1
    with pytest.raises(PackedFileError, match="packed bytes: was altered"):
        pickle.loads(pickled)


@pytest.mark.parametrize("used", [False, True])
def test_a_convolution_arrives_as_it_was(used):
    rng = np.random.default_rng(0)
    weight, scale, bias = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 70, 3, 2), 5, 5))
    layer = BinaryConv2d(weight, scale=scale, bias=bias, stride=(2, 1), padding=(1, 0), pad_value=-1)
    layer.threads = 2
    x = rng.standard_normal((2, 9, 8, 70)).astype(np.float32)
    if used:
        layer(x)
    want = layer(x)
    scale[:] = 0  # the caller's own array, which the layer took long ago
    for transport in TRANSPORTS.values():
        arrived = transport(layer)
        np.testing.assert_array_equal(arrived(x), want)
        assert arrived.threads == 2
    assert len(pickle.dumps(layer)) < weight.nbytes / 4


@pytest.mark.parametrize("used", [False, True])
def test_ops_arrive_as_they_were(network, pictures, used):
    values = network.values(pictures) if used else Network.from_bytes(network.to_bytes()).values(pictures)
    for op in network.ops:
        arrived = pickle.loads(pickle.dumps(op))
        assert (type(arrived), arrived.attributes()) == (type(op), op.attributes())
        np.testing.assert_array_equal(arrived(*(values[name] for name in op.inputs)), values[op.name])


def test_an_op_is_checked_where_it_arrives(small_ops):
    make, (name, inputs, attributes, tensors) = small_ops[0].__reduce__()
    with pytest.raises(ValueError, match="stem: stride="):
        make(name, inputs, {**attributes, "stride": [0, 1]}, tensors)


def test_results_and_settings_arrive(network, pictures):
    prediction = network.predict(pictures)[0][0]
    step = network.timed(network.preprocessing(pictures))[1][0][0]
    for value in (prediction, step, *network.summary(), Preprocessing(20, 10, (1, 2, 3))):
        assert pickle.loads(pickle.dumps(value)) == value
    picture = pickle.loads(pickle.dumps(Picture(pictures[0], ("shrunk",))))
    np.testing.assert_array_equal(picture.pixels, pictures[0])
    assert picture.notes == ("shrunk",)


def test_an_error_arrives_as_it_was(tmp_path):
    error = PackedFileError(tmp_path / "x", "is empty (0 bytes)")
    arrived = pickle.loads(pickle.dumps(error))
    assert (str(arrived), arrived.path, arrived.reason) == (str(error), error.path, error.reason)


def answers(network: Network, layer: BinaryConv2d, pictures: np.ndarray) -> tuple:
    """What a worker finds: logits, predictions, the thread count, sums, and whether torch came along."""
    sums = layer(np.ones((1, 4, 4, 3), np.float32))
    return network(pictures), network.predict(pictures, 2), network.threads, sums, "torch" in sys.modules


def open_packed(path: str) -> Network:
    """A worker's own opening of a file."""
    return Network.open(path)


def test_spawned_processes_give_the_same_answers_without_torch(network, pictures, tmp_path, monkeypatch):
    # A page that was tested in this process has left its script as __main__, which a spawned one would run.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    layer = BinaryConv2d(np.random.default_rng(0).standard_normal((4, 3, 2, 2)).astype(np.float32))
    network.threads = 2
    (tmp_path / "empty").touch()
    network.save(tmp_path / "x")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        logits, predictions, threads, sums, torch = pool.submit(answers, network, layer, pictures).result(300)
        bound = pool.submit(network.predict, pictures, 1).result(300)
        opened = pool.submit(open_packed, str(tmp_path / "x")).result(300)
        with pytest.raises(PackedFileError, match=r"empty: is empty \(0 bytes\)"):
            pool.submit(open_packed, str(tmp_path / "empty")).result(300)
    np.testing.assert_array_equal(logits, network(pictures))
    assert predictions == network.predict(pictures, 2)
    assert isinstance(bound[0][0], Prediction)
    assert bound == network.predict(pictures, 1)
    assert (threads, torch) == (2, False)
    np.testing.assert_array_equal(sums, layer(np.ones((1, 4, 4, 3), np.float32)))
    np.testing.assert_array_equal(opened(pictures), network(pictures))
