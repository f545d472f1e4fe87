"""A visitor's own packed network: checked as hostile, kept in the session, one more network on four pages."""

import json

import numpy as np
import pytest
from page_reading import html_of

from xnorlab.images.preprocessing import Preprocessing
from xnorlab.kernels.packing import pack_filters
from xnorlab.runtime import Network, file_format, ops

CLASSIFY, INSIDE = "views/classify/page.py", "views/inside/page.py"
TIMING, FILTERS = "views/network_timing/page.py", "views/filters/page.py"
CHOOSERS = {CLASSIFY: "model", INSIDE: "model", FILTERS: "model", TIMING: "timed_network"}
LABELS = ["cat", "**dog**", "<b>eel</b>"]


def real(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def binary_conv(**options) -> ops.BinaryConv:
    return ops.BinaryConv(words=pack_filters(real(5, 3, 3, 8)), channels=8, padding=(1, 1), **options)


def network(*middle: ops.Op, name: str = "mine", labels=LABELS, head: str = "stem", classes: int = 3, **options):
    """From (12, 12, 3) to 3 classes: a real stem, `middle`, the mean, a real head."""
    width = {"stem": 8}.get(head, 5)
    options = {"preprocessing": Preprocessing(resize=14, crop=12), "labels": labels} | options
    return Network(
        [
            ops.Conv(name="stem", inputs=("input",), weight=real(8, 3, 3, 3), padding=(1, 1)),
            *middle,
            ops.GlobalAvgPool(name="mean", inputs=(head,)),
            ops.Flatten(name="flat", inputs=("mean",)),
            ops.Linear(name="head", inputs=("flat",), weight=real(classes, width)),
        ],
        input_shape=(12, 12, 3),
        name=name,
        **options,
    )


@pytest.fixture(scope="module")
def packed() -> bytes:
    """A small network with a binary layer."""
    return network(binary_conv(name="body.one", inputs=("stem",)), head="body.one").to_bytes()


def bring(at, data: bytes, name: str = "mine.safetensors"):
    uploader = next(u for u in at.file_uploader if u.label.startswith("A packed network"))
    uploader.set_value([(name, data, "application/octet-stream")])
    return at.run()


def own_key(at, page: str) -> str:
    (key,) = at.session_state["own networks: kept"]
    assert at.query_params[CHOOSERS[page]] == key
    return key


def said(at) -> str:
    kinds = (at.info, at.warning, at.error, at.caption, at.markdown)
    return " ".join(element.value for kind in kinds for element in kind)


def test_classify_answers_and_says_what_it_does_not_know(open_page, packed):
    at = bring(open_page(CLASSIFY, schemes="xnor"), packed)
    assert not at.exception
    assert not at.error
    own_key(at, CLASSIFY)
    assert "Yours: mine: 3 things" in at.selectbox(key="model").options
    html = html_of(at)
    assert "data-scheme='yours'" in html
    assert "its accuracy on 3 classes is not in the file" in html
    assert "&lt;b&gt;eel" in html
    assert "<b>eel" not in html
    table = next(t.value for t in at.table if "class" in t.value)
    assert "\\*\\*dog\\*\\*" in list(table["class"])
    assert "A packed file tells neither how often its network is right" in said(at)
    assert "It knows 3 things: cat" in said(at)
    assert "exactly what the network saw" in said(at)


def test_inside_follows_it_without_a_twin(open_page, packed):
    at = bring(open_page(INSIDE), packed)
    assert not at.exception
    own_key(at, INSIDE)
    assert at.query_params["layer"] == "body.one"
    assert "Checked just now" in at.success[0].value
    assert any("A packed file holds no float twin" in info.value for info in at.info)


def test_network_timing_times_it_alone(open_page, packed):
    at = bring(open_page(TIMING, runs="5"), packed)
    assert not at.exception
    own_key(at, TIMING)
    at.button(key="run-network").click().run()
    assert not at.exception
    assert not at.error
    assert [m.label for m in at.metric] == [
        "all layers",
        "end to end",
        "the first layer",
        "limit by the first layer, computed",
    ]
    assert list(at.table[-1].value["layer"]) == ["conv1", "body.one", "head"]
    assert "a packed file holds none" in said(at)
    at.selectbox(key="timed_layer").set_value("body.one").run()
    assert at.query_params["timed_layer"] == "body.one"


def test_filters_offers_what_stays_real_and_says_what_the_file_lacks(open_page, packed):
    at = bring(open_page(FILTERS), packed)
    assert not at.exception
    own_key(at, FILTERS)
    assert at.selectbox(key="layer").options == ["conv1: 8 filters of 3 × 3 × 3"]
    assert "Of the binary ones a packed file keeps signs and factors alone" in said(at)
    assert len(at.get("plotly_chart")) == 2


def test_filters_says_where_nothing_real_is_left(open_page):
    dense = Network(
        [ops.Flatten(name="flat", inputs=("input",)), ops.Linear(name="head", inputs=("flat",), weight=real(2, 48))],
        input_shape=(4, 4, 3),
    )
    at = bring(open_page(FILTERS), dense.to_bytes())
    assert not at.exception
    assert "There is no real filter to binarize: a packed file keeps no convolution" in said(at)


@pytest.mark.parametrize(
    ("page", "words"), [(CLASSIFY, "no preprocessing"), (INSIDE, "no preprocessing"), (TIMING, "preprocessing")]
)
def test_a_network_that_takes_no_photos_is_said_to_take_none(page, words, open_page):
    at = bring(open_page(page, runs="5", schemes="xnor"), network(preprocessing=None, labels=None).to_bytes())
    assert not at.exception
    own_key(at, page)
    if page == TIMING:
        at.button(key="run-network").click().run()
        assert not at.exception
    assert words in said(at) + html_of(at)


def test_a_network_without_weights_or_classes_fails_on_no_page(open_page):
    odd = Network(
        [ops.ReLU(name="relu", inputs=("input",))], input_shape=(6, 6, 3), preprocessing=Preprocessing(resize=6, crop=6)
    ).to_bytes()
    for page, words in (
        (CLASSIFY, "no list of classes"),
        (INSIDE, "no layer with weights"),
        (TIMING, "no layer with weights"),
        (FILTERS, "no convolution"),
    ):
        at = bring(open_page(page, schemes="xnor"), odd)
        if page == TIMING:
            at.button(key="run-network").click().run()
        assert not at.exception, page
        assert words in said(at) + html_of(at), page


def test_a_map_as_answer_is_no_list_of_classes_inside(open_page):
    only = ops.BinaryConv(name="only", inputs=("input",), words=pack_filters(real(1, 3, 3, 3)), channels=3)
    maps = Network([only], input_shape=(8, 8, 3), preprocessing=Preprocessing(resize=8, crop=8))
    at = bring(open_page(INSIDE), maps.to_bytes())
    assert not at.exception
    assert "Checked just now" in at.success[0].value
    assert any("a map of 6 × 6 × 1 values" in info.value for info in at.info)


def test_what_was_taught_is_one_more_network(open_page, packed):
    from xnorlab import teach

    pictures = np.random.default_rng(1).integers(0, 256, (12, 20, 20, 3), dtype=np.uint8)
    classes = {name: {f"{name}{i}": pictures[6 * k + i] for i in range(6)} for k, name in enumerate(("red", "blue"))}
    taught = teach.teach(Network.from_bytes(packed), teach.Lesson.from_classes(classes), "taught-xnor")
    at = bring(open_page(CLASSIFY, schemes="xnor"), taught.network.to_bytes())
    assert not at.exception
    assert "Yours: taught-xnor: 2 things" in at.selectbox(key="model").options
    assert any("blue, red" in c.value or "red, blue" in c.value for c in at.caption)


def test_a_network_joins_the_other_pages_and_leaves_when_it_is_removed(open_page, packed):
    at = bring(open_page(FILTERS), packed)
    key = own_key(at, FILTERS)
    at.switch_page(INSIDE).run()
    assert at.query_params["model"] == key
    assert at.success
    at.switch_page("views/scaling_factors/page.py").run()
    assert not at.exception
    assert at.query_params["model"] == "imagenette/alexnet"
    at.switch_page(INSIDE).run()
    at.selectbox(key="model").set_value(key).run()
    at.button(key=f"remove-{key}").click().run()
    assert not at.exception
    assert at.query_params["model"] == "imagenette/alexnet"
    assert not at.session_state["own networks: kept"]
    assert not at.info or "no float twin" not in said(at)


@pytest.mark.parametrize("page", CHOOSERS)
def test_a_link_whose_network_is_gone_says_so_once(page, open_page):
    at = open_page(page, **{CHOOSERS[page]: "yours-0123456789ab", "schemes": "yours"})
    assert not at.exception
    notes = [info.value for info in at.info if "visitor's own" in info.value or "The address asks" in info.value]
    assert len(notes) == 1
    assert "kept in the memory of a session" in notes[0]
    assert at.query_params[CHOOSERS[page]] == "imagenette/alexnet"


def altered(packed: bytes) -> bytes:
    return packed[:-1] + bytes([packed[-1] ^ 1])


def renamed(packed: bytes) -> bytes:
    header, tensors = file_format.from_bytes(packed)
    text = json.dumps(header).replace("body.one", "![x](http:one)")
    tensors = {name.replace("body.one", "![x](http:one)"): value for name, value in tensors.items()}
    return file_format.to_bytes(json.loads(text), tensors)


def slow(packed: bytes) -> bytes:
    wide = ops.MaxPool(name="pool", inputs=("input",), kernel=(299, 299), stride=(1, 1), padding=(149, 149))
    return Network([wide], input_shape=(300, 300, 3)).to_bytes()


def unfolded(packed: bytes) -> bytes:
    groups = 2**17
    weight = np.zeros((groups, 1, 1, 1), np.float32)
    conv = ops.Conv(name="op", inputs=("input",), weight=weight[:2], groups=2)
    header, tensors = file_format.from_bytes(Network([conv], input_shape=(1, 1, 2)).to_bytes())
    header["graph"][0]["attributes"]["groups"] = groups
    return file_format.to_bytes(header | {"input_shape": [1, 1, groups]}, tensors | {"op.weight": weight})


def alone(*graph: ops.Op, shape: tuple[int, ...] = (1, 1, 1)) -> bytes:
    return Network(graph, input_shape=shape).to_bytes()


def doubled(times: int) -> bytes:
    names = ["input", *(f"twice{n}" for n in range(times))]
    pairs = zip(names[1:], names[:-1], strict=True)
    return alone(*(ops.Concatenate(name=name, inputs=(before, before)) for name, before in pairs))


def averaged_often(packed: bytes) -> bytes:
    """A large map that many ops read and that leaves little behind."""
    means = [ops.Reduce(name=f"mean{n}", inputs=("input",), how="mean", axes=(0, 1)) for n in range(1000)]
    return alone(*means, ops.Concatenate(name="all", inputs=tuple(op.name for op in means)), shape=(2000, 2000, 3))


def padded_often(packed: bytes) -> bytes:
    """Convolutions whose borders are far larger than what they read and what they give."""
    weight, far = np.ones((1, 1, 1, 1), np.float32), (3900, 3900)
    convs = [
        ops.Conv(name=f"conv{n}", inputs=("input",), weight=weight, padding=far, stride=(4096, 4096)) for n in range(20)
    ]
    return alone(*convs, ops.Concatenate(name="all", inputs=tuple(op.name for op in convs)))


def one(kind: type[ops.Op], shape: tuple[int, ...] = (1, 1, 1), **fields):
    return lambda packed: alone(kind(name="op", inputs=("input",), **fields), shape=shape)


BOUNDLESS = {
    "between two passes": (
        one(ops.Resize, (1, 2**22, 1), mode="bilinear", size=(4096, 1), factors=None),
        "operations for one picture",
    ),
    "enlarged": (one(ops.Resize, (1, 2, 1), mode="nearest", size=None, factors=(4096.0, 4096.0)), "values of one"),
    "enlarged too far": (one(ops.Resize, (9, 9, 1), mode="nearest", size=None, factors=(4e3, 4e3)), "more than 67,"),
    "cells": (one(ops.AdaptivePool, how="mean", size=(4096, 4096)), "operations for one picture"),
    "spread": (one(ops.Spread, (3, 3, 1), step=(3000, 3000)), "values of one picture"),
    "border": (one(ops.Border, rows=(2900, 2900), columns=(2900, 2900)), "values of one picture"),
    "windows beyond the border": (
        one(ops.CeilMaxPool, (300, 300, 3), kernel=(299, 299), stride=(1, 1), padding=(149, 149)),
        "operations for one picture",
    ),
    "counted windows": (
        one(
            ops.CountedAvgPool,
            (300, 300, 3),
            kernel=(299, 299),
            stride=(1, 1),
            padding=(149, 149),
            ceil_mode=False,
            count_include_pad=False,
        ),
        "operations for one picture",
    ),
    "doubled": (lambda packed: doubled(25), "values of one picture"),
    "doubled too often": (lambda packed: doubled(300), "more than 67,108,864 numbers"),
    "averaged often": (averaged_often, "operations for one picture"),
    "padded often": (padded_often, "operations for one picture"),
}
"""Small files that ask for much, each with what is said about it."""


@pytest.mark.parametrize("what", BOUNDLESS)
def test_a_small_file_cannot_ask_for_endless_work_or_memory(what, app_modules, monkeypatch):
    from shared import own_networks

    monkeypatch.setattr(Network, "run", lambda self, x: pytest.fail("it was run"))
    forge, reason = BOUNDLESS[what]
    with pytest.raises(ValueError, match=reason):  # by the library itself, where it builds no such network
        own_networks.opened("small.safetensors", forge(b""))


def test_indices_count_as_what_they_take(app_modules):
    from shared import own_networks

    few, many = (alone(ops.Select(name="op", inputs=("input",), indices=np.zeros(n, np.uint64))) for n in (1, 1001))
    sizes = [own_networks.opened("x", data).memory_bytes for data in (few, many)]
    assert sizes[1] - sizes[0] == 16_000


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda packed: b"", "is empty"),
        (lambda packed: b"no network at all", "is not a packed network"),
        (lambda packed: packed[:-10], "is cut short or altered"),
        (altered, "does not match|do not match its digest"),
        (lambda packed: b"\x80\x04\x95" + packed, "is not a packed network"),
        (renamed, "names a layer"),
        (slow, "operations for one picture"),
        (unfolded, r"take up to .* in memory; the limit is 256 MiB"),
        (lambda packed: network(labels=["x" * 81, "b", "c"]).to_bytes(), "a class whose name takes 81 characters"),
        (lambda packed: network(labels=None, classes=1001).to_bytes(), "tells 1,001 classes apart"),
    ],
    ids=["empty", "text", "cut", "altered", "pickle", "markup", "slow", "unfolded", "label", "classes"],
)
def test_what_cannot_be_used_is_refused_with_one_sentence(forge, reason, app_modules, packed):
    from shared import own_networks

    with pytest.raises(ValueError, match=reason) as refusal:
        own_networks.opened("bad\n.safetensors", forge(packed))
    text = str(refusal.value)
    assert text.startswith("bad\\n.safetensors ")
    assert text.endswith(".")
    assert "\n" not in text


