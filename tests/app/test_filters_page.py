"""Binarize a filter: the optimum is mean|W|, snapping lands on it, every number comes from the weights on show."""

import numpy as np
import pytest
from page_reading import data_of

PAGE = "views/filters/page.py"
EDGE = "1,0,-1,2,0,-2,1,0,-1"  # mean|W| = 8/9
WEIGHTS = np.array([float(w) for w in EDGE.split(",")])


def error(at, alpha: float | None = None) -> float:
    """‖W − αB‖² as the browser computes it from what the page hands over, at the chosen α or another one."""
    data = data_of(at, "live-parabola")
    alpha = data["alpha"] if alpha is None else alpha
    return data["norm"] - 2 * alpha * data["total"] + data["n"] * alpha**2


def test_a_trained_filter_opens_with_its_parabola_and_two_charts(open_page):
    from xnorlab import pretrained

    at = open_page(PAGE)
    assert not at.exception
    assert len(at.get("plotly_chart")) == 2
    weights = pretrained.weights("imagenette/alexnet-float")
    w = next(array for path, array in weights.items() if array.ndim == 4 and "conv2" in path)[0].astype(np.float64)
    for alpha in (0.0, 0.01, data_of(at, "live-parabola")["top"]):
        expected = np.square(w - alpha * np.where(w >= 0, 1.0, -1.0)).sum()
        assert error(at, alpha) == pytest.approx(expected, rel=1e-6)
    assert all(chart.proto.alt for chart in at.get("plotly_chart"))
    assert at.query_params["layer"] == "conv2"


def test_snapping_goes_to_the_mean_of_absolute_weights(open_page):
    at = open_page(PAGE, **{"from": "own", "own": EDGE})
    alpha = np.abs(WEIGHTS).mean()
    assert at.slider(key="alpha").value != pytest.approx(alpha)
    at.button(key="snap").click().run()
    assert not at.exception
    assert at.slider(key="alpha").value == pytest.approx(alpha)
    assert error(at) == pytest.approx(12 - 64 / 9)
    assert "bottom of the parabola" in at.success[0].value
    assert error(at) == pytest.approx(min(error(at, a) for a in np.linspace(0, 2, 2001)), abs=1e-5)


def test_the_error_on_show_is_that_of_the_chosen_alpha(open_page):
    at = open_page(PAGE, **{"from": "own", "own": EDGE, "alpha": "0.5"})
    assert error(at) == pytest.approx(((WEIGHTS - 0.5 * np.where(WEIGHTS >= 0, 1, -1)) ** 2).sum())


def test_a_weight_edited_by_hand_moves_the_optimum(open_page):
    at = open_page(PAGE, **{"from": "own", "own": EDGE})
    at.number_input(key="own-4").set_value(1.0).run()
    at.button(key="snap").click().run()
    assert at.slider(key="alpha").value == pytest.approx(1.0)  # (8 + 1)/9
    assert at.query_params["own"] == "1,0,-1,2,1,-2,1,0,-1"


def test_an_all_zero_filter_has_alpha_zero_and_says_so(open_page):
    at = open_page(PAGE, **{"from": "own", "own": EDGE})
    at.button(key="preset-All zero").click().run()
    assert not at.exception
    assert "Every weight is zero" in at.info[0].value
    at.button(key="snap").click().run()
    assert at.slider(key="alpha").value == 0
    assert error(at) == 0


def test_the_sign_of_zero_is_stated_with_the_number_of_zeros(open_page):
    at = open_page(PAGE, **{"from": "own", "own": EDGE})
    assert any("sign(0) = +1" in c.value and "3 of these 9 weights are exactly 0" in c.value for c in at.caption)


def test_no_zero_at_all_is_said_in_a_word_that_no_decimal_point_can_swallow(open_page):
    at = open_page(PAGE)
    assert any("x ≥ 0. None of these 1,600 weights is exactly 0" in c.value for c in at.caption)


def test_another_filter_puts_alpha_off_the_optimum_again(open_page):
    at = open_page(PAGE, layer="conv3", filter="5")
    at.button(key="snap").click().run()
    at.slider(key="filter").set_value(6).run()
    assert not at.success
    assert at.query_params["filter"] == "6"


@pytest.mark.parametrize(
    ("key", "value"),
    [("layer", "conv99"), ("filter", "-1"), ("filter", "x"), ("scheme", "ternary"), ("alpha", "nan"), ("from", "moon")],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    assert f"{key}={value}" in at.info[0].value


@pytest.mark.parametrize("own", ["1,2,3", "a,b,c,d,e,f,g,h,i", "1e9,0,0,0,0,0,0,0,0"])
def test_a_bad_filter_in_the_address_falls_back_with_a_note(open_page, own):
    at = open_page(PAGE, **{"from": "own", "own": own})
    assert not at.exception
    assert "9 numbers" in at.info[0].value


def test_missing_weights_say_how_to_get_them_and_an_own_filter_still_works(pretrained_copy, open_page):
    (pretrained_copy / "imagenette" / "alexnet-float-latent.safetensors").unlink()
    at = open_page(PAGE)
    assert not at.exception
    assert "git checkout" in at.warning[0].value
    at.segmented_control(key="from").set_value("own").run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == 2


def test_a_small_weight_is_not_written_as_zero_and_minus_zero_is_zero(open_page):
    at = open_page(PAGE, **{"from": "own", "own": "-0.004,-0,0,0,0,0,0,0,1"})
    assert not at.exception
    assert at.number_input(key="own-0").proto.format == "%g"
    table = next(t.value for t in at.table if "sign(W)" in t.value)
    assert float(table["sign(W)"][0]) == -1
    assert at.query_params["own"] == "-0.004,0,0,0,0,0,0,0,1"
