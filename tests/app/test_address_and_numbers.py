"""A number and the click that follows it at once come to the server together: the click means the new number.

A browser sends what was typed when the field is left, which the click on a button does. Both are in one message, and
callbacks are called before the page's script has seen the number.
"""

from types import SimpleNamespace

import pytest

PAGE = "views/filters/page.py"
SMALL = {"channels": "64", "size": "8", "filters": "16", "repeats": "5"}


def test_snap_lands_on_the_optimum_of_the_weights_typed_with_it(open_page):
    at = open_page("views/filters/page.py", **{"from": "own", "own": "1,1,1,1,1,1,1,1,1"})
    at.number_input(key="own-4").set_value(10.0)
    at.button(key="snap").click().run()
    assert not at.exception
    assert at.slider(key="alpha").value == pytest.approx(2.0)  # (8 + 10) / 9
    assert "α = mean|W| = 2.00" in at.success[0].value


def test_a_preset_replaces_what_was_typed_with_it(open_page):
    at = open_page("views/filters/page.py", **{"from": "own", "own": "1,1,1,1,1,1,1,1,1"})
    at.number_input(key="own-4").set_value(10.0)
    at.button(key="preset-Spot").click().run()
    assert at.number_input(key="own-4").value == 1.4


def test_a_click_whose_address_is_older_than_the_number_leaves_the_number(open_page):
    """It was sent while the run for the number went on: the browser had not heard of the new address."""
    at = open_page("views/filters/page.py", **{"from": "own", "own": "1,1,1,1,1,1,1,1,1"})
    before = dict(at.query_params)
    at.number_input(key="own-4").set_value(10.0).run()
    assert at.query_params["own"] == "1,1,1,1,10,1,1,1,1"
    at.query_params = before
    at.button(key="snap").click().run()
    assert at.number_input(key="own-4").value == 10
    assert at.slider(key="alpha").value == pytest.approx(2.0)
    assert at.query_params["own"] == "1,1,1,1,10,1,1,1,1"


def test_who_goes_back_to_an_address_means_it(open_page, monkeypatch):
    from shared import history

    at = open_page("views/filters/page.py", **{"from": "own", "own": "1,1,1,1,1,1,1,1,1"})
    before = dict(at.query_params)
    at.number_input(key="own-4").set_value(10.0).run()
    at.query_params = before
    monkeypatch.setattr(history, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=True))
    at.run()
    assert at.number_input(key="own-4").value == 1
    assert at.query_params["own"] == "1,1,1,1,1,1,1,1,1"


def test_a_link_to_what_the_page_showed_before_is_followed(open_page):
    at = open_page("views/filters/page.py", layer="conv3", filter="5")
    before = dict(at.query_params)
    at.slider(key="filter").set_value(6).run()
    at.switch_page("views/scaling_factors/page.py").run()
    at.switch_page("views/filters/page.py")
    at.query_params = before
    at.run()
    assert at.slider(key="filter").value == 5


@pytest.mark.parametrize(("button", "step"), [("first", "0"), ("back", "4"), ("last", "5"), ("play", "0")])
def test_the_stepper_walks_through_the_steps_of_the_n_set_with_it(open_page, button, step):
    at = open_page("views/xnor_steps/page.py", n="32", word="8", step="4")
    at.slider(key="n").set_value(16)
    at.button(key=button).click().run()
    assert not at.exception
    assert at.query_params["step"] == step
    assert at.button(key="play").label == ("Stop" if button == "play" else "Play")


def test_training_takes_the_range_set_with_it(open_page):
    at = open_page("views/how_it_learns/page.py", estimator="bireal", range="2.0")
    at.slider(key="range").set_value(0.5)
    at.button(key="train-with-it").click().run()
    assert not at.exception
    assert at.session_state["live: run"].settings.clip_range == 0.5


