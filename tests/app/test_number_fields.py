"""What is invalid is never run: a number beyond its range is named with it, and Run waits for another."""

import pytest
from app_pages import PAGES

SPEED_LAB, TIMING, FILTERS = "views/speed_lab/page.py", "views/network_timing/page.py", "views/filters/page.py"
LEARNING = "views/how_it_learns/page.py"
VIEWS = [(p.file, {}) for p in PAGES] + [(FILTERS, {"from": "own"}), (LEARNING, {"part": "live"})]
SMALL = {"channels": "64", "size": "8", "filters": "16", "repeats": "5"}


@pytest.mark.parametrize(("page", "query"), VIEWS)
def test_a_field_says_its_range_and_keeps_no_number_from_the_script(page, query, open_page):
    for field in open_page(page, **query).number_input:
        assert " to " in field.label
        assert not field.proto.has_min
        assert not field.proto.has_max


@pytest.mark.parametrize(
    ("page", "field", "number", "run", "said"),
    [
        (SPEED_LAB, "channels", 4096, "run", "Channels is 4,096; it must be a whole number from 1 to 2,048."),
        (SPEED_LAB, "size", 0, "run", "Height, width is 0; it must be a whole number from 1 to 224."),
        (SPEED_LAB, "filters", 1e20, "run", "Filters is 1e+20; it must be a whole number from 1 to 2,048."),
        (SPEED_LAB, "batch", 1.5, "run", "Batch is 1.5; it must be a whole number from 1 to 16."),
        (SPEED_LAB, "threads", -1, "run", "Threads is −1; it must be a whole number from 1 to 4."),
        (TIMING, "threads", 5, "run-network", "Threads is 5; it must be a whole number from 1 to 4."),
    ],
)
def test_a_number_beyond_its_range_is_named_and_nothing_is_timed(
    page, field, number, run, said, open_page, monkeypatch
):
    monkeypatch.setattr("xnorlab.kernels.threads.available_threads", lambda: 4)
    at = open_page(page, **(SMALL if page == SPEED_LAB else {}))
    address = dict(at.query_params)
    at.number_input(key=field).set_value(number)
    at.button(key=run).click().run()  # enabled until the script has seen the number
    assert not at.exception
    assert [error.value for error in at.error] == [said]
    assert at.button(key=run).disabled
    assert not at.metric
    assert not any("Press **Run**" in info.value for info in at.info)
    assert at.number_input(key=field).value == number
    assert dict(at.query_params) == {key: value for key, value in address.items() if key != field}
    at.number_input(key=field).set_value(1).run()
    assert not at.error
    assert not at.button(key=run).disabled


def test_a_measurement_stays_on_show_while_a_field_is_wrong(open_page):
    at = open_page(SPEED_LAB, **SMALL)
    at.button(key="run").click().run()
    at.number_input(key="threads").set_value(10_000).run()
    assert not at.exception
    assert "64→16@8" in at.subheader[0].value
    assert any("Settings changed" in w.value for w in at.warning)
    assert at.button(key="sweep").disabled
    assert not at.button(key="ceilings").disabled  # of one thread, whatever the field says


def test_a_weight_by_hand_beyond_its_range_draws_nothing(open_page):
    at = open_page(FILTERS, **{"from": "own", "own": "1,1,1,1,1,1,1,1,1"})
    at.number_input(key="own-4").set_value(1e9).run()
    assert not at.exception
    assert [e.value for e in at.error] == ["Row 1, column 1 is 1,000,000,000; it must be a number from −10 to 10."]
    assert not at.get("plotly_chart")
    assert not any(button.key == "snap" for button in at.button)
    assert any("each from −10 to 10" in caption.value for caption in at.caption)
    at.number_input(key="own-4").set_value(-0.001).run()
    assert not at.error
    assert at.query_params["own"] == "1,1,1,1,-0.001,1,1,1,1"
    assert at.number_input(key="own-4").proto.format == "%g"  # -0.00 would look like a zero with the sign −1


def test_a_seed_beyond_its_range_trains_nothing(open_page):
    at = open_page(LEARNING, part="live", width="4")
    run = at.session_state["live: run"]
    at.number_input(key="seed").set_value(5000)
    at.button(key="start").click().run()
    assert not at.exception
    assert [e.value for e in at.error] == ["Seed is 5,000; it must be a whole number from 0 to 999."]
    assert at.button(key="start").disabled
    assert at.session_state["live: run"] is run
    assert run.state == "ready"
    assert "seed" not in at.query_params


def test_a_pixel_beyond_the_map_is_named_and_another_layer_begins_in_its_middle(open_page):
    at = open_page("views/inside/page.py")
    at.number_input(key="row").set_value(999).run()
    assert not at.exception
    (said,) = [error.value for error in at.error]
    assert said.startswith("Row is 999; it must be a whole number from 0 to ")
    assert "row" not in at.query_params
    at.selectbox(key="layer").set_value(at.selectbox(key="layer").options[-1].partition(":")[0]).run()
    assert not at.exception
    assert not at.error
