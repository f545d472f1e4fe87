"""The chart of layers beside their float twin's says what the scores say."""

import numpy as np
import pytest

from xnorlab.figures import style
from xnorlab.figures.similarity import CONTROL, HEIGHT, MARGIN, REAL, SIGNS, twin_similarity

LAYERS = ["conv2", "conv3", "conv4"]
SCORES = {REAL: [0.9, 0.8, float("nan")], SIGNS: [0.8, 0.7, 0.6], CONTROL: [0.2, -0.1, 0.5]}


def test_each_comparison_is_a_line_over_the_layers():
    figure = twin_similarity(LAYERS, SCORES, "xnor")
    drawn = {trace.name: trace for trace in figure.data}
    assert set(drawn) == set(SCORES)
    for name, trace in drawn.items():
        np.testing.assert_array_equal(trace.y, SCORES[name])
        assert list(trace.customdata) == LAYERS
    assert figure.layout.yaxis.range[0] < -0.1


def test_a_layer_stands_where_a_page_can_mark_it():
    layout = twin_similarity(LAYERS, SCORES, "xnor").layout
    assert {side: layout.margin[side] for side in "lrtb"} == MARGIN
    assert not layout.xaxis.automargin
    assert not layout.yaxis.automargin
    assert layout.height == HEIGHT
    assert layout.xaxis.range == (-0.5, 2.5)
    assert not layout.shapes  # the same chart for every layer: a browser need not draw it anew


def test_all_lines_differ_by_more_than_colour():
    figure = twin_similarity(LAYERS, SCORES, "reactnet", dark=True)
    assert len({trace.marker.symbol for trace in figure.data}) == 3
    assert len({trace.line.dash for trace in figure.data}) == 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_line_is_faint(dark):
    for trace in twin_similarity(LAYERS, SCORES, "reactnet", dark=dark).data:
        assert trace.line.width >= 2
        assert abs(luminance(trace.line.color) - luminance(style.paper(dark))) > 0.2, trace.name


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB", 0..1, by a simple gamma of 2.2."""
    shares = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
    return float(np.dot((0.2126, 0.7152, 0.0722), shares))
