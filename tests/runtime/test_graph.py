"""A graph is refused, with the op's name and the rule, wherever it does not fit, whatever a file may claim."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorlab.runtime import Network, PackedFileError, file_format, graph, ops


def relu(name, *inputs):
    return ops.ReLU(name=name, inputs=inputs)


def add(name, *inputs):
    return ops.Add(name=name, inputs=inputs)


def test_ops_survive_the_header(small_ops):
    records, tensors = graph.to_header(small_ops)
    back = graph.from_header(copy.deepcopy(records), tensors)
    assert [op.kind for op in back] == [op.kind for op in small_ops]
    assert graph.to_header(back)[0] == records
    for old, new in zip(small_ops, back, strict=True):
        assert {n: a.tobytes() for n, a in old.tensors().items()} == {n: a.tobytes() for n, a in new.tensors().items()}


def test_values_are_freed_after_their_last_use():
    steps = [relu("a", "input"), relu("b", "a"), add("c", "a", "b"), relu("d", "c")]
    assert [sorted(names) for names in graph.last_uses(steps)] == [["input"], [], ["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([], "0 ops"),
        ([relu("a", "nowhere")], "a: reads 'nowhere', which does not exist"),
        ([relu("a", "b"), relu("b", "a")], "a: reads 'b'.*cycle"),
        ([relu("a", "a")], "a: reads 'a'.*cycle"),
        ([relu("a", "input"), relu("a", "a")], "'a' is taken twice"),
        ([relu("input", "input")], "'input' is taken twice"),
        ([relu("a", "input"), relu("b", "input")], "a: nobody reads it"),
        ([relu("a", "input"), add("b", "input", "a"), relu("c", "a")], "b: nobody reads it"),
    ],
)
def test_ops_that_are_no_graph(steps, reason):
    with pytest.raises(ValueError, match=reason):
        graph.check(steps, (4, 4, 3))


def test_values_that_do_not_fit_into_memory_at_once():
    many = [relu(f"r{i}", "input") for i in range(40)]
    sums = [add("s0", "r0", "r1"), *(add(f"s{i}", f"s{i - 1}", f"r{i + 1}") for i in range(1, 39))]
    assert graph.check([*many, *sums], (64, 64, 3))
    with pytest.raises(ValueError, match=r"r\d+: the values that are needed at once take .* bytes, more than"):
        graph.check([*many, *sums], (4096, 4096, 4))


@pytest.mark.parametrize("shape", [(), (3, 3), (0, 4, 3), (4, 4, 3, 1), (4.0, 4, 3), (True, 4, 3), ("4", 4, 3)])
def test_impossible_input_shapes(shape):
    with pytest.raises(ValueError, match="input_shape"):
        graph.check([relu("a", "input")], shape)


def test_shapes_that_do_not_fit(small_ops):
    with pytest.raises(ValueError, match=r"stem: the input of conv has shape \(12, 12, 4\)"):
        graph.check(small_ops, (12, 12, 4))
    with pytest.raises(ValueError, match="stem: the input of conv"):
        graph.check(small_ops, (12,))
    with pytest.raises(ValueError, match="pool: kernel=2"):
        graph.check(small_ops, (1, 1, 3))
    with pytest.raises(ValueError, match="sum: cannot add shapes"):
        graph.check([relu("a", "input"), ops.GlobalAvgPool(name="b", inputs=("a",)), add("sum", "a", "b")], (4, 4, 3))


def test_absurd_sizes_are_refused_by_arithmetic_alone():
    pad = [
        ops.Pad(name=f"p{i}", inputs=(f"p{i - 1}" if i else "input",), padding=(4096, 4096), value=1) for i in range(3)
    ]
    with pytest.raises(ValueError, match="more than"):
        graph.check(pad, (4, 4, 3))
    with pytest.raises(ValueError, match="more than"):
        graph.check([relu("a", "input")], (2**20, 2**20, 3))
    conv = ops.Conv(name="c", inputs=("input",), weight=np.ones((1, 1, 1, 1), np.float32), padding=(4096, 4096))
    with pytest.raises(ValueError, match="c: the padded input has"):
        graph.check([conv], (4096, 4096, 1))


def flattening():
    """A map that is halved, flattened and weighted place by place, on inputs of (H, W, 2)."""
    return [
        ops.MaxPool(name="pool", inputs=("input",), kernel=(2, 2), stride=(2, 2)),
        ops.Flatten(name="flat", inputs=("pool",)),
        ops.Linear(name="head", inputs=("flat",), weight=np.arange(24, dtype=np.float32).reshape(2, 12)),
    ]


def test_a_flattened_map_keeps_its_size():
    """Of another height and width with as many places each weight would meet another place of the map."""
    network = Network(flattening(), input_shape=(4, 6, 2))
    x = np.random.default_rng(0).standard_normal((2, 5, 7, 2)).astype(np.float32)
    np.testing.assert_array_equal(network.run(x), network.run(np.ascontiguousarray(x[:, :4, :6])))
    for height, width in ((6, 4), (2, 12), (12, 2)):
        with pytest.raises(
            ValueError, match=rf"flat: an input of {height} × {width} .*the rule is 2 × 3, as at .*4 × 6"
        ):
            network.run(np.zeros((1, height, width, 2), np.float32))


def test_channels_and_features_are_the_networks_own():
    for steps, shape, x in (([relu("a", "input")], (4, 4, 3), (1, 4, 4, 2)), ([relu("a", "input")], (5,), (1, 6))):
        with pytest.raises(ValueError, match="x is float32 of shape"):
            Network(steps, input_shape=shape).run(np.zeros(x, np.float32))


def save(path, header, tensors):
    file_format.write(path, header, tensors)
    return path


def corrupted(packed_file, change):
    """Header and tensors of the small network after `change`(header, tensors)."""
    header, tensors = copy.deepcopy(packed_file[1]), dict(packed_file[2])
    change(header, tensors)
    return header, tensors


def stem(header):
    return header["graph"][0]


CHANGES = {
    "no graph": (lambda h, t: h.pop("graph"), "exactly the fields"),
    "an extra field": (lambda h, t: h.update(code="import os"), "exactly the fields"),
    "graph is no list": (lambda h, t: h.update(graph={}), "graph must be a list"),
    "empty graph": (lambda h, t: h.update(graph=[]), "graph must be a list"),
    "an op is no object": (lambda h, t: h["graph"].insert(0, "conv"), "an op of the graph"),
    "an op without kind": (lambda h, t: stem(h).pop("kind"), "exactly the fields"),
    "unknown op": (lambda h, t: stem(h).update(kind="exec"), "stem: there is no op of kind 'exec'"),
    "kind is no text": (lambda h, t: stem(h).update(kind=["conv"]), "kind of an op"),
    "inputs is text": (lambda h, t: stem(h).update(inputs="input"), "inputs of an op"),
    "inputs hold numbers": (lambda h, t: stem(h).update(inputs=[1]), "must be names"),
    "two inputs": (lambda h, t: stem(h).update(inputs=["input", "input"]), "takes 1 inputs, not 2"),
    "missing tensor": (lambda h, t: t.pop("stem.weight"), "stem: the tensor 'weight' is missing"),
    "undeclared tensor": (lambda h, t: stem(h)["tensors"].remove("weight"), "stem: 'weight' of conv is missing"),
    "extra tensor": (lambda h, t: t.update(spy=np.zeros(3, np.float32)), "no op of the graph owns the tensor 'spy'"),
    "tensor of another op": (lambda h, t: stem(h)["tensors"].append("words"), "'words' is missing"),
    "wrong tensor name": (
        lambda h, t: (stem(h)["tensors"].append("x"), t.update({"stem.x": t["stem.bias"]})),
        "conv has no 'x'",
    ),
    "wrong dtype": (lambda h, t: t.update({"stem.weight": t["first.words"]}), "stem: weight is uint64"),
    "wrong rank": (lambda h, t: t.update({"stem.weight": t["stem.bias"]}), "stem: weight of shape"),
    "wrong length": (lambda h, t: t.update({"stem.bias": t["head.bias"]}), "stem: bias has shape"),
    "no values": (lambda h, t: t.update({"stem.weight": t["stem.weight"][:0]}), "holds nothing"),
    "NaN weight": (lambda h, t: t.update({"stem.bias": np.full(8, np.nan, np.float32)}), "stem: bias holds nan"),
    "infinite weight": (lambda h, t: t.update({"stem.bias": np.full(8, np.inf, np.float32)}), "stem: bias holds inf"),
    "NaN threshold": (lambda h, t: t.update({"first.threshold": np.full(8, np.nan, np.float32)}), "holds nan"),
    "flags of 2": (lambda h, t: t.update({"first.flip": np.full(8, 2, np.uint8).view(bool)}), "flip holds bytes"),
    "tail bits": (
        lambda h, t: t.update({"first.words": t["first.words"] | np.uint64(1 << 40)}),
        "first: words has bits set beyond channel 7",
    ),
    "too few words": (lambda h, t: h["graph"][1]["attributes"].update(channels=65), "first: words has 1 words"),
    "a missing attribute": (lambda h, t: stem(h)["attributes"].pop("stride"), "stem: 'stride' of conv is missing"),
    "an unknown attribute": (lambda h, t: stem(h)["attributes"].update(x=1), "conv has no 'x'"),
    "a tensor as attribute": (lambda h, t: stem(h)["attributes"].update(weight=1), "conv has no 'weight'"),
    "stride 0": (lambda h, t: stem(h)["attributes"].update(stride=[0, 1]), "stem: stride="),
    "stride of text": (lambda h, t: stem(h)["attributes"].update(stride="ab"), "stem: stride="),
    "stride true": (lambda h, t: stem(h)["attributes"].update(stride=[True, True]), "stem: stride="),
    "endless padding": (lambda h, t: stem(h)["attributes"].update(padding=[10**9, 0]), "stem: padding="),
    "endless channels": (lambda h, t: h["graph"][1]["attributes"].update(channels=10**12), "first: channels="),
    "groups 3": (lambda h, t: stem(h)["attributes"].update(groups=3), "groups=3 does not divide"),
    "pad_value 2": (lambda h, t: h["graph"][1]["attributes"].update(pad_value=2), "first: pad_value=2"),
    "input_scale 1": (lambda h, t: h["graph"][1]["attributes"].update(input_scale=1), "first: input_scale=1"),
    "half the kernel": (lambda h, t: h["graph"][4]["attributes"].update(padding=[2, 2]), "pool: padding="),
    "a cycle": (lambda h, t: stem(h).update(inputs=["head"]), "stem: reads 'head'.*cycle"),
    "wrong order": (lambda h, t: h["graph"].reverse(), "cycle"),
    "name of 300 letters": (lambda h, t: stem(h).update(name="x" * 300, tensors=[]), "the op name|missing"),
    "input shape": (lambda h, t: h.update(input_shape=[12, 12, 4]), "preprocessing|stem"),
    "endless input": (lambda h, t: h.update(input_shape=[10**9, 10**9, 3]), "more than"),
    "input shape is text": (lambda h, t: h.update(input_shape="abc"), "input_shape must be a list"),
    "too few labels": (lambda h, t: h.update(labels=["a"]), "1 labels for an output"),
    "labels of numbers": (lambda h, t: h.update(labels=[1, 2, 3, 4]), "labels must be"),
    "labels is text": (lambda h, t: h.update(labels="abcd"), "labels must be a list"),
    "a reason of two lines": (lambda h, t: h.update(fixed_by="a\nb"), "fixed_by="),
    "an endless reason": (lambda h, t: h.update(fixed_by="a" * 501), "fixed_by="),
    "a reason that is a list": (lambda h, t: h.update(fixed_by=["a"]), "fixed_by="),
    "name is a number": (lambda h, t: h.update(name=3), "name=3"),
    "provenance is a list": (lambda h, t: h.update(provenance=[]), "provenance"),
    "preprocessing is text": (lambda h, t: h.update(preprocessing="x"), "preprocessing"),
    "endless preprocessing": (lambda h, t: h["preprocessing"].update(resize=10**9, crop=10**9), "resize"),
    "zero std": (lambda h, t: h["preprocessing"].update(std=[0, 1, 1]), "std"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_with_a_right_digest_and_wrong_contents(packed_file, tmp_path, change):
    alter, reason = CHANGES[change]
    path = save(tmp_path / "x", *corrupted(packed_file, alter))
    with pytest.raises(PackedFileError, match=reason) as caught:
        Network.open(path)
    assert str(path) in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_the_same_network(packed_file, tmp_path_factory, data):
    content = bytearray(packed_file[0].read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        network = Network.open(path)
    except PackedFileError:
        return
    x = np.random.default_rng(0).standard_normal((1, 12, 12, 3)).astype(np.float32)
    np.testing.assert_array_equal(network.run(x), Network.open(packed_file[0]).run(x))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(value, path=()):
    """Every place within JSON values, as the keys that lead there."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_in_the_header_is_refused_or_runs(packed_file, tmp_path_factory, data):
    header, tensors = copy.deepcopy(packed_file[1]), packed_file[2]
    path = data.draw(st.sampled_from([p for p in places(header) if p]))
    target = header
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = data.draw(json_values | st.integers(-2, 70))
    file = save(tmp_path_factory.getbasetemp() / "mutated", header, tensors)
    try:
        network = Network.open(file)
    except PackedFileError:
        return
    output = network.run(np.zeros((1, *network.input_shape), np.float32))
    assert output.shape == (1, *network.output_shape)
