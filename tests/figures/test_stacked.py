"""Bars of parts add up, keep a scheme's colour and tell parts apart by pattern."""

import pytest

from xnorlab import units
from xnorlab.figures import style
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.stacked import PATTERNS, paired_bars, stacked_bars

TIME = CostAxis("time", units.duration)
PARTS = {"XNOR": {"binary": 300.0, "real": 100.0}, "float": {"binary": 0.0, "real": 4000.0}}
SCHEMES = {"XNOR": "xnor", "float": "float"}
PAIR = {"float": {"conv": [4e-3, 1e-3]}, "xnor": {"pack": [1e-4, 0.0], "conv": [2e-4, 9e-4]}}


def drawn(figure) -> list:
    return [trace for trace in figure.data if trace.x[0] is not None]


@pytest.mark.parametrize(("share", "totals"), [(True, [100, 100]), (False, [400, 4000])])
def test_parts_add_up_to_the_whole_in_shares_and_in_sizes(share, totals):
    bars = drawn(stacked_bars(PARTS, SCHEMES, CostAxis("file", units.memory, True), share=share))
    assert [bar.name for bar in bars] == ["binary", "real"]
    assert [sum(bar.x[i] for bar in bars) for i in range(2)] == pytest.approx(totals)
    assert len({bar.marker.pattern.shape for bar in bars}) == 2
    assert list(bars[0].marker.color) == [style.SCHEMES[s].light for s in SCHEMES.values()]


def test_few_bars_of_many_parts_leave_height_for_a_legend_with_one_line_per_part():
    line_px = 20
    figure = stacked_bars({"XNOR": dict.fromkeys("abcdef", 1.0)}, {"XNOR": "xnor"}, TIME)
    assert figure.layout.height / 2 >= 6 * line_px  # plotly's legend takes at most half


def test_the_parts_of_a_pair_stand_on_each_other_and_the_schemes_beside():
    bars = drawn(paired_bars(["conv 1", "conv 2"], PAIR, TIME))
    tops = {}
    for bar in bars:
        below = tops.get(bar.offsetgroup, [0.0, 0.0])
        assert list(bar.base) == pytest.approx(below)
        assert bar.marker.color == style.SCHEMES[bar.offsetgroup].light
        tops[bar.offsetgroup] = [b + x for b, x in zip(below, bar.x, strict=True)]
    assert tops["float"] == pytest.approx([4e-3, 1e-3])
    assert tops["xnor"] == pytest.approx([3e-4, 9e-4])


def test_a_click_on_any_bar_of_a_row_names_the_row():
    for bar in drawn(paired_bars(["conv 1", "conv 2"], PAIR, TIME)):
        assert list(bar.customdata) == ["conv 1", "conv 2"]


def test_the_picked_row_is_bold():
    ticks = paired_bars(["conv 1", "conv 2"], PAIR, TIME, picked="conv 2").layout.yaxis.ticktext
    assert ticks == ("conv 1", "<b>conv 2</b>")


def test_more_parts_than_patterns_are_refused():
    many = {str(i): 1.0 for i in range(len(PATTERNS) + 1)}
    with pytest.raises(ValueError, match="7 kinds"):
        stacked_bars({"a": many}, {"a": "xnor"}, TIME)
    with pytest.raises(ValueError, match="0 kinds"):
        paired_bars(["a"], {"xnor": {}}, TIME)


@pytest.mark.parametrize("dark", [False, True])
def test_every_chart_has_a_transparent_background_and_survives_serialisation(dark):
    for figure in (stacked_bars(PARTS, SCHEMES, TIME, dark=dark), paired_bars(["a", "b"], PAIR, TIME, dark=dark)):
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert figure.to_json()
