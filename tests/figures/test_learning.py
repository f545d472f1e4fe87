"""Figures of estimators and of training say what the arrays say: slopes, curves, sign flips, latent weights."""

import numpy as np
import pytest

from xnorlab.figures import learning, straight_through, style
from xnorlab.figures.learning import Run

X = np.linspace(-2, 2, 41)
SIGN = np.where(X >= 0, 1.0, -1.0)
SLOPE = (np.abs(X) <= 1).astype(float)
EDGES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
COUNTS = np.array([1, 3, 4, 2])
RUNS = [
    Run("bwn", "earlier", [1, 2], [2.0, 1.0], [1, 2], [2.5, 2.0], faint=True),
    Run("xnor", "now", [1, 2, 3], [0.25, 0.5, 0.75], [2], [0.5], final=0.8),
]


def curves(dark: bool = False):
    return straight_through.estimator_curves(X, SIGN, X.clip(-1, 1), SLOPE, clip_range=1.0, dark=dark)


class TestEstimator:
    def test_the_forward_pass_jumps_and_the_backward_pass_has_the_slope(self):
        smooth, forward, slope = curves().data
        np.testing.assert_array_equal(forward.y, SIGN)
        assert forward.line.shape == "hv"
        np.testing.assert_array_equal(slope.y, SLOPE)
        np.testing.assert_array_equal(smooth.y, X.clip(-1, 1))
        assert (forward.yaxis, slope.yaxis) == ("y", "y2")

    def test_the_range_is_marked_where_there_is_one(self):
        assert {shape.x0 for shape in curves().layout.shapes} == {-1.0, 1.0}
        assert not straight_through.estimator_curves(X, SIGN, X, np.ones_like(X), clip_range=None).layout.shapes

    def test_a_random_sign_is_drawn_as_dots(self):
        figure = straight_through.estimator_curves(X, SIGN, X, np.ones_like(X), clip_range=None, scattered=True)
        assert figure.data[1].mode == "markers"


class TestCurves:
    def test_each_run_wears_its_schemes_colour_solid_in_training_and_dotted_held_out(self):
        figure = learning.training_curves(RUNS, of="loss", along="step")
        lines = [trace for trace in figure.data if "lines" in trace.mode]
        assert [trace.line.dash for trace in lines] == ["solid", "dot"] * 2
        assert [trace.line.color for trace in lines] == [style.SCHEMES[run.scheme].light for run in RUNS for _ in "12"]
        assert list(lines[2].y) == [0.25, 0.5, 0.75]
        assert (list(lines[3].x), list(lines[3].y)) == ([2], [0.5])
        assert lines[0].opacity < lines[2].opacity

    def test_accuracies_are_shown_in_percent_and_the_final_one_as_the_schemes_mark(self):
        figure = learning.training_curves(RUNS[1:], of="accuracy", along="epoch")
        assert list(figure.data[0].y) == [25, 50, 75]
        mark = figure.data[-1]
        assert (list(mark.x), list(mark.y), mark.marker.symbol) == ([3], [80], "star")

    def test_a_run_without_held_out_values_has_no_dotted_line(self):
        figure = learning.training_curves([Run("bnn", "now", [1], [1.0], [], [])], of="loss", along="epoch")
        assert [trace.line.dash for trace in figure.data] == ["solid"]

    def test_values_that_are_not_of_each_epoch_are_marked_where_they_are(self):
        often = Run("bwn", "often", list(range(1, 9)), [1.0] * 8, list(range(1, 9)), [1.0] * 8)
        seldom = Run("xnor", "seldom", list(range(1, 9)), [1.0] * 8, [4, 8], [1.0] * 2)
        once = Run("bnn", "once", [1], [1.0], [1], [1.0])
        figure = learning.training_curves([often, seldom, once], of="loss", along="epoch")
        most = [trace.marker.maxdisplayed for trace in figure.data]
        assert most == [learning.MARKS_ON_A_LINE] * 3 + [0] * 3  # 0: every value

    def test_lines_of_one_colour_are_told_apart_by_their_marks(self):
        schemes = ("binaryconnect", "binaryconnect-stochastic", "xnor", "xnor-k", "xnor", "xnor")
        runs = [Run(s, str(i), [1, 2], [1.0, 2.0], [], []) for i, s in enumerate(schemes)]
        for dark in (False, True):
            lines = learning.training_curves(runs, of="loss", along="epoch", dark=dark).data
            assert len({line.line.color for line in lines}) < len(lines)
            assert len({(line.line.color, line.marker.symbol) for line in lines}) == len(lines)
            assert all("markers" in line.mode for line in lines)

    def test_the_axes_of_a_run_under_way_stand_still(self):
        figure = learning.training_curves(RUNS, of="accuracy", along="step", end=300)
        assert figure.layout.xaxis.range == (0, 300)
        assert figure.layout.yaxis.range == (0, 103)

    def test_the_chosen_epoch_is_marked(self):
        figure = learning.training_curves(RUNS, of="loss", along="epoch", at=2)
        assert [shape.x0 for shape in figure.layout.shapes] == [2]


