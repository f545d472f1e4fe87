"""The chart of layers' errors has a row per layer and a kind of mark per approximation."""

import pytest

from xnorlab.figures import style
from xnorlab.figures.layer_errors import layer_errors

LAYERS = ["first", "second"]
ERRORS = {"signs": [0.7, 0.6], "α": [0.5, 0.25], "α and K": [0.4, 0.3]}


@pytest.mark.parametrize("dark", [False, True])
def test_each_approximation_has_its_mark_and_the_chosen_one_its_colour(dark):
    figure = layer_errors(LAYERS, ERRORS, chosen="α", title="error", dark=dark)
    drawn = {trace.name: trace for trace in figure.data}
    assert {name: [round(x / 100, 9) for x in trace.x] for name, trace in drawn.items()} == ERRORS
    assert all(list(trace.y) == LAYERS for trace in drawn.values())
    assert len({trace.marker.symbol for trace in drawn.values()}) == len(ERRORS)
    assert drawn["α"].marker.color == style.SCHEMES["xnor"].colour(dark)
    assert drawn["signs"].marker.color == drawn["α and K"].marker.color == style.muted(dark)


def test_too_many_approximations_or_too_few_values_are_refused():
    with pytest.raises(ValueError, match=r"errors\['α'\] has 1 values; layers has 2"):
        layer_errors(LAYERS, {"α": [0.5]}, chosen="α", title="error")
    with pytest.raises(ValueError, match="errors has 7 approximations; the most are 6"):
        layer_errors(LAYERS, {str(i): [0.5, 0.5] for i in range(7)}, chosen="0", title="error")
