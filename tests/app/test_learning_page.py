"""How it learns: both passes from autograd, a live run that obeys its buttons."""

import time

import numpy as np
import pytest
from page_reading import array_of, chart_of, html_of

from xnorlab.figures.style import SCHEMES
from xnorlab.kernels import threads

PAGE = "views/how_it_learns/page.py"
LIVE = {"part": "live", "width": "4"}
PATIENCE_S = 600


def metric(at, label: str) -> str:
    return next(m.value for m in at.metric if m.label == label)


def values(trace: dict, axis: str = "y") -> np.ndarray:
    return array_of(trace[axis])


class TestTrick:
    @pytest.mark.parametrize(("name", "steepest"), [("clipped", "1.00"), ("bireal", "2.00"), ("identity", "1.00")])
    def test_forward_is_flat_and_the_slope_is_the_estimators(self, open_page, name, steepest):
        at = open_page(PAGE, estimator=name)
        assert not at.exception
        _, forward, slope = chart_of(at)["data"]
        assert set(values(forward)) == {-1.0, 1.0}
        assert values(slope).max() == pytest.approx(float(steepest))
        assert metric(at, "steepest slope") == steepest
        assert at.get("plotly_chart")[0].proto.alt

    def test_the_range_widens_the_slope_and_keeps_its_area(self, open_page):
        at = open_page(PAGE, estimator="clipped", range="2")
        _, _, slope = chart_of(at)["data"]
        x, y = values(slope, "x"), values(slope)
        assert np.abs(x[y > 0]).max() == pytest.approx(2)
        assert metric(at, "steepest slope") == "0.500"
        assert metric(at, "area under it") == "2.00"
        at.slider(key="range").set_value(0.5).run()
        assert metric(at, "steepest slope") == "2.00"
        assert metric(at, "area under it") == "2.00"
        assert at.query_params["range"] == "0.5"

    def test_the_stochastic_sign_is_drawn_as_dots_and_has_no_range(self, open_page):
        at = open_page(PAGE, estimator="stochastic")
        assert not at.exception
        assert chart_of(at)["data"][1]["mode"] == "markers"
        assert at.slider(key="range").disabled
        assert metric(at, "area under it") == "∞"

    def test_the_estimator_on_show_can_be_trained_with(self, open_page):
        at = open_page(PAGE, estimator="bireal", range="2.0", live="float")
        at.button(key="train-with-it").click().run()
        assert not at.exception
        settings = at.session_state["live: run"].settings
        assert (settings.scheme, settings.estimator, settings.clip_range) == ("xnor", "bireal", 2.0)
        assert at.query_params["part"] == "live"

    @pytest.mark.parametrize(
        ("key", "value"), [("estimator", "tanh"), ("range", "-1"), ("range", "nan"), ("part", "moon")]
    )
    def test_a_bad_value_in_the_address_falls_back_with_a_note(self, open_page, key, value):
        at = open_page(PAGE, **{key: value})
        assert not at.exception
        assert f"{key}={value}" in at.info[0].value


@pytest.fixture
def short_runs(app_modules, monkeypatch):
    """Live runs of 10 steps, two records, which wait for a page as long as a loaded machine makes them."""
    from views.how_it_learns import live_charts, live_run

    from xnorlab.training import live_training

    for module in (live_training, live_run, live_charts):
        monkeypatch.setattr(module, "STEPS", 10)
    monkeypatch.setattr(live_run, "UNWATCHED_SECONDS", PATIENCE_S)


def until(at, state: str):
    """Run the page, as its fragment does by itself in a browser, until the run is in this state."""
    deadline = time.monotonic() + PATIENCE_S
    while at.session_state["live: run"].state != state:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        at.run()
    return at.run()


