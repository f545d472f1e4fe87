"""Scaling factors: the numbers on show are those of the network's own values, α scales a map and K turns it."""

import urllib.parse

import numpy as np
import pytest
from page_reading import array_of, chart_of

PAGE = "views/scaling_factors/page.py"


def metric(at, label: str) -> str:
    return next(m.value for m in at.metric if m.label == label)


def rows(at) -> dict[str, list[str]]:
    """The table over all filters: factors → relative error, cosine, error at the best factor."""
    table = next(t.value for t in at.table if "mean over the filters" in t.value.columns)
    return {str(row.iloc[0]).strip("*"): list(row.iloc[1:]) for _, row in table.iterrows()}


def number(text: str) -> float:
    return float(text.removesuffix(" %").replace(",", ""))


@pytest.fixture
def golf_ball():
    """What the library says of the golf ball at conv3 of the XNOR network."""
    import torch

    import xnorlab
    from xnorlab import images, models, nn

    model = models.load("imagenette/alexnet-xnor")
    photo = images.open_image("app/samples/golf-ball.jpg")
    x = xnorlab.load("imagenette/alexnet-xnor").preprocessing([photo])
    layer = model.features.conv3.conv
    return nn.approximate_conv(layer, nn.layer_inputs(model, torch.from_numpy(x).permute(0, 3, 1, 2))[layer])


