"""Network timing: layers of two schemes pair up, the parts add up, the first layer's limit follows from the times."""

import re
from types import SimpleNamespace

import pytest
from page_reading import array_of, chart_of

PAGE = "views/network_timing/page.py"
RESULT = "network timing: result"
QUICK = {"runs": "5"}
LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5", "classifier"]


def run(at):
    return at.button(key="run-network").click().run()


def metric(at, label: str) -> str:
    return next(m.value for m in at.metric if m.label == label)


@pytest.fixture
def ran(open_page):
    at = run(open_page(PAGE, **QUICK))
    assert not at.exception
    return at


def test_nothing_is_measured_unasked(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert not at.metric
    assert "Press **Run**" in at.info[0].value


def test_a_run_shows_every_layer_of_both_schemes_with_a_table_under_each_chart(ran):
    charts = ran.get("plotly_chart")
    assert len(charts) == len(ran.table) == 2
    assert all(chart.proto.alt for chart in charts)
    table = ran.table[1].value
    assert list(table["layer"]) == LAYERS
    assert table["shape"].iloc[0] == "11×11/4 3→64 @ 31"
    assert {"Full precision", "XNOR-Net", "float / XNOR"} <= set(table)


def test_speed_up_and_limit_follow_from_the_runs(ran):
    from xnorlab import units

    pair = ran.session_state[RESULT]
    whole, first = pair.whole_s("float"), pair.first_layer_s("xnor")
    assert metric(ran, "float, all layers") == units.duration(whole)
    assert metric(ran, "measured speed-up") == units.times(whole / pair.whole_s("xnor"))
    assert metric(ran, "limit by the first layer, computed") == units.times(whole / first)
    assert any("Amdahl" in m.value and units.times(whole / first) in m.value for m in ran.markdown)


def test_the_headline_is_as_long_as_its_bar(ran):
    pair = ran.session_state[RESULT]
    bars = [t for t in chart_of(ran)["data"] if len(t["y"]) == 2]
    for index, scheme in enumerate(("float", "xnor")):
        assert sum(array_of(t["x"])[index] for t in bars) == pytest.approx(pair.whole_s(scheme))


def test_runs_that_were_interrupted_are_explained(app_modules):
    from views.network_timing import timing_charts

    assert timing_charts.slower_from_end_to_end({"float": 0.01, "xnor": 0.001}, {"float": 0.0105, "xnor": 0.001}) == []
    (said,) = timing_charts.slower_from_end_to_end({"float": 0.0087, "xnor": 0.001}, {"float": 0.0154, "xnor": 0.001})
    assert "Full precision took 15.4 ms, 1.77× as long as its layers" in said


def test_binary_weights_with_real_inputs_are_said_to_save_bytes(open_page):
    from xnorlab import units

    at = run(open_page(PAGE, second="bwn", **QUICK))
    assert not at.exception
    pair = at.session_state[RESULT]
    (said,) = [m.value for m in at.markdown if "saves bytes rather than time" in m.value]
    assert units.times(pair.whole_s("float") / pair.whole_s("bwn")) in said
    assert said.startswith("**Binary-Weight (BWN) saves")


@pytest.mark.parametrize(
    ("speed_up", "spread", "words"),
    [
        (1.02, 0.05, "about 1.02×"),
        (0.28, 0.05, "only 0.280×"),
        (1.2, 0.05, "fewer bytes"),
        (0.18, 0.7, "0.180× as fast as full precision, while something else kept this machine busy"),
    ],
)
def test_what_binary_weights_do_for_the_time_is_what_was_measured(app_modules, speed_up, spread, words):
    from shared import binary_weights

    said = binary_weights.only_weights_are_packed("BWN", 1, speed_up, spread)
    assert words in said
    assert "from one bit to ±1" in said
    ternary = binary_weights.only_weights_are_packed("Ternary", 2, speed_up, spread)
    assert ternary == said.replace("BWN", "Ternary").replace("one bit to ±1", "two bits to −1, 0 and +1")


def test_steps_with_packed_weights_are_told_by_their_kinds(app_modules):
    from views.network_timing.measurement import LayerTimings

    class Timed(LayerTimings):
        def __init__(self, *kinds):
            self.kinds = kinds

        def _steps(self, scheme):
            return [SimpleNamespace(kind=kind) for kind in self.kinds]

    assert Timed("conv", "binary_conv").packed_weight_bits("xnor") == 0
    assert Timed("conv", "binary_weight_conv", "linear").packed_weight_bits("bwn") == 1
    assert Timed("conv", "ternary_weight_linear").packed_weight_bits("ternary") == 2


def test_every_step_is_counted_once(ran):
    pair = ran.session_state[RESULT]
    for scheme, rows in (("float", pair.bench.float_ops), ("xnor", pair.bench.ops)):
        fastest = sum(min(row.timing.samples_s) for row in rows)
        slowest = sum(max(row.timing.samples_s) for row in rows)
        assert fastest <= sum(map(sum, pair.layer_medians_s(scheme).values())) <= slowest
        assert set(pair.op_layers[scheme].values()) == set(LAYERS)
        assert pair.runs == len(rows[0].timing.samples_s) == 5


def test_the_bars_are_the_stages(ran):
    pair = ran.session_state[RESULT]
    drawn = [t for t in chart_of(ran, 1)["data"] if "offsetgroup" in t]
    assert {t["offsetgroup"] for t in drawn} == {"float", "xnor"}
    stages = {(s, stage) for s in ("float", "xnor") for stage in pair.layer_medians_s(s)}
    assert len(drawn) >= len(stages)


def test_a_layer_leads_to_the_speed_lab_with_its_geometry(open_page):
    at = run(open_page(PAGE, timed_layer="conv 3", **QUICK))
    assert not at.exception
    (link,) = at.get("page_link")
    assert "conv3, 3×3 192→384 @ 7" in link.proto.label
    assert dict(re.findall(r"(\w+)=(\w+)", link.proto.query_string)) == {
        "data": "random",
        "batch": "1",
        "channels": "192",
        "filters": "384",
        "size": "7",
        "kernel": "3",
        "stride": "1",
    }
    at.selectbox(key="timed_layer").set_value("conv1").run()
    (link,) = at.get("page_link")
    assert link.proto.label == "Time conv1, 11×11/4 3→64 @ 31, in the Speed lab, with a border of 5"
    assert "size=128&kernel=11&stride=4" in link.proto.query_string
    at.selectbox(key="timed_layer").set_value("classifier").run()
    assert any("the Speed lab has no such shape" in c.value for c in at.caption)
    assert at.query_params["timed_layer"] == "classifier"


def test_changed_settings_mark_the_result_as_old(ran):
    ran.selectbox(key="second").set_value("bwn").run()
    assert not ran.exception
    assert any("Settings changed, run again" in w.value for w in ran.warning)


def test_what_was_measured_before_a_cancel_stays_and_is_named_so(open_page, monkeypatch):
    from views.network_timing import measurement

    once = measurement.bench_network
    calls = []

    def cancelled(*args, **options):
        calls.append(1)
        if len(calls) > 1:
            from streamlit.runtime.scriptrunner import StopException

            raise StopException
        return once(*args, **options)

    monkeypatch.setattr(measurement, "bench_network", cancelled)
    at = run(open_page(PAGE, **QUICK))
    at.run()
    assert not at.exception
    assert any("Stopped after 3 of 5 runs" in w.value for w in at.warning)
    assert len(at.get("plotly_chart")) == 2

    from shared import turns

    assert turns.waiting() == 0


def test_one_scheme_twice_cannot_be_run(open_page):
    at = open_page(PAGE, first="xnor", second="xnor")
    assert not at.exception
    assert at.button(key="run-network").disabled
    assert any("two different schemes" in info.value for info in at.info)


def test_a_network_that_is_wrong_is_named_instead_of_timed(open_page, monkeypatch):
    from views.network_timing import measurement

    from xnorlab.benchmark import OursIsWrongError

    def wrong(*_, **__):
        raise OursIsWrongError("packed gives other logits")

    monkeypatch.setattr(measurement, "bench_network", wrong)
    at = run(open_page(PAGE, **QUICK))
    assert not at.exception
    assert "No time is shown: packed gives other logits" in at.error[0].value
    assert not at.metric


@pytest.mark.parametrize("scheme", ["float", "xnor"])
def test_a_missing_network_says_how_to_get_it_and_leaves_no_button_behind(pretrained_copy, open_page, scheme):
    (pretrained_copy / "imagenette" / f"alexnet-{scheme}.safetensors").unlink()
    at = run(open_page(PAGE, **QUICK))
    assert not at.exception
    assert f"alexnet-{scheme}" in at.warning[0].value.replace("\\", "")
    assert at.warning[0].value.count("git checkout") == 1
    assert "cancel" not in [button.key for button in at.button]


def test_without_any_network_the_advice_is_about_the_scheme_that_failed(pretrained_copy, open_page):
    (pretrained_copy / "manifest.json").write_text("{}")
    at = run(open_page(PAGE, **QUICK))
    assert "xnorlab zoo train --data DATA --only imagenette/alexnet-float`" in at.warning[0].value


def test_a_family_offers_what_is_shipped_of_it_and_one_network_cannot_be_compared(ship_resnet, open_page):
    ship_resnet("float")
    at = open_page(PAGE, timed_network="imagenette/resnet18")
    assert not at.exception
    assert at.selectbox(key="second").options == ["● Full precision"]
    assert at.button(key="run-network").disabled
    assert any("no second network yet" in info.value for info in at.info)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timed_network", "imagenet/vgg"),
        ("first", "ternary"),
        ("second", "x"),
        ("threads", "0"),
        ("runs", "6"),
        ("timed_layer", "<b>"),
    ],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    assert any(f"{key}={value}" in info.value for info in at.info)


@pytest.mark.parametrize("scheme", ["float", "xnor", "reactnet"])
def test_layers_of_a_residual_network_pair_up_whatever_the_scheme(app_modules, scheme):
    import torch
    from views.network_timing import layers as network_layers

    from xnorlab import export, models

    torch.manual_seed(0)
    model = models.resnet18(scheme, 10, width=8).eval()
    network = export.pack(model, torch.zeros(1, 3, 64, 64))
    layers = network_layers.layers_of(network)
    assert [layer.key for layer in layers if layer.key.startswith("conv")] == [f"conv{i}" for i in range(1, 18)]
    assert sum(layer.key.startswith("shortcut") for layer in layers) == 3
    assert layers[-1].key == "classifier"
    by_key = {layer.key: layer.shape for layer in layers}
    assert by_key["conv1"] == "7×7/2 3→8 @ 32"
    assert by_key["shortcut3"] == "1×1 32→64 @ 2"
    assert set(network_layers.layer_of_each_op(network)) == {op.name for op in network.ops}
