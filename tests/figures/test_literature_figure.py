"""Figure of accuracy against time: what is published and what is measured, hollow marks, and the unbeaten networks."""

import pytest

from xnorlab.figures import style
from xnorlab.figures.literature import TimedNetwork, accuracy_against_time, unbeaten


def network(name: str, look: style.SchemeStyle, seconds: float, accuracy: float, own: bool = True) -> TimedNetwork:
    return TimedNetwork(name, look, seconds, 0.9 * seconds, 1.2 * seconds, accuracy, own, "an engine")


POINTS = [
    network("binary", style.look("bnn"), 0.002, 60.0),
    network("slow", style.look("bnn"), 0.020, 59.0),
    network("small", style.look("float"), 0.004, 70.0),
    network("rounded", style.INT8, 0.003, 69.0),
    network("unpublished", style.INT8, 0.001, 77.0, own=False),
]


def test_what_nothing_beats_leaves_out_hollow_marks():
    assert [point.name for point in unbeaten(POINTS)] == ["binary", "rounded", "small"]


@pytest.mark.parametrize("dark", [False, True])
def test_marks_are_numbered_and_axes_say_what_was_measured(dark):
    figure = accuracy_against_time(POINTS, dark=dark)
    marks = {name: trace for trace in figure.data if trace.mode != "lines" for name in [trace.name]}
    eight = marks["int8"]
    assert list(eight.marker.symbol) == ["cross", "cross-open"]
    assert list(eight.text) == ["4", "5"]
    assert list(eight.error_x.array) == pytest.approx([0.0006, 0.0002])
    assert list(eight.error_x.arrayminus) == pytest.approx([0.0003, 0.0001])
    assert figure.layout.xaxis.title.text.endswith("measured")
    assert figure.layout.yaxis.title.text.endswith("published")
    assert list(figure.data[0].x) == [0.002, 0.003, 0.004]


def test_nothing_to_draw_is_named():
    with pytest.raises(ValueError, match="points is empty"):
        accuracy_against_time([])
