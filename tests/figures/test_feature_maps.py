"""Figures of scaling factors say what the arrays say, in both themes."""

import numpy as np
import pytest

from xnorlab.figures import feature_maps, style
from xnorlab.figures.feature_maps import Spread

RNG = np.random.default_rng(8)
SCALES = RNG.uniform(0.02, 0.06, 40)
PHOTO = RNG.integers(0, 256, (12, 12, 3), dtype=np.uint8)
K = RNG.uniform(0, 2, (4, 4))
REAL, APPROXIMATE = RNG.normal(0, 1, (2, 5, 5)) * [[[1]], [[40]]]
WAYS = {
    "signs": Spread(RNG.uniform(0.5, 1, 40), RNG.uniform(5, 10, 40)),
    "α": Spread(RNG.uniform(0.5, 1, 40), RNG.uniform(0.3, 0.6, 40)),
}


def test_every_filter_is_a_mark_at_its_alpha_that_carries_its_number():
    marks, ring = feature_maps.filter_scales(SCALES, chosen=7).data
    np.testing.assert_array_equal(marks.y, SCALES)
    np.testing.assert_array_equal(marks.customdata, np.arange(40))
    assert (ring.x[0], ring.y[0]) == (7, SCALES[7])


def test_k_covers_the_photo_exactly():
    seen, grey, k = feature_maps.input_scale_over_photo(PHOTO, K).data
    np.testing.assert_array_equal(seen.z, PHOTO)
    assert np.ptp(grey.z, axis=2).max() == 0
    np.testing.assert_array_equal(k.z, K)
    for start, step, cells in ((k.x0, k.dx, 4), (k.y0, k.dy, 4)):
        assert start - step / 2 == -0.5  # a picture's pixels reach from −0.5 to its size − 0.5
        assert start + step * (cells - 0.5) == 11.5


def test_k_is_coloured_from_zero_up():
    axis = feature_maps.input_scale_over_photo(PHOTO, K).layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, K.max())
    flat = feature_maps.input_scale_over_photo(PHOTO, 0 * K).layout.coloraxis
    assert flat.cmin < flat.cmax


def test_on_one_scale_all_three_maps_share_it_and_zero_is_its_middle():
    maps = feature_maps.response_maps(REAL, APPROXIMATE).data
    np.testing.assert_array_equal(maps[2].z, REAL - APPROXIMATE)
    limit = max(np.abs(m.z).max() for m in maps)
    assert {(m.zmin, m.zmax) for m in maps} == {(-limit, limit)}


def test_on_their_own_scales_each_map_reaches_its_own_ends():
    for trace in feature_maps.response_maps(REAL, APPROXIMATE, one_scale=False).data:
        assert -trace.zmin == trace.zmax == np.abs(trace.z).max()


def test_a_map_of_zeros_has_a_scale_of_some_width():
    for one_scale in (True, False):
        trace = feature_maps.response_maps(0 * REAL, 0 * REAL, one_scale=one_scale).data[0]
        assert trace.zmin < trace.zmax


def test_the_chosen_way_alone_wears_the_colour_and_the_filter_is_marked_in_each():
    traces = feature_maps.agreement_spread(WAYS, chosen="α", index=3).data
    boxes = [t for t in traces if t.type == "box"]
    assert [t.name for t in boxes if t.line.color == style.SCHEMES["xnor"].light] == ["α", "α"]
    marks = [t.x[0] for t in traces if t.type == "scatter"]
    assert marks == [*(w.errors[3] for w in WAYS.values()), *(w.cosines[3] for w in WAYS.values())]


@pytest.mark.parametrize(("least", "most"), [(0.35, 5.0), (0.5, 0.9), (0.02, 40.0)])
def test_errors_of_any_span_have_ticks_to_be_read_by(least, most):
    spread = feature_maps.Spread(np.full(3, 0.5), np.array([least, 0.6, most]))
    axis = feature_maps.agreement_spread({"α": spread}, chosen="α", index=0).layout.xaxis
    near = [text for tick, text in zip(axis.tickvals, axis.ticktext, strict=True) if least / 2 <= tick <= 2 * most]
    assert len(near) >= 2


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "figure",
    [
        lambda dark: feature_maps.filter_scales(SCALES, chosen=39, dark=dark),
        lambda dark: feature_maps.filter_scales(np.zeros(1), chosen=0, dark=dark),
        lambda dark: feature_maps.input_scale_over_photo(PHOTO, K, dark=dark),
        lambda dark: feature_maps.response_maps(REAL, APPROXIMATE, dark=dark),
        lambda dark: feature_maps.agreement_spread(WAYS, chosen="α", index=0, dark=dark),
    ],
    ids=["scales", "one scale", "K", "maps", "agreement"],
)
def test_every_figure_has_a_transparent_background_and_survives_serialisation(figure, dark):
    made = figure(dark)
    assert made.layout.paper_bgcolor == made.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert made.to_json()


def test_the_sequential_scale_grows_away_from_the_page():
    for dark in (False, True):
        brightness = [sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for _, colour in style.sequential_scale(dark)]
        assert brightness == sorted(brightness, reverse=not dark)