@pytest.mark.usefixtures("short_runs")
class TestLive:
    def test_nothing_is_trained_unasked_and_everything_is_in_place(self, open_page):
        at = open_page(PAGE, **LIVE)
        assert not at.exception
        assert metric(at, "step") == "0 of 10"
        assert at.session_state["live: run"].state == "ready"
        assert all(chart.proto.alt for chart in at.get("plotly_chart"))
        assert len(at.get("plotly_chart")) == 4
        assert html_of(at).count("<figure") == 30 + 4
        assert any("font that Pillow carries" in caption.value for caption in at.caption)

    def test_start_trains_to_the_end(self, open_page):
        at = open_page(PAGE, **LIVE)
        at.button(key="start").click().run()
        until(at, "done")
        assert not at.exception
        assert metric(at, "step") == "10 of 10"
        assert metric(at, "test accuracy").endswith("%")
        assert list(values(chart_of(at, 0)["data"][0], "x")) == [5, 10]
        assert at.button(key="stop").disabled

    def test_start_begins_a_finished_run_anew_and_leaves_one_that_trains_alone(self, open_page):
        at = open_page(PAGE, **LIVE)
        with threads.run_lock:  # it takes no step meanwhile
            at.button(key="start").click().run()
            run = at.session_state["live: run"]
            at.button(key="start").click().run()
            assert at.session_state["live: run"] is run
            assert run.running
        until(at, "done")
        at.button(key="start").click().run()
        assert at.session_state["live: run"] is not run
        until(at, "done")
        assert not at.exception
        assert len(at.session_state["live: run"].watch().curves.step) == len(run.watch().curves.step) == 2
        assert all(trace["opacity"] == 1.0 for trace in chart_of(at, 0)["data"])

    def test_stop_and_resume_continue_the_same_run(self, open_page):
        at = open_page(PAGE, **LIVE)
        with threads.run_lock:  # it takes no step meanwhile, and so does not come to its end before it is stopped
            at.button(key="start").click().run()
            run = at.session_state["live: run"]
            assert run.running
            at.button(key="stop").click().run()
        assert run.state == "stopped"
        assert at.button(key="start").label == "Resume"
        at.button(key="start").click().run()
        until(at, "done")
        assert at.session_state["live: run"] is run

    def test_changed_settings_are_named_and_the_old_curve_stays_as_a_faint_line(self, open_page):
        at = open_page(PAGE, **LIVE)
        at.button(key="start").click().run()
        until(at, "done")
        at.pills(key="live").set_value("float").run()
        assert "Settings changed" in at.info[0].value
        at.button(key="start").click().run()
        until(at, "done")
        assert not at.exception
        assert not at.info
        old, *_, new = chart_of(at, 0)["data"]
        assert (old["opacity"], new["opacity"]) == (0.5, 1.0)
        assert old["line"]["color"] == SCHEMES["xnor"].light
        assert new["line"]["color"] == SCHEMES["float"].light
        at.button(key="reset").click().run()
        assert metric(at, "step") == "0 of 10"
        assert all(trace["opacity"] == 1.0 for trace in chart_of(at, 0)["data"])

    def test_settings_are_read_from_the_address_and_written_to_it(self, open_page):
        address = {"live": "bnn", "live_estimator": "bireal", "live_range": "2.0", "rate": "0.05", "seed": "7"}
        at = open_page(PAGE, **LIVE, **address)
        settings = at.session_state["live: run"].settings
        assert (settings.scheme, settings.estimator, settings.clip_range) == ("bnn", "bireal", 2.0)
        assert (settings.rate, settings.width, settings.seed) == (0.05, 4, 7)
        at.number_input(key="seed").set_value(8).run()
        assert at.session_state["live: run"].settings.seed == 8
        assert at.query_params["seed"] == "8"

    def test_a_scheme_with_real_inputs_has_no_estimator(self, open_page):
        at = open_page(PAGE, **LIVE, live="bwn")
        assert at.selectbox(key="live_estimator").disabled
        assert at.slider(key="live_range").disabled

    @pytest.mark.parametrize("key", ["start", "reset"])
    def test_a_button_pressed_before_the_page_is_there_again_does_no_harm(self, open_page, key):
        at = open_page(PAGE, **LIVE)
        del at.session_state["live: run"]  # as a reset leaves it
        at.button(key=key).click().run()
        assert not at.exception
        at.button(key="reset").click().run()
        assert metric(at, "step") == "0 of 10"

    def test_two_visitors_have_runs_of_their_own(self, open_page):
        one, other = open_page(PAGE, **LIVE), open_page(PAGE, **LIVE)
        one.button(key="start").click().run()
        until(one, "done")
        other.run()
        assert metric(other, "step") == "0 of 10"

    def test_a_run_that_failed_says_so_and_can_be_reset(self, open_page, monkeypatch):
        at = open_page(PAGE, **LIVE)
        monkeypatch.setattr(at.session_state["live: run"]._training, "advance", lambda: 1 / 0)
        at.button(key="start").click().run()
        until(at, "failed")
        assert not at.exception
        assert "ZeroDivisionError" in at.error[0].value
        at.button(key="reset").click().run()
        assert not at.error

    @pytest.mark.parametrize(("key", "value"), [("live", "ternary"), ("rate", "7"), ("width", "5"), ("seed", "x")])
    def test_a_bad_value_in_the_address_falls_back_with_a_note(self, open_page, key, value):
        at = open_page(PAGE, **{"part": "live", key: value})
        assert not at.exception
        assert f"{key}={value}" in at.info[0].value
