"""A packed network gives the same answers after a round trip, to many visitors at once, and to odd pictures."""

import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from xnorlab.runtime import LayerSummary, Network, PackedFileError, Prediction, ops
from xnorlab.runtime.network import BATCH, softmax


def test_a_saved_network_is_the_same_network(network, tmp_path, pictures):
    path = tmp_path / "small.safetensors"
    network.save(path)
    back = Network.open(path)
    np.testing.assert_array_equal(back(pictures), network(pictures))
    assert (back.name, back.labels, back.provenance) == (network.name, network.labels, network.provenance)
    assert (back.preprocessing, back.input_shape) == (network.preprocessing, network.input_shape)
    assert back.summary() == network.summary()
    back.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_saving_replaces_the_file_of_an_open_network(network, other_network, tmp_path, pictures):
    path = tmp_path / "x"
    network.save(path)
    opened = Network.open(path)
    other_network.save(path)
    np.testing.assert_array_equal(opened(pictures), network(pictures))
    np.testing.assert_array_equal(Network.open(path)(pictures), other_network(pictures))


def test_a_damaged_file_is_named(network, tmp_path):
    path = tmp_path / "small.safetensors"
    network.save(path)
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(data)
    with pytest.raises(PackedFileError, match=r"small\.safetensors: was altered"):
        Network.open(path)


