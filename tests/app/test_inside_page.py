"""Inside: the bits on show are the network's, their count is its value, and the page says so only where it is true."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from app_pages import APP
from manifests import enter, shipped_network, stamped
from page_reading import html_of

import xnorlab
from xnorlab.images import open_image
from xnorlab.runtime import record
from xnorlab.zoo import manifest
from xnorlab.zoo.layer_names import layer_names

PAGE = "views/inside/page.py"
BINARY = [name for name in xnorlab.names() if any(s in name for s in ("bnn", "xnor", "bireal", "reactnet"))]
CLICK = "inside: clicked pixel"


def query_of(name: str) -> dict[str, str]:
    data, _, network = name.rpartition("/")
    model, _, scheme = network.partition("-")
    return {"model": f"{data}/{model}", "trained": scheme}


def metric(at, label: str) -> str:
    return next(m.value for m in at.metric if m.label == label)


def component(at, key: str) -> dict:
    """What a component of the page was given."""
    protos = [element.proto for element in at.get("bidi_component")]
    return next(json.loads(proto.json) for proto in protos if f"-{key}" in proto.id or key in proto.id)


def chain(at) -> list[list[str]]:
    """The table from a sum to the next bit."""
    table = next(t.value for t in at.table if list(t.value.columns) == ["step", "here", "value"])
    return [list(row) for _, row in table.iterrows()]


def layer_of(name: str, layer: str, photo: str = "golf-ball"):
    network = xnorlab.load(name)
    recording = record(network, network.preprocessing([open_image(APP / "samples" / f"{photo}.jpg")]))
    ops = {own: op for op, own in layer_names(op.name for op in network.ops if op.weight_bits).items()}
    return recording.layer(ops[layer])


@pytest.mark.parametrize("name", BINARY)
def test_every_network_with_binary_inputs_is_shown_and_checked(name, open_page):
    at = open_page(PAGE, **query_of(name))
    assert not at.exception
    assert not at.error
    assert not at.warning
    assert [s.value.startswith("Checked just now") for s in at.success] == [True]
    assert len(at.get("plotly_chart")) == 2
    layers = [option.partition(":")[0] for option in at.selectbox(key="layer").options]
    assert layers[0] == "conv2"
    at.selectbox(key="layer").set_value(layers[-1]).run()
    assert not at.exception
    assert len(at.success) == 1
    assert not any("next layer's bit" in step for step, _, _ in chain(at))


@pytest.mark.parametrize("scheme", ["float", "bwn"])
def test_real_inputs_have_no_bits_to_follow_and_the_page_says_so(scheme, open_page):
    at = open_page(PAGE, trained=scheme)
    assert not at.exception
    (info,) = at.info
    assert info.value.startswith("Real numbers enter every layer of")
    assert ("weights alone are signs" in info.value) == (scheme == "bwn")
    assert not at.metric


@pytest.mark.parametrize(("row", "column"), [(0, 0), (7, 8), (15, 15)])
def test_the_counts_and_the_chain_are_those_of_the_library(row, column, open_page):
    name, filter = "imagenette/resnet18-reactnet", 20
    at = open_page(PAGE, **query_of(name), layer="conv6", filter=str(filter), row=str(row), column=str(column))
    layer = layer_of(name, "conv6")
    assert layer.next_signs is not None
    pixel = layer.pixel_sum(filter, row, column)
    assert metric(at, "bits that agree") == f"{pixel.agreements:,}"
    assert metric(at, "bits that differ") == f"{pixel.disagreements:,}"
    assert metric(at, "sum = agree − differ") == f"{pixel.sum:+,d}".replace("-", "−")
    steps = [step.partition(": ")[2] for step, _, _ in chain(at)]
    assert steps == [
        "sum",
        "× α",
        "norm",
        "shortcut added",
        "learned shift",
        "PReLU",
        "learned shift",
        "the next layer's bit",
    ]
    assert chain(at)[-1][2] == ("+1" if layer.next_signs[row, column, filter] > 0 else "−1")
    assert any("lie beyond the edge" in c.value for c in at.caption) == (pixel.outside > 0)


def test_the_maps_on_show_are_framed_where_the_filter_looks(open_page):
    at = open_page(PAGE, layer="conv2", row="0", column="14", channel="3", filter="4")
    before, sign, twin = component(at, "entering")["maps"]
    assert before["mark"] == sign["mark"] == twin["mark"] == [-2, 12, 5, 5]
    assert before["title"] == "channel 3 before the sign"
    leaving = component(at, "leaving")["maps"]
    assert [m["id"] for m in leaving] == ["sums", "sums", "0", "next"]
    assert [m["mark"][:2] for m in leaving] == [[0, 14], [0, 14], [0, 6], [0, 6]]
    assert all(m["alt"] for m in [before, sign, twin, *leaving])


@pytest.mark.parametrize(
    ("place", "pixel"),
    [
        (("sums", (3, 4)), ("3", "4")),
        (("input", (14, 0)), ("14", "0")),
        (("0", (6, 2)), ("13", "5")),
        (("next", (0, 0)), ("1", "1")),
        (("5", (0, 0)), ("1", "1")),  # a map that the layer before had
        (("sums", (40, 40)), ("7", "7")),
    ],
)
def test_a_click_on_any_map_chooses_the_sum_that_belongs_to_it(place, pixel, open_page):
    at = open_page(PAGE, layer="conv2")
    at.session_state[CLICK] = place
    at.run()
    assert not at.exception
    assert (at.query_params["row"], at.query_params["column"]) == pixel


def test_a_click_before_a_stride_of_two_chooses_the_patch_around_it(open_page):
    at = open_page(PAGE, model="imagenette/resnet18", layer="conv6")
    at.session_state[CLICK] = ("input", (22, 9))
    at.run()
    assert (at.query_params["row"], at.query_params["column"]) == ("11", "5")


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"layer": "conv99"}, "layer"),
        ({"layer": "conv2", "channel": "64"}, "channel"),
        ({"layer": "conv2", "filter": "-1"}, "filter"),
        ({"layer": "conv3", "row": "7"}, "row"),
        ({"layer": "conv3", "column": "1e99"}, "column"),
        ({"layer": "conv2", "row": "nan"}, "row"),
    ],
)
def test_a_place_that_is_not_there_is_named_and_replaced(query, wrong, open_page):
    at = open_page(PAGE, **query)
    assert not at.exception
    notes = [info.value for info in at.info if "The address asks for" in info.value]
    assert [f"`{wrong}=" in note for note in notes] == [True]
    assert len(at.success) == 1


def test_a_layer_with_fewer_places_takes_over_what_fits(open_page):
    at = open_page(PAGE, layer="conv2", row="12", column="3", filter="100")
    at.selectbox(key="layer").set_value("conv3").run()
    assert not at.exception
    kept = {key: at.query_params[key] for key in ("row", "column", "filter")}
    assert kept == {"row": "3", "column": "3", "filter": "100"}


def test_a_value_that_does_not_follow_from_the_bits_is_reported(open_page, monkeypatch):
    from xnorlab.runtime.binary_layer import BinaryLayer

    monkeypatch.setattr(BinaryLayer, "differing", property(lambda layer: 3))
    at = open_page(PAGE)
    assert not at.success
    (error,) = at.error
    assert "The check fails" in error.value
    assert "3 of 43,200 values of this layer differ" in error.value


def test_a_visitors_own_photo_is_followed(open_page, photo_bytes):
    at = open_page("views/classify/page.py", schemes="xnor")
    at.file_uploader[0].set_value([("mine.png", photo_bytes, "image/png")]).run()
    at.switch_page(PAGE).run()
    assert not at.exception
    assert at.query_params["photo"].startswith("own-")
    (own,) = at.session_state["photos: kept"].values()
    network = xnorlab.load("imagenette/alexnet-xnor")
    recording = record(network, network.preprocessing([own.pixels]))
    pixel = recording.layer("features.conv2.conv").pixel_sum(int(at.query_params["filter"]), 7, 7)
    assert metric(at, "bits that agree") == f"{pixel.agreements:,}"
    assert len(at.success) == 1


def test_without_a_float_twin_the_page_does_without(open_page, pretrained_copy):
    shipped = dict(manifest.read(pretrained_copy))
    del shipped["imagenette/alexnet-float"]
    enter(pretrained_copy, *shipped.values())
    at = open_page(PAGE)
    assert not at.exception
    assert len(at.success) == 1
    assert any("No float network of this architecture" in info.value for info in at.info)
    assert len(component(at, "entering")["maps"]) == 2


def test_a_network_in_network_is_followed(open_page, pretrained_copy):
    import torch
    from safetensors.torch import save_file

    from xnorlab import export, models
    from xnorlab.images import Preprocessing
    from xnorlab.zoo.recipe import Recipe

    labels, shipped = ("a", "b", "c"), dict(manifest.read(pretrained_copy))
    for scheme in ("float", "bnn"):
        torch.manual_seed(0)
        record_of = shipped_network(
            Recipe(dataset="imagenette", model="nin", scheme=scheme, epochs=1), images=3, labels=labels
        )
        model = models.nin(scheme, num_classes=3).eval()
        save_file(dict(model.state_dict()), pretrained_copy / record_of.latent_file)
        example, prepare = torch.zeros(1, 3, 32, 32), Preprocessing(resize=36, crop=32)
        export.pack(model, example, labels=list(labels), preprocessing=prepare).save(pretrained_copy / record_of.file)
        shipped[record_of.name] = stamped(pretrained_copy, record_of)
    enter(pretrained_copy, *shipped.values())
    at = open_page(PAGE, model="imagenette/nin", trained="bnn")
    assert not at.exception
    assert not at.warning
    assert len(at.success) == 1
    assert len(at.get("plotly_chart")) == 2


def test_the_scores_are_those_of_the_library(open_page):
    from xnorlab.runtime.similarity import linear_cka

    at = open_page(PAGE, layer="conv3")
    twin = xnorlab.load("imagenette/alexnet-float")
    x = twin.preprocessing([open_image(APP / "samples" / "golf-ball.jpg")])
    expected = linear_cka(
        layer_of("imagenette/alexnet-xnor", "conv3").signs, record(twin, x).input_of("features.conv3.conv")
    )
    assert any(m.value.startswith(f"**conv3: {expected:.2f}.**") for m in at.markdown)


def test_another_layer_leaves_the_charts_as_they_are_and_moves_the_mark(open_page):
    at = open_page(PAGE, layer="conv3")
    charts = [chart.proto.id for chart in at.get("plotly_chart")]
    marks = [html for html in html_of(at).splitlines() if "st-key-similarity" in html]
    tiles = component(at, "way")["tiles"]
    at.selectbox(key="layer").set_value("conv5").run()
    assert not at.exception
    assert [chart.proto.id for chart in at.get("plotly_chart")] == charts
    assert [html for html in html_of(at).splitlines() if "st-key-similarity" in html] != marks
    assert component(at, "way")["tiles"] == tiles
    assert component(at, "way")["chosen"] == "conv5"


def test_a_layer_that_runs_alone_passes_the_address_on_and_remembers_the_former_one(open_page, monkeypatch):
    from types import SimpleNamespace

    from shared import history

    alone = SimpleNamespace(fragment_ids_this_run=["one"], is_history_navigation=False)
    at = open_page(PAGE, layer="conv3")
    assert not [c for c in at.get("bidi_component") if c.proto.id.endswith("-address-part")]
    before = dict(at.session_state["address: the visit"].wanted)
    monkeypatch.setattr(history, "get_script_run_ctx", lambda: alone)
    at.selectbox(key="layer").set_value("conv4").run()
    assert not at.exception
    assert "layer=conv4" in component(at, "address-part")["query"]
    visit = at.session_state["address: the visit"]
    assert before in visit.known
    assert visit.wanted["layer"] == at.query_params["layer"] == "conv4"


def test_the_page_needs_no_torch():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import streamlit\n"
        "from streamlit.testing.v1 import AppTest\n"
        "streamlit.page_link = lambda *args, **options: None  # there are no other pages in this run\n"
        "at = AppTest.from_file(sys.argv[2], default_timeout=600).run()\n"
        "assert not at.exception, at.exception\n"
        "assert at.success\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(APP), str(APP / PAGE)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], timeout=600)


def test_the_default_channel_says_both(open_page):
    at = open_page(PAGE, layer="conv3")
    layer = layer_of("imagenette/alexnet-xnor", "conv3")
    shares = (layer.signs > 0).mean(axis=(0, 1))
    chosen = int(at.query_params["channel"])
    assert abs(shares[chosen] - 0.5) == np.abs(shares - 0.5).min()