class TestFlips:
    def test_shares_are_shown_in_percent_and_the_chosen_layer_stands_out(self):
        figure = learning.sign_flips(
            [1, 2], {"a": [0.5, 0.25], "b": [0.1, 0.0]}, scheme="bnn", chosen="b", along="epoch"
        )
        a, b = figure.data
        assert (list(a.y), list(b.y)) == ([50, 25], [10, 0])
        assert a.line.color == b.line.color == style.SCHEMES["bnn"].light
        assert a.line.dash != b.line.dash
        assert a.line.width < b.line.width
        assert figure.layout.showlegend

    def test_a_single_epoch_is_marked(self):
        figure = learning.sign_flips([1], {"a": [0.1]}, scheme="bnn", chosen="a", along="epoch")
        assert figure.data[0].mode == "markers"

    def test_the_many_layers_of_a_deep_network_need_no_legend(self):
        flips = {f"layer {i}": [0.1] for i in range(learning.MOST_IN_LEGEND + 1)}
        figure = learning.sign_flips([1], flips, scheme="xnor", chosen="layer 0", along="epoch")
        assert not figure.layout.showlegend


class TestLatentWeights:
    def test_bars_have_the_colours_of_their_signs_and_the_area_one(self):
        bars, *_ = learning.latent_weights(EDGES, COUNTS, scheme="bwn", scale=0.5).data
        low, high = style.two_tone(False)[0][1], style.two_tone(False)[-1][1]
        assert list(bars.marker.color) == [low, low, high, high]
        assert sum(bars.y) * 1.0 == pytest.approx(1)
        assert list(bars.customdata) == pytest.approx([10, 30, 40, 20])

    def test_spikes_stand_at_plus_and_minus_the_scale_with_their_shares(self):
        figure = learning.latent_weights(EDGES, COUNTS, scheme="bwn", scale=0.5)
        _, minus, plus = figure.data
        assert (minus.x[0], plus.x[0]) == (-0.5, 0.5)
        texts = [annotation.text for annotation in figure.layout.annotations]
        assert "40.0 %" in texts[0]
        assert "−0.500" in texts[0]
        assert "60.0 %" in texts[1]

    def test_a_scale_beyond_the_axis_is_pointed_to(self):
        figure = learning.latent_weights(EDGES / 10, COUNTS, scheme="bnn", scale=1.0)
        assert len(figure.data) == 1
        assert [a.text.count("←") + a.text.count("→") for a in figure.layout.annotations] == [1, 1]

    def test_real_weights_have_no_spikes_and_no_sign_colours(self):
        figure = learning.latent_weights(EDGES, COUNTS, scheme="float", scale=None)
        (bars,) = figure.data
        assert set(bars.marker.color) == {style.SCHEMES["float"].light}

    def test_pictures_of_several_epochs_share_their_axes(self):
        peak = learning.density_peak([(EDGES, COUNTS), (EDGES / 2, COUNTS)])
        assert peak == pytest.approx(0.8)
        wide, narrow = (
            learning.latent_weights(edges, COUNTS, scheme="bwn", scale=0.5, limit=2.0, peak=peak)
            for edges in (EDGES, EDGES / 2)
        )
        assert wide.layout.xaxis.range == narrow.layout.xaxis.range
        assert wide.layout.yaxis.range == narrow.layout.yaxis.range
        assert max(narrow.data[0].y) < narrow.layout.yaxis.range[1]

    def test_no_weights_at_all_are_no_error(self):
        assert sum(learning.latent_weights(EDGES, 0 * COUNTS, scheme="bwn", scale=0.0).data[0].y) == 0


FIGURES = {
    "estimator": curves,
    "curves": lambda dark: learning.training_curves(RUNS, of="loss", along="step", dark=dark),
    "flips": lambda dark: learning.sign_flips([1], {"a": [0.1]}, scheme="xnor", chosen="a", along="epoch", dark=dark),
    "latent": lambda dark: learning.latent_weights(EDGES, COUNTS, scheme="bnn", scale=1.0, dark=dark),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_transparent_background_and_survives_serialisation(name, dark):
    figure = FIGURES[name](dark)
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert figure.to_json()