def test_logits_do_not_depend_on_the_batch(network, pictures):
    many = np.concatenate([pictures] * (BATCH // 3 + 2))
    logits = network(many)
    assert logits.shape == (len(many), 4)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits[: len(pictures)], network(pictures), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits[-1:], network(pictures[-1:]), rtol=1e-5, atol=1e-6)


def test_features_are_what_the_last_linear_layer_reads(network, pictures):
    many = np.concatenate([pictures] * (BATCH // 3 + 2))
    features = network.features(many)
    assert (features.shape, features.dtype) == ((len(many), 6), np.float32)
    np.testing.assert_allclose(features[: len(pictures)], network.values(pictures)["flat"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.classifier(features), network(many), rtol=1e-4, atol=1e-5)
    network.threads = 2
    np.testing.assert_allclose(network.features(many), features, rtol=1e-5, atol=1e-6)
    assert network.features([]).shape == (0, 6)


def test_features_of_a_network_without_a_last_linear_layer_are_refused(small_ops, network, pictures):
    headless = Network(small_ops[:-1], input_shape=(12, 12, 3), name="h", preprocessing=network.preprocessing)
    with pytest.raises(ValueError, match="'h' ends on 'flat' of kind 'flatten'; the rule for features is"):
        headless.features(pictures)


def test_pictures_of_any_sizes(network):
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (12, 12), (300, 7), (5, 900), (64, 64)]
    pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    logits = network(pictures)
    assert logits.shape == (5, 4)
    assert np.isfinite(logits).all()
    for picture, row in zip(pictures, logits, strict=True):
        np.testing.assert_allclose(network([picture])[0], row, rtol=1e-5, atol=1e-6)


def test_no_pictures_give_no_answers(network):
    assert network([]).shape == (0, 4)
    assert network(np.zeros((0, 9, 9, 3), np.uint8)).shape == (0, 4)
    assert network.predict([]) == []
    assert network.run(np.zeros((0, 12, 12, 3), np.float32)).shape == (0, 4)


def test_predict_gives_the_best_first(network, pictures):
    logits = network(pictures)
    for row, best in zip(logits, network.predict(pictures, top=3), strict=True):
        assert [p.index for p in best] == list(np.argsort(-row)[:3])
        assert [p.label for p in best] == [network.labels[p.index] for p in best]
        assert all(isinstance(p, Prediction) and 0 <= p.probability <= 1 for p in best)
    assert len(network.predict(pictures, top=100)[0]) == 4
    assert sum(p.probability for p in network.predict(pictures, top=4)[0]) == pytest.approx(1.0)


def test_without_labels_the_index_is_the_label(small_ops, network, pictures):
    bare = Network(small_ops, input_shape=(12, 12, 3), preprocessing=network.preprocessing)
    assert bare.labels == ()
    assert all(p.label == str(p.index) for p in bare.predict(pictures)[0])


def test_softmax_of_extreme_logits():
    got = softmax(np.float32([[1e38, -1e38, 0], [-1e38, -1e38, -1e38], [1000, 1001, 999]]))
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got.sum(1), 1)
    np.testing.assert_allclose(got[0], [1, 0, 0])
    np.testing.assert_allclose(got[1], 1 / 3)
    np.testing.assert_allclose(got[2], np.exp([-1, 0, -2]) / np.exp([-1, 0, -2]).sum())


def test_every_value_is_seen_with_its_time(network, pictures):
    x = network.preprocessing(pictures)
    seen = []
    out = network.run(x, lambda op, value, seconds: seen.append((op, value, seconds)))
    assert [op for op, _, _ in seen] == list(network.ops)
    assert all(seconds >= 0 for _, _, seconds in seen)
    np.testing.assert_array_equal(seen[-1][1], out)
    values = network.values(pictures)
    assert list(values) == ["input", *(op.name for op in network.ops)]
    np.testing.assert_array_equal(values["input"], x)
    for op in network.ops:
        np.testing.assert_array_equal(op(*(values[name] for name in op.inputs)), values[op.name])


def test_values_do_not_change_after_they_were_seen(network, pictures):
    copies = {}
    values = {}

    def observe(op, value, seconds):
        values[op.name], copies[op.name] = value, value.copy()

    network.run(network.preprocessing(pictures), observe)
    for name, copied in copies.items():
        np.testing.assert_array_equal(values[name], copied)


def test_values_are_freed_when_nobody_needs_them(network, pictures):
    alive = []
    most = []

    def observe(op, value, seconds):
        if value.base is None:
            alive.append(weakref.ref(value))
        del value
        most.append(sum(reference() is not None for reference in alive))

    network.run(network.preprocessing(pictures), observe)
    # stem and first wait for the sum; otherwise an op's output and, while it runs, its input.
    assert max(most) <= 3


def test_another_size_runs_where_the_ops_allow_it(network):
    assert network.run(np.zeros((2, 20, 16, 3), np.float32)).shape == (2, 4)
    with pytest.raises(ValueError, match="pool: kernel=2"):
        network.run(np.zeros((2, 1, 1, 3), np.float32))


def test_a_size_that_is_fixed_is_the_only_one(small_ops, network, tmp_path, pictures):
    fixed = Network(small_ops, input_shape=(12, 12, 3), preprocessing=network.preprocessing, fixed_by="pool reads it")
    fixed.save(tmp_path / "x")
    for opened in (fixed, Network.open(tmp_path / "x"), Network.from_bytes(fixed.to_bytes())):
        np.testing.assert_array_equal(opened(pictures), network(pictures))
        x = np.zeros((2, 20, 16, 3), np.float32)
        for call in (opened.run, opened.timed, lambda x, opened=opened: opened.run(x, lambda *_: None)):
            with pytest.raises(ValueError, match="x is 20 × 16, and this network runs at 12 × 12 only: pool reads it"):
                call(x)
    with pytest.raises(ValueError, match="without height and width"):
        Network([ops.ReLU(name="a", inputs=("input",))], input_shape=(5,), fixed_by="why")


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 12, 12, 3)),
        np.zeros((12, 12, 3), np.float32),
        np.zeros((1, 12, 12, 4), np.float32),
        np.zeros((1, 12, 12, 3), np.uint8),
        None,
        [[1.0]],
    ],
)
def test_inputs_that_do_not_fit(network, x):
    with pytest.raises(ValueError, match=r"x is|stem: the input of conv"):
        network.run(x)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((12, 12, 3), np.uint8),
        np.zeros((1, 12, 12, 3), np.float32),
        np.zeros((1, 12, 12, 4), np.uint8),
        np.zeros((1, 0, 12, 3), np.uint8),
        np.zeros((1, 12, 12), np.uint8),
        [np.zeros((12, 12), np.uint8)],
        [np.zeros((12, 12, 3), np.uint8), "photo.jpg"],
        [np.zeros((0, 12, 3), np.uint8)],
        [None],
        "photo.jpg",
        None,
        3,
    ],
)
def test_pictures_that_do_not_fit(network, images):
    for call in (network, network.predict, network.values):
        with pytest.raises(ValueError, match="images"):
            call(images)


@pytest.mark.parametrize("top", [0, -1, 2.0, True, None])
def test_top_must_be_a_count(network, pictures, top):
    with pytest.raises(ValueError, match="top="):
        network.predict(pictures, top=top)


def test_what_a_network_without_preprocessing_or_classes_cannot_do(small_ops, pictures):
    network = Network(small_ops[:3], input_shape=(12, 12, 3))
    with pytest.raises(ValueError, match="no preprocessing"):
        network(pictures)
    with pytest.raises(ValueError, match="no list of classes"):
        network.predict(pictures)
    assert network.run(np.zeros((1, 12, 12, 3), np.float32)).shape == (1, 12, 12, 8)


def test_what_does_not_fit_together(small_ops, network):
    def make(**changes):
        Network(small_ops, **{"input_shape": (12, 12, 3), **changes})

    for changes, rule in (
        ({"labels": ["a"]}, "1 labels"),
        ({"labels": "abcd"}, "labels must be"),
        ({"labels": [1, 2, 3, 4]}, "labels must be"),
        ({"name": None}, "name=None"),
        ({"provenance": {"x": object()}}, "provenance"),
        ({"provenance": "x"}, "provenance"),
        ({"input_shape": (14, 14, 3), "preprocessing": network.preprocessing}, "preprocessing makes"),
    ):
        with pytest.raises(ValueError, match=rule):
            make(**changes)


