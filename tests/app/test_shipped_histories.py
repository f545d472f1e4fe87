"""How it learns, shipped networks: their histories, what tells some of them apart, and their absence."""

import numpy as np
import pytest
from page_reading import array_of, chart_of

from xnorlab import pretrained
from xnorlab.figures.style import SCHEMES
from xnorlab.zoo.history import load_history

PAGE = "views/how_it_learns/page.py"


def values(trace: dict, axis: str = "y") -> np.ndarray:
    return array_of(trace[axis])


def test_an_epoch_of_a_layer_is_shown_with_its_flips_weights_and_all_schemes_curves(open_page):
    at = open_page(PAGE, part="shipped", scheme="xnor", epoch="8")
    assert not at.exception
    charts = at.get("plotly_chart")
    assert len(charts) == 4
    assert all(chart.proto.alt for chart in charts)
    history = load_history("imagenette/alexnet-xnor")
    flips, weights, accuracy, _ = (chart_of(at, index) for index in range(4))
    layer = history.layers[0]
    chosen = max(flips["data"], key=lambda trace: trace["line"]["width"])
    np.testing.assert_allclose(values(chosen), 100 * history.flips(layer))
    kept = history.histogram(layer, 8)
    np.testing.assert_allclose(values(weights["data"][0], "customdata"), 100 * kept.counts / kept.counts.sum())
    assert weights["data"][2]["x"][0] == pytest.approx(kept.mean_abs)
    named = {trace["name"] for trace in accuracy["data"] if trace.get("showlegend", True)}
    assert named >= {SCHEMES[name].short for name in ("float", "xnor")}


def test_scrubbing_and_another_layer_change_the_picture_and_the_address(open_page):
    at = open_page(PAGE, part="shipped", scheme="xnor")
    before = values(chart_of(at, 1)["data"][0])
    at.slider(key="epoch").set_value(0).run()
    assert not np.array_equal(values(chart_of(at, 1)["data"][0]), before)
    assert at.query_params["epoch"] == "0"
    at.selectbox(key="learnt_layer").set_value("conv5").run()
    assert not at.exception
    assert at.query_params["learnt_layer"] == "conv5"


def test_signs_without_a_scale_are_pointed_to_beyond_the_axis(open_page):
    at = open_page(PAGE, part="shipped", scheme="bnn")
    assert not at.exception
    texts = " ".join(a.get("text", "") for a in chart_of(at, 1)["layout"]["annotations"])
    assert "1.00" in texts


def test_ternary_weights_are_said_to_stand_for_three_values(app_modules):
    from views.how_it_learns import shipped_histories

    assert shipped_histories._scale("ternary", 0.2) == (
        None,
        "Weights beyond ±0.100, to a bin's width, stand for ±α, all others for 0.",
    )
    assert "beyond ±0.140" in shipped_histories._scale("ternary-twn", 0.2)[1]


def test_full_precision_has_no_flips_but_its_curves(open_page):
    at = open_page(PAGE, part="shipped", scheme="float")
    assert not at.exception
    assert "no signs" in at.info[0].value
    assert len(at.get("plotly_chart")) == 2


@pytest.mark.parametrize(("key", "value"), [("epoch", "9999"), ("learnt_layer", "conv99"), ("scheme", "ternary")])
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value):
    at = open_page(PAGE, part="shipped", **{key: value})
    assert not at.exception
    assert f"{key}={value}" in at.info[0].value


def test_a_missing_history_says_how_to_get_it_and_the_other_schemes_are_drawn(pretrained_copy, open_page):
    pretrained.history_path("imagenette/alexnet-bnn").unlink()
    at = open_page(PAGE, part="shipped", scheme="bnn")
    assert not at.exception
    assert "git checkout" in at.warning[0].value
    at.pills(key="scheme").set_value("xnor").run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == 4
    assert "missing" in at.warning[0].value


def test_a_taught_networks_own_loss_is_explained_and_not_drawn_among_the_others(ship_resnet, open_page):
    ship_resnet("float")
    ship_resnet("reactnet", teacher="imagenette/resnet18-float", teacher_weight=1.0, start="imagenette/resnet18-first")
    at = open_page(PAGE, part="shipped", model="imagenette/resnet18", scheme="reactnet")
    assert not at.exception
    accuracy, loss = ([t for t in chart_of(at, i)["data"] if "lines" in t["mode"]] for i in (2, 3))
    assert [t["name"] for t in accuracy if t["line"]["dash"] == "solid"] == ["float", "ReActNet"]
    assert [t["name"] for t in loss if t["line"]["dash"] == "solid"] == ["float"]
    assert [t["name"] for t in loss if t["showlegend"]] == ["float", "ReActNet"]
    assert any("KL divergence) to the answers of resnet18-float" in c.value for c in at.caption)
    assert at.slider(key="epoch").label == "Epoch (0: as it began, trained as resnet18-first)"
    assert at.selectbox(key="learnt_layer").options == [f"conv{i}" for i in range(2, 18)]


def test_validation_of_some_epochs_is_marked_where_it_was(second_data_set, open_page):
    at = open_page(PAGE, part="shipped", model=second_data_set, scheme="xnor")
    assert not at.exception
    for index in (2, 3):
        dotted = [t for t in chart_of(at, index)["data"] if t.get("line", {}).get("dash") == "dot"]
        assert len(dotted) == 2
        assert {t["mode"] for t in dotted} == {"lines+markers"}
        assert [values(t, "x").tolist() for t in dotted] == [[4, 8]] * 2
    assert at.slider(key="epoch").max == 8
    numbers = next(table.value for table in at.table if "validation accuracy" in table.value)
    assert list(numbers[numbers["scheme"] == "XNOR"]["validation accuracy"]) == ["–", "–", "–", "0.500"] * 2


def test_training_without_validation_is_said(ship_resnet, open_page):
    ship_resnet("float", validated_every=3)
    at = open_page(PAGE, part="shipped", model="imagenette/resnet18", scheme="float")
    assert not at.exception
    assert [m.value for m in at.markdown if "solid" in m.value] == [
        "**Accuracy**, solid: training; validation was not recorded",
        "**Loss**, solid: training; validation was not recorded",
    ]


def test_stochastic_weights_stay_real_in_the_picture(ship_resnet, open_page):
    ship_resnet("binaryconnect-stochastic")
    at = open_page(PAGE, part="shipped", model="imagenette/resnet18")
    assert not at.exception
    assert not any("become" in a.get("text", "") for a in chart_of(at, 1)["layout"].get("annotations", []))
    assert any("runs with these real weights" in c.value for c in at.caption)


def test_without_any_network_there_is_advice(pretrained_copy, open_page):
    (pretrained_copy / "manifest.json").write_text("{}")
    at = open_page(PAGE, part="shipped")
    assert not at.exception
    assert "xnorlab zoo train" in at.warning[0].value