def test_the_page_opens_with_its_four_charts_and_the_finding(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert len(at.get("plotly_chart")) == 5
    assert all(chart.proto.alt for chart in at.get("plotly_chart"))
    assert list(rows(at)) == ["signs only", "α", "K", "α and K"]
    assert any("**α fixes the size**" in m.value for m in at.markdown)
    assert at.query_params["trained"] == "xnor"


def test_the_table_holds_the_library_s_means_over_the_filters(open_page, golf_ball):
    shown = rows(open_page(PAGE, photo="golf-ball", layer="conv3"))
    for factors, (alpha, k) in {"signs only": (0, 0), "α": (1, 0), "K": (0, 1), "α and K": (1, 1)}.items():
        right = golf_ball.agreement(alpha=bool(alpha), k=bool(k))
        normed = golf_ball.behind_a_norm(alpha=bool(alpha), k=bool(k)).mean_error
        expected = (100 * right.mean_error, right.mean_cosine, 100 * right.mean_least_error, 100 * normed)
        assert [number(cell) for cell in shown[factors]] == pytest.approx(expected, rel=5e-3)


def test_alpha_changes_the_error_and_leaves_the_cosine(open_page):
    at = open_page(PAGE, filter="5")
    with_alpha = metric(at, "relative error"), metric(at, "cosine")
    at.toggle(key="use_alpha").set_value(False).run()
    assert not at.exception
    assert number(metric(at, "relative error")) > 3 * number(with_alpha[0])
    assert metric(at, "cosine") == with_alpha[1]
    assert at.query_params["use_alpha"] == "off"


def test_the_maps_on_show_are_the_real_one_the_chosen_one_and_their_difference(open_page, golf_ball):
    at = open_page(PAGE, photo="golf-ball", layer="conv3", filter="9", use_k="on")
    panels = {trace["name"]: array_of(trace["z"]) for trace in chart_of(at, 2)["data"]}
    real, approximate = golf_ball.real[9].numpy(), golf_ball.maps(alpha=True, k=True)[9].numpy()
    np.testing.assert_allclose(panels["true"], real, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(panels["approximate"], approximate, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(panels["difference"], real - approximate, rtol=1e-3, atol=1e-3)


def test_real_inputs_have_no_k_and_the_page_says_so(open_page):
    at = open_page(PAGE, trained="bwn", use_k="on")
    assert not at.exception
    assert at.toggle(key="use_k").disabled
    assert list(rows(at)) == ["signs only", "α"]
    assert "inputs stay real" in at.info[0].value
    assert len(at.get("plotly_chart")) == 4


def test_a_filter_can_be_opened_on_the_page_that_binarizes_it(open_page):
    at = open_page(PAGE, layer="conv4", filter="17")
    link = at.get("page_link")[0].proto
    assert link.label == "Binarize filter 17"
    for part in ("layer=conv4", "filter=17", "scheme=xnor", "from=trained"):
        assert part in link.query_string


def test_a_layer_with_fewer_filters_takes_one_that_it_has(open_page):
    at = open_page(PAGE, layer="conv3", filter="383")
    at.selectbox(key="layer").set_value("conv2").run()
    assert not at.exception
    assert at.slider(key="filter").value == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layer", "conv1"),
        ("filter", "192"),
        ("trained", "float"),
        ("use_alpha", "maybe"),
        ("photo", "moon"),
        ("one_scale", "1"),
    ],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    assert f"{key}={value}" in at.info[0].value
    assert len(at.get("plotly_chart")) == 5


@pytest.mark.parametrize("file", ["alexnet-xnor-latent.safetensors", "alexnet-xnor.safetensors"])
def test_missing_weights_say_how_to_get_them_and_another_network_still_works(pretrained_copy, open_page, file):
    (pretrained_copy / "imagenette" / file).unlink()
    at = open_page(PAGE)
    assert not at.exception
    assert "git checkout" in at.warning[0].value
    at.selectbox(key="trained").set_value("bnn").run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == 5


def test_a_later_system_on_another_model_is_shown_and_its_filters_open(ship_resnet, open_page):
    ship_resnet("reactnet")
    at = open_page(PAGE, model="imagenette/resnet18", filter="2")
    assert not at.exception
    assert at.query_params["trained"] == "reactnet"
    assert at.query_params["layer"] == "conv2"  # conv1 is the stem, which stays real
    assert len(at.get("plotly_chart")) == 5
    linked = dict(urllib.parse.parse_qsl(at.get("page_link")[0].proto.query_string))
    opened = open_page("views/filters/page.py", **linked)
    assert not opened.info
    assert {key: opened.query_params[key] for key in linked} == linked


def test_an_uploaded_photo_is_looked_at(open_page, photo_bytes):
    at = open_page("views/classify/page.py")
    at.file_uploader[0].upload("noise.png", photo_bytes, "image/png").run()
    at.switch_page(PAGE).run()
    assert not at.exception
    assert at.session_state["photo"].startswith("own-")
    assert "noise.png" in at.get("plotly_chart")[2].proto.alt


def test_what_runs_with_real_weights_is_left_out_and_the_place_of_the_inputs_follows_the_scheme(ship_resnet, open_page):
    for scheme in ("bwn", "binaryconnect-stochastic", "xnor"):
        ship_resnet(scheme)
    at = open_page(PAGE, model="imagenette/resnet18", trained="bwn")
    assert at.selectbox(key="trained").options == ["▲ Binary-Weight (BWN)", "★ XNOR-Net"]
    (said,) = [c.value for c in at.caption if c.value.startswith("True:")]
    assert "sign" not in said.partition("Approximate")[0]
    at.selectbox(key="trained").set_value("xnor").run()
    assert not at.exception
    assert any("after the norm, before the sign" in c.value for c in at.caption)


def test_a_norm_is_seen_to_absorb_alpha_and_its_worth_is_the_recorded_ablation(open_page):
    from xnorlab import pretrained
    from xnorlab.verdicts.evidence import Evidence

    at = open_page(PAGE)
    shown = rows(at)
    assert shown["signs only"][3] == shown["α"][3] != shown["K"][3] == shown["α and K"][3]
    text = "\n".join(m.value for m in at.markdown)
    assert f"the error behind a norm is the same {shown['α'][3]} without α and with it" in text
    evidence = Evidence.read(pretrained.folder())
    for where in ("plain", "residual"):
        for norm in ("norm", "no norm"):
            gap = evidence.ablated("scale-norm", f"{where}, {norm}, α", f"{where}, {norm}, no α")
            assert gap.difference in text
        assert f"({gap.network}: “{where}” above)" in text  # the chart calls the network by that word alone


def test_what_k_costs_stands_in_one_row_once_it_is_measured(open_page, monkeypatch):
    from shared import network_times

    from xnorlab import pretrained, units

    monkeypatch.setattr(network_times, "_times", {})
    monkeypatch.setattr(network_times, "_asked", {})
    monkeypatch.setattr(network_times, "RUNS", 3)
    monkeypatch.setattr(network_times, "PAUSES_S", (0.0,))
    at = open_page(PAGE, model="imagenette/resnet18")  # which is not shipped with K

    def row() -> dict[str, str]:
        table = next(t.value for t in at.table if "points in the ablation" in t.value)
        assert len(table) == 1
        return dict(table.iloc[0])

    assert row()["one picture, measured here"] == "being measured…"
    network_times.measure_asked()
    at.run()
    names = [f"imagenette/alexnet-{scheme}" for scheme in ("xnor", "xnor-k")]
    before, after = (network_times.known(names)[name].timing.median_s for name in names)
    assert f"({units.duration(before)} → {units.duration(after)})" in row()["one picture, measured here"]
    without, with_k = (units.memory(pretrained.entry(name).bytes) for name in names)
    assert f"({without} → {with_k})" in row()["packed file"]
    assert row()["points of top-1, as shipped"].startswith("−0.6 ± 0.9 (79.8 against 80.4 %)")
    assert "(75.1 against 74.8 %)" in row()["points in the ablation"]


def test_without_ablations_the_page_says_what_gives_them(open_page, pretrained_copy):
    (pretrained_copy / "ablations.json").unlink()
    at = open_page(PAGE)
    assert not at.exception
    assert any("xnorlab ablate run scale-norm" in info.value for info in at.info)
