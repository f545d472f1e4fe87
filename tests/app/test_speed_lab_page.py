"""Speed lab: measures when told to, says what is measured and what is computed, and when results are stale."""

import numpy as np
import pytest

PAGE = "views/speed_lab/page.py"
SMALL = {"channels": "64", "size": "8", "filters": "16", "repeats": "5"}


def test_nothing_is_measured_unasked(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert not at.metric
    assert "Press **Run**" in at.info[0].value


def test_a_run_shows_medians_spread_and_the_formula_with_a_table_under_each_chart(open_page):
    at = open_page(PAGE, **SMALL)
    at.button(key="run").click().run()
    assert not at.exception
    assert {m.label for m in at.metric} >= {"XNOR + popcount, median", "best oneDNN, median", "formula, computed"}
    assert next(m.value for m in at.metric if m.label == "formula, computed") == "57.6×"
    charts = at.get("plotly_chart")
    assert len(charts) >= 2
    assert all(chart.proto.alt for chart in charts)
    assert len(at.table) == len(charts)
    contenders = list(at.table[0].value["contender"])
    assert contenders[0].startswith("naive")
    assert any("oneDNN" in c for c in contenders)
    assert any("popcount" in c for c in contenders)


def without(monkeypatch, *names: str) -> None:
    """torch's layouts of these names raise."""
    import contextlib
    import dataclasses

    from xnorlab import peers

    @contextlib.contextmanager
    def broken(problem):
        raise RuntimeError("no kernel today")
        yield

    changed = tuple(dataclasses.replace(p, prepare=broken) if p.name in names else p for p in peers.TORCH_CONVS)
    monkeypatch.setattr(peers, "TORCH_CONVS", changed)


def test_large_numbers_are_written_with_their_unit_and_not_with_an_exponent(open_page):
    at = open_page(PAGE, channels="1024", filters="1024", size="224")
    (said,) = [c.value for c in at.caption if "multiply-adds (1 multiply-add" in c.value]
    assert "474 G multiply-adds" in said
    assert "e+" not in said


@pytest.mark.parametrize(("count", "words"), [(1, "1 thread"), (2, "2 threads")])
def test_threads_are_counted_in_proper_english(app_modules, count, words):
    from shared import timing_choice

    assert timing_choice.on_threads(count) == words


@pytest.mark.parametrize(
    ("threads", "looks_up", "words"), [(2, False, "on 2 threads"), (1, False, "with carries"), (1, True, "less busy")]
)
def test_a_point_above_its_ceiling_is_explained(app_modules, monkeypatch, threads, looks_up, words):
    from views.speed_lab import roofline

    monkeypatch.setattr(roofline, "looks_up", lambda: looks_up)
    marks, rates = [("best-float", 1.0, 9e9), ("binary", 1.0, 6e12)], {"binary": 5e12, "best-float": 1e10}
    (said,) = roofline.above_their_ceilings(marks, rates, threads)
    assert said.startswith("**packed XNOR + popcount stands 1.20× as high as its ceiling.**")
    assert words in said


def test_a_contender_that_fails_gets_a_row_with_the_reason_and_the_others_their_times(open_page, monkeypatch):
    without(monkeypatch, "torch-nchw")
    at = open_page(PAGE, **SMALL)
    at.button(key="run").click().run()
    assert not at.exception
    assert any("NCHW was not timed: preparing it raised RuntimeError" in w.value for w in at.warning)
    table = at.table[0].value.set_index("contender")
    why = table["not timed, because"]
    assert why["oneDNN float32, NCHW"] == "preparing it raised RuntimeError: no kernel today"
    assert list(why).count("") == len(why) - 1
    assert table["median"]["oneDNN float32, NCHW"] == "–"
    assert next(m.value for m in at.metric if m.label == "best oneDNN, median") != "–"


def test_without_any_library_to_compare_with_the_page_still_stands(open_page, monkeypatch):
    without(monkeypatch, "torch-nchw", "torch-channels-last")
    monkeypatch.setattr("xnorlab.benchmark.sweeps.SWEEPS", {"channels": (63, 65)})
    at = open_page(PAGE, **SMALL)
    at.button(key="run").click().run()
    for key in ("ceilings", "sweep"):
        at.button(key=key).click().run()
        assert not at.exception
    metrics = {m.label: m.value for m in at.metric}
    assert (metrics["best oneDNN, median"], metrics["measured speed-up"]) == ("–", "–")
    assert list(at.table[-1].value["against the best oneDNN, measured"]) == ["–", "–"]
    assert any("channels 63, 65, was not timed" in w.value.replace("\\", "") for w in at.warning)


def test_changed_settings_mark_the_result_as_old(open_page):
    at = open_page(PAGE, **SMALL)
    at.button(key="run").click().run()
    assert not any("Settings changed" in w.value for w in at.warning)
    at.number_input(key="channels").set_value(65).run()
    assert not at.exception
    assert any("Settings changed, run again" in w.value for w in at.warning)
    assert at.query_params["channels"] == "65"


def test_a_strided_convolution_is_timed_as_one(open_page):
    at = open_page(PAGE, **SMALL | {"stride": "2"})
    at.button(key="run").click().run()
    assert not at.exception
    assert "3×3/2" in at.subheader[0].value
    at.button(key="preset-64").click().run()
    assert at.segmented_control(key="stride").value == "1"
    assert at.query_params["channels"] == "64"


def test_a_noisy_machine_is_named(open_page, monkeypatch):
    from shared import notices

    monkeypatch.setattr(notices, "NOISY", -1.0)
    at = open_page(PAGE, **SMALL)
    at.button(key="run").click().run()
    assert any("noisy machine" in w.value for w in at.warning)


def test_a_photos_own_feature_maps_are_timed_at_the_layers_shape(open_page):
    at = open_page(PAGE, data="photo", photo="cat", lab_layer="conv4", repeats="5")
    assert not at.exception
    at.button(key="run").click().run()
    assert not at.exception
    assert "384→256" in at.subheader[0].value


def test_an_uploaded_photos_own_activations_are_what_is_timed(open_page, photo_bytes, monkeypatch):
    from shared import cached, conv_timing

    timed = []
    measure = conv_timing.measure
    monkeypatch.setattr(
        conv_timing, "measure", lambda settings, place, x: timed.append(x) or measure(settings, place, x)
    )
    at = open_page("views/classify/page.py", schemes="xnor")
    at.file_uploader[0].set_value([("mine.png", photo_bytes, "image/png")]).run()
    at.switch_page(PAGE).run()
    at.segmented_control(key="data").set_value("photo").run()
    at.pills(key="lab_layer").set_value("conv5").run()
    at.segmented_control(key="repeats").set_value("5").run()
    at.button(key="run").click().run()
    assert not at.exception
    own = next(iter(at.session_state["photos: kept"].values()))
    network = cached.network("imagenette/alexnet-xnor")
    values = network.values([own.pixels])
    assert any(np.array_equal(timed[0], value) for value in values.values())
    assert timed[0].shape[-1] == 256  # what reaches the last of the binary convolutions


def test_a_link_opens_the_page_at_its_geometry_and_there_is_none_to_what_the_controls_refuse(open_page):
    from shared import speed_lab_link

    geometry = {"channels": 3, "filters": 64, "size": 128, "kernel": 11, "stride": 4}
    query = speed_lab_link.query(**geometry)
    assert query is not None
    at = open_page(speed_lab_link.PAGE, **query)
    assert not at.exception
    assert not at.error
    assert {key: at.query_params[key] for key in query} == query
    assert any("3→64@128" in c.value for c in at.caption), [c.value for c in at.caption]
    for key, refused in {"channels": 2049, "filters": 2049, "size": 225, "kernel": 2, "stride": 3}.items():
        assert speed_lab_link.query(**{**geometry, key: refused}) is None


def test_without_the_network_random_data_remain(pretrained_copy, open_page):
    (pretrained_copy / "imagenette" / "alexnet-xnor.safetensors").unlink()
    at = open_page(PAGE, data="photo")
    assert not at.exception
    assert "missing" in at.warning[0].value


def test_what_would_take_minutes_cannot_be_run(open_page):
    at = open_page(PAGE, channels="2048", size="224", filters="2048")
    assert not at.exception
    assert at.error
    at = open_page(PAGE, channels="2048", size="28", filters="2048")
    assert not at.exception
    assert at.button(key="run").disabled
    assert "29.6 G multiply-adds are more than this page times, 5.00 G" in at.error[0].value


def test_the_roofline_appears_when_its_ceilings_are_measured(open_page):
    at = open_page(PAGE, **SMALL)
    at.button(key="run").click().run()
    charts = len(at.get("plotly_chart"))
    at.button(key="ceilings").click().run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == charts + 1
    roofline = next(t.value for t in at.table if "ceiling, measured" in t.value)
    assert len(roofline) == 3


def test_bytes_of_the_roofline_are_those_of_maps_and_weights(app_modules):
    from views.speed_lab import roofline

    from xnorlab.benchmark import ConvShape, bench_conv
    from xnorlab.peers import TORCH_CONVS

    bench = bench_conv(ConvShape(channels=64, size=4, filters=2), repeats=1, naive=False, peers=TORCH_CONVS)
    points = {name: macs_a_byte for name, macs_a_byte, _ in roofline.points(bench)}
    macs, maps, weights = 16 * 2 * 64 * 9, 4 * 16 * (64 + 2), 2 * 64 * 9
    assert points["best-float"] == pytest.approx(macs / (maps + 4 * weights))
    assert points["binary"] == pytest.approx(macs / (maps + weights / 8 + 4 * 2))


def test_both_sweeps_draw_the_formula_and_two_rivals(open_page, monkeypatch):
    short = {"channels": (63, 65), "kernel": (1, 3)}
    monkeypatch.setattr("xnorlab.benchmark.sweeps.SWEEPS", short)
    at = open_page(PAGE, **SMALL)
    at.button(key="run").click().run()
    for axis in ("channels", "kernel"):
        at.segmented_control(key="axis").set_value(axis).run()
        at.button(key="sweep").click().run()
        assert not at.exception
        assert list(at.table[-1].value[axis]) == list(short[axis])


@pytest.mark.parametrize(
    ("key", "value"),
    [("channels", "0"), ("kernel", "4"), ("stride", "3"), ("threads", "9999"), ("repeats", "2"), ("data", "noise")],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    assert f"{key}={value}" in at.info[0].value