def test_the_caller_keeps_its_own_provenance(small_ops):
    own = {"list": [1]}
    network = Network(small_ops, input_shape=(12, 12, 3), provenance=own)
    own["list"].append(2)
    assert network.provenance == {"list": [1]}


def test_many_visitors_at_once(network, pictures):
    want = network(pictures)
    start = threading.Barrier(4)

    def visit(seed):
        start.wait()
        return [network(pictures) for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(visit, range(4)):
            for answer in answers:
                np.testing.assert_array_equal(answer, want)


def test_threads_change_nothing_but_speed(network, pictures):
    want = network(pictures)
    network.threads = 2
    np.testing.assert_allclose(network(pictures), want, rtol=1e-5, atol=1e-6)
    for wrong in (0, True, 1.5):
        with pytest.raises(ValueError, match="threads="):
            network.threads = wrong


def test_summary_adds_up(network):
    rows = network.summary()
    assert [row.name for row in rows] == [op.name for op in network.ops]
    assert all(isinstance(row, LayerSummary) for row in rows)
    by_name = {row.name: row for row in rows}
    assert by_name["stem"].float_macs == 12 * 12 * 8 * 27
    assert by_name["first"].binary_macs == 12 * 12 * 8 * 72
    assert by_name["second"].output_shape == (6, 6, 6)
    assert [row.weight_bits for row in rows if row.weight_bits] == [32, 1, 1, 32]
    assert sum(row.weight_bytes for row in rows) == sum(op.weight_bytes for op in network.ops)


def test_weight_bytes_are_those_of_the_file(network, tmp_path):
    path = tmp_path / "x"
    network.save(path)
    table = int.from_bytes(path.read_bytes()[:8], "little")
    assert sum(row.weight_bytes for row in network.summary()) == path.stat().st_size - 8 - table


def test_running_a_packed_network_imports_no_torch(packed_file):
    code = (
        "import sys, numpy as np\n"
        "from xnorlab.runtime import Network\n"
        f"network = Network.open({str(packed_file[0])!r})\n"
        "print(network.predict(np.zeros((1, 9, 9, 3), np.uint8))[0][0].label)\n"
        "assert not {'torch', 'streamlit', 'plotly'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("cat", "dog", "eel", "fox")


def test_an_op_is_not_changed_by_running(network, pictures):
    before = {f"{op.name}.{n}": a.copy() for op in network.ops for n, a in op.tensors().items()}
    network(pictures)
    for op in network.ops:
        assert isinstance(op, ops.Op)
        for name, array in op.tensors().items():
            np.testing.assert_array_equal(array, before[f"{op.name}.{name}"])


def test_several_outputs_come_by_name_and_survive_a_file(tmp_path):
    layers = [
        ops.ReLU(name="relu", inputs=("input",)),
        ops.Conv(name="conv", inputs=("relu",), weight=np.ones((2, 1, 1, 3), np.float32)),
        ops.Hardtanh(name="clip", inputs=("conv",)),
        ops.GlobalAvgPool(name="mean", inputs=("clip",)),
        ops.Flatten(name="flat", inputs=("mean",)),
    ]
    network = Network(layers, input_shape=(4, 5, 3), outputs={"vector": "flat", "map": "conv"})
    network.save(tmp_path / "x")
    opened = Network.open(tmp_path / "x")
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 3)).astype(np.float32)
    for got in (opened.run(x), opened.run(x, lambda op, value, seconds: None), opened.timed(x)[0]):
        assert list(got) == ["vector", "map"]
        np.testing.assert_allclose(got["map"], np.maximum(x, 0).sum(-1, keepdims=True).repeat(2, -1), rtol=1e-6)
        np.testing.assert_allclose(got["vector"], np.clip(got["map"], -1, 1).mean((1, 2)), rtol=1e-6)
    assert {name: value.shape for name, value in opened.run(x[:0]).items()} == {"vector": (0, 2), "map": (0, 4, 5, 2)}
    with pytest.raises(ValueError, match="outputs vector, map are no list of classes"):
        opened.predict(np.zeros((1, 4, 5, 3), np.uint8))
    for outputs, reason in (
        ({"a": "input"}, "'input' is not the value of an op"),
        ({"a": "nothing"}, "'nothing' is not the value of an op"),
        ({"a": "conv"}, "flat: nobody reads it, and it is no output"),
        ({}, "1 to 100 ops by name"),
    ):
        with pytest.raises(ValueError, match=reason):
            Network(layers, input_shape=(4, 5, 3), outputs=outputs)