@pytest.mark.parametrize("before", ["ready", "done"])
def test_start_trains_with_the_seed_typed_with_it(open_page, before):
    at = open_page("views/how_it_learns/page.py", part="live", width="4")
    at.session_state["live: run"].state = before
    at.run()
    assert not at.button(key="start").disabled
    at.number_input(key="seed").set_value(5)
    at.button(key="start").click().run()
    run = at.session_state["live: run"]
    run.stop()
    assert run.settings.seed == 5
    assert run.state != before


def test_run_times_the_layer_typed_with_it(open_page):
    at = open_page("views/speed_lab/page.py", **SMALL)
    at.number_input(key="filters").set_value(24)
    at.button(key="run").click().run()
    assert not at.exception
    assert "64→24@8" in at.subheader[0].value


def test_a_layer_that_was_too_large_can_be_run_once_it_is_small(open_page):
    at = open_page("views/speed_lab/page.py", channels="2048", size="28", filters="2048", repeats="5")
    assert at.button(key="run").disabled
    for key in ("channels", "filters"):
        at.number_input(key=key).set_value(64)
    at.number_input(key="size").set_value(8).run()
    assert not at.button(key="run").disabled
    at.button(key="run").click().run()
    assert not at.exception
    assert "64@8" in at.subheader[0].value


def test_a_sweep_runs_on_the_threads_typed_with_it(open_page, monkeypatch):
    """A press in a part of the page runs that part alone; what stands above it is as the page last saw it."""
    from xnorlab import benchmark

    asked = []
    monkeypatch.setattr("xnorlab.kernels.threads.available_threads", lambda: 4)
    monkeypatch.setattr(benchmark, "sweep", lambda axis, *, threads, **_: asked.append(threads))
    at = open_page("views/speed_lab/page.py", **SMALL)
    at.button(key="run").click().run()
    at.number_input(key="threads").set_value(2)
    at.button(key="sweep").click().run()
    assert asked == [2]


def test_run_times_the_scheme_chosen_with_it(open_page):
    at = open_page("views/network_timing/page.py", first="float", second="xnor", runs="5")
    at.selectbox(key="first").set_value("bnn")
    at.button(key="run-network").click().run()
    assert not at.exception
    assert at.session_state["network timing: result"].settings.schemes == ("bnn", "xnor")


def test_the_parameters_of_the_page_before_are_no_news(open_page):
    """The browser may still have them when it asks for the next page's second run."""
    at = open_page("views/scaling_factors/page.py", layer="conv4", filter="7")
    former = dict(at.query_params)
    at.switch_page("views/filters/page.py").run()
    at.slider(key="filter").set_value(9).run()
    at.query_params = former
    at.run()
    assert at.slider(key="filter").value == 9
    assert set(at.query_params) == {"from", "model", "scheme", "layer", "filter", "alpha"}


def test_a_run_that_was_cut_short_leaves_its_address_to_the_next(open_page, monkeypatch):
    import streamlit as st
    from shared import charts

    show = charts.show

    def cut_short(*_, **__):
        monkeypatch.setattr(charts, "show", show)
        st.rerun()

    monkeypatch.setattr(charts, "show", cut_short)
    at = open_page(PAGE, layer="conv3", filter="5", alpha="0.02")
    assert not at.exception
    assert {key: at.query_params[key] for key in ("layer", "filter", "alpha")} == {
        "layer": "conv3",
        "filter": "5",
        "alpha": "0.02",
    }


def test_back_brings_the_defaults_of_what_the_address_does_not_name(open_page, monkeypatch):
    from shared import history

    at = open_page("views/trade_offs/page.py")
    before = dict(at.query_params)
    at.session_state["pick"] = "imagenette/alexnet-xnor"
    at.run()
    assert at.query_params["pick"] == "imagenette/alexnet-xnor"
    at.query_params = before
    monkeypatch.setattr(history, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=True))
    at.run()
    assert "pick" not in at.query_params


def test_a_link_that_has_lost_its_photo_says_so(open_page):
    at = open_page("views/scaling_factors/page.py", photo="own-0123456789")
    assert not at.exception
    assert "was a visitor's own" in at.info[0].value
    assert "Showing Pavilion instead" in at.info[0].value
    assert at.query_params["photo"] == "pavilion"