def test_a_refused_file_changes_nothing_on_show_and_is_named(open_page, packed, monkeypatch):
    from shared import own_networks

    at = bring(open_page(FILTERS), packed)
    key = own_key(at, FILTERS)
    bring(at, packed[:-10], "cut.safetensors")
    assert not at.exception
    assert "cut" in at.error[0].value
    assert "is cut short" in at.error[0].value
    assert at.query_params["model"] == key
    monkeypatch.setattr(own_networks, "MOST_MEGABYTES", 1)
    at.run()
    bring(at, bytes(2**20) + packed, "large.safetensors")
    assert not at.exception
    assert len(at.error) == 1
    assert "the limit is 1" in at.error[0].value
    assert at.query_params["model"] == key


def test_a_session_keeps_a_few_and_says_what_it_dropped(open_page, monkeypatch):
    from shared import own_networks

    monkeypatch.setattr(own_networks, "MOST_KEPT", 2)
    at = open_page(FILTERS)
    for number in range(3):
        bring(at, network(name=f"n{number}").to_bytes())
    titles = [own.title for own in at.session_state["own networks: kept"].values()]
    assert titles == ["Yours: n1", "Yours: n2"]
    assert "Yours: n0" in said(at).replace("\\", "")
    other = open_page(FILTERS)
    assert "own networks: kept" not in other.session_state or not other.session_state["own networks: kept"]
    assert all("Yours" not in option for option in other.selectbox(key="model").options)


def test_no_networks_bytes_are_shared_between_visitors(app_modules, packed):
    """A name like that of a visitor's network opens nothing in a session without it."""
    from shared import cached

    with pytest.raises(ValueError, match="visitor's own"):
        cached.network("yours-0123456789ab")


def test_a_file_without_a_name_is_called_by_its_own_and_marks_are_left_out(app_modules):
    from shared import own_networks

    nameless = network(name="").to_bytes()
    assert own_networks.opened("my net.safetensors", nameless).title == "Yours: my net"
    marked = network(name="[a](http://b)\n`c`" + "d" * 99).to_bytes()
    assert own_networks.opened("x", marked).title.startswith("Yours: ·a··http···b··n·c·")
    assert len(own_networks.opened("x", marked).title) == 47
