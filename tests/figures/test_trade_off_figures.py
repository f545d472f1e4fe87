"""Trade-off charts say what the numbers say; measured, computed and published never look alike."""

import pytest

from xnorlab import units
from xnorlab.figures import style
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.comparisons import ORIGINS, beside_the_paper, ratio_bars
from xnorlab.figures.trade_offs import Point, changes, pareto, pareto_front

POINTS = [
    Point("a-float", "float", "A", 4_000_000, 82.0, 0.6),
    Point("a-xnor", "xnor", "A", 400_000, 75.0, 0.7),
    Point("b-bnn", "bnn", "B", 500_000, 70.0, 0.7),
]
BYTES = CostAxis("file", units.memory, powers_of_two=True)


def marks(figure) -> dict[str, object]:
    return {key: trace for trace in figure.data if trace.customdata is not None for key in trace.customdata}


def test_front_holds_what_nothing_beats():
    assert pareto_front([4, 1, 2, 1, 3], [9, 5, 4, 3, 9]) == [1, 4]
    assert pareto_front([1, 1], [5, 5]) == [0]
    assert pareto_front([], []) == []


def test_every_network_has_its_schemes_mark_and_error():
    figure = pareto(POINTS, BYTES)
    for point in POINTS:
        trace = marks(figure)[point.key]
        at = list(trace.customdata).index(point.key)
        assert (trace.x[at], trace.y[at], trace.error_y.array[at]) == (point.cost, point.accuracy, point.error)
        assert trace.marker.symbol == style.SCHEMES[point.scheme].symbol
        assert trace.marker.color == style.SCHEMES[point.scheme].light


def test_models_are_told_apart_by_a_ring():
    traces = marks(pareto(POINTS, BYTES))
    assert traces["a-xnor"].marker.line.width[0] == 0
    assert traces["b-bnn"].marker.line.width[0] > 0


def test_the_picked_network_and_no_other_is_circled():
    assert [t.name for t in pareto(POINTS, BYTES).data if t.name == "picked"] == []
    (ring,) = [t for t in pareto(POINTS, BYTES, picked="a-xnor").data if t.name == "picked"]
    assert (ring.x[0], ring.y[0]) == (400_000, 75.0)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    ("axis", "low", "high", "word"),
    [
        (BYTES, 3.6e5, 5e6, "MiB"),
        (CostAxis("t", units.duration), 4e-4, 6e-3, "ms"),
        (CostAxis("ops", units.count), 2.2e7, 2e8, "M"),
        (CostAxis("t", units.duration), 1e-3, 1.1e-3, "ms"),
    ],
)
def test_ticks_lie_on_the_axis_and_carry_their_unit(axis, low, high, word, log):
    points = [Point(str(c), "xnor", "A", c, 50.0, 1.0) for c in (low, high)]
    x = pareto(points, axis, log=log).layout.xaxis
    assert x.type == ("log" if log else "linear")
    assert 1 <= len(x.tickvals) <= 9
    limits = [10**v for v in x.range] if log else x.range
    assert limits[0] <= min(x.tickvals)
    assert max(x.tickvals) <= limits[1]
    assert limits[0] < low < high < limits[1]
    assert any(word in text for text in x.ticktext)


def test_a_chart_of_nothing_is_refused():
    with pytest.raises(ValueError, match="points is empty"):
        pareto([], BYTES)


def test_the_papers_marks_are_open_and_ours_full():
    figure = beside_the_paper({"float": 56.6, "xnor": 44.2}, {"xnor": 75.0}, title="%", named=("paper", "ours"))
    symbols = {(t.name, t.x[0]): t.marker.symbol for t in figure.data if t.mode == "markers" and t.x[0] is not None}
    assert symbols == {("paper", 56.6): "circle-open", ("paper", 44.2): "star-open", ("ours", 75.0): "star"}


def test_a_long_label_of_a_ratio_takes_several_lines_and_stays_whole():
    label = "ResNet-18 XNOR, with their α, thresholds and biases"
    axis = ratio_bars([(label, 30.2, "measured here"), ("1 bit for 32", 32.0, "computed")], title="×").layout.yaxis
    assert axis.tickvals == (label, "1 bit for 32")
    lines = axis.ticktext[0].split("<br>")
    assert " ".join(lines) == label
    assert max(map(len, lines)) <= 26


def test_measured_computed_and_published_ratios_never_look_alike():
    figure = ratio_bars([(origin, 30.0 + i, origin) for i, origin in enumerate(ORIGINS)], title="×")
    assert [bar.name for bar in figure.data] == list(ORIGINS)
    looks = {(bar.marker.color, bar.marker.pattern.shape, bar.marker.line.width) for bar in figure.data}
    assert len(looks) == 3


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "draw",
    [
        lambda dark: pareto(POINTS, BYTES, dark=dark),
        lambda dark: beside_the_paper({"reactnet": 65.9}, {}, title="%", named=("a", "b"), dark=dark),
        lambda dark: ratio_bars([("a", 2.0, "computed")], title="×", dark=dark),
    ],
)
def test_every_chart_has_a_transparent_background_and_survives_serialisation(draw, dark):
    figure = draw(dark)
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert figure.to_json()


def test_a_change_is_drawn_from_its_reference():
    figure = changes([("mean", 80.0, 0.6, None), ("learned", 79.5, 0.6, 80.0), ("none", 80.04, 0.5, 80.0)])
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert [(list(line.x), line.y[0]) for line in lines] == [([80.0, 79.5], "learned"), ([80.0, 80.04], "none")]
    base, changed = (trace for trace in figure.data if trace.mode != "lines")
    assert (base.marker.symbol, list(base.y), list(base.text)) == ("circle-open", ["mean"], ["80.0"])
    assert (changed.marker.symbol, list(changed.text)) == ("circle", ["79.5 (−0.5)", "80.0 (0.0)"])
    assert list(changed.error_x.array) == [0.6, 0.5]
    with pytest.raises(ValueError, match="rows is empty"):
        changes([])
