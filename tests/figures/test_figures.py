"""Figures say what the arrays say: every claim is read back from the plotly specification."""

import numpy as np
import pytest

from xnorlab.figures import approximation, classification, comparisons, performance, pictures, style

BACKGROUNDS = {False: "#FFFFFF", True: "#0F1218"}


def luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def filter_parts():
    rng = np.random.default_rng(0)
    real = rng.normal(0, 0.1, (6, 3, 3)).astype(np.float32)
    signs = np.where(real >= 0, 1.0, -1.0)
    scaled = np.abs(real).mean() * signs
    return real, signs, scaled, real - scaled


class TestStyle:
    @pytest.mark.parametrize("dark", [False, True])
    @pytest.mark.parametrize("name", style.SCHEMES)
    def test_every_scheme_stands_out_from_the_background_three_to_one(self, name, dark):
        assert contrast(style.SCHEMES[name].colour(dark), BACKGROUNDS[dark]) >= 3

    @pytest.mark.parametrize("dark", [False, True])
    def test_no_two_schemes_share_a_colour_or_a_mark(self, dark):
        assert len({s.colour(dark) for s in style.SCHEMES.values()}) == len(style.SCHEMES)
        assert len({s.symbol for s in style.SCHEMES.values()}) == len(style.SCHEMES)
        assert len({s.glyph for s in style.SCHEMES.values()}) == len(style.SCHEMES)

    @pytest.mark.parametrize("dark", [False, True])
    def test_sign_tones_are_the_ends_of_the_scale_for_real_weights(self, dark):
        scale, tones = style.signed_scale(dark), style.two_tone(dark)
        assert tones[0][1] == scale[0][1]
        assert tones[-1][1] == scale[-1][1]


class TestApproximation:
    def test_a_mosaic_holds_every_weight_once_and_gaps_elsewhere(self, filter_parts):
        picture = approximation.mosaic(filter_parts[0])
        kept = picture[~np.isnan(picture)]
        np.testing.assert_allclose(np.sort(kept), np.sort(filter_parts[0].ravel()))

    @pytest.mark.parametrize("shape", [(1, 3, 3), (64, 5, 5), (7, 1, 1), (3, 11, 11), (5, 1, 7)])
    def test_tiles_of_a_mosaic_lie_in_reading_order(self, shape):
        weights = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
        picture = approximation.mosaic(weights)
        np.testing.assert_array_equal(picture[: shape[1], : shape[2]], weights[0])
        if shape[0] > 1:
            np.testing.assert_array_equal(picture[: shape[1], shape[2] + 1 : 2 * shape[2] + 1], weights[1])

    def test_real_scaled_and_residual_maps_share_one_symmetric_scale(self, filter_parts):
        figure = approximation.filter_maps(*filter_parts)
        assert [trace.coloraxis for trace in figure.data] == ["coloraxis", "coloraxis2", "coloraxis", "coloraxis"]
        limit = max(np.abs(part).max() for part in (filter_parts[0], *filter_parts[2:]))
        assert figure.layout.coloraxis.cmin == -figure.layout.coloraxis.cmax
        assert figure.layout.coloraxis.cmax == pytest.approx(limit)

    def test_an_all_zero_filter_still_has_a_scale_of_some_width(self):
        zero, one = np.zeros((1, 3, 3)), np.ones((1, 3, 3))
        figure = approximation.filter_maps(zero, one, zero, zero)
        assert figure.layout.coloraxis.cmin < figure.layout.coloraxis.cmax

    def test_small_filters_print_their_values_and_large_ones_do_not(self, filter_parts):
        small = approximation.filter_maps(*(part[:1] for part in filter_parts))
        large = approximation.filter_maps(*(np.concatenate([part] * 3) for part in filter_parts))
        assert small.data[0].texttemplate
        assert not large.data[0].texttemplate

    @pytest.mark.parametrize("shape", [(32, 1, 1), (3, 3, 3)])
    def test_many_small_slices_print_no_values_that_would_not_fit(self, shape):
        assert not approximation.filter_maps(*[np.ones(shape)] * 4).data[0].texttemplate

    def test_parabola_marks_the_chosen_scale_and_the_optimum(self):
        scales = np.linspace(0, 1, 11)
        figure = approximation.error_parabola(scales, (scales - 0.4) ** 2 + 1, chosen=(0.7, 1.09), optimum=(0.4, 1.0))
        optimum, chosen = figure.data[-2:]
        assert (optimum.x[0], optimum.y[0]) == (0.4, 1.0)
        assert (chosen.x[0], chosen.y[0]) == (0.7, 1.09)

    def test_histogram_shares_add_up_and_spikes_stand_at_plus_and_minus_the_scale(self):
        weights = np.array([-0.3, -0.1, 0.0, 0.2])
        bars, minus, plus = approximation.weight_histogram(weights, 0.15).data
        assert sum(bars.y) == pytest.approx(100)
        assert (minus.x[1], minus.y[1]) == (-0.15, 50)
        assert (plus.x[1], plus.y[1]) == (0.15, 50)  # sign(0) = +1

    def test_histogram_of_zeros_is_one_bar_at_zero(self):
        figure = approximation.weight_histogram(np.zeros(9), 0.0)
        assert max(figure.data[0].y) == 100


class TestPictures:
    def test_zero_is_the_middle_colour_and_extremes_are_the_ends(self):
        scale = style.signed_scale(False)
        row = pictures.signed_picture(np.array([[-2.0, 0.0, 2.0]]))[0]
        for pixel, (_, colour) in zip(row, scale, strict=True):
            assert "#{:02X}{:02X}{:02X}".format(*pixel) == colour

    def test_a_picture_of_zeros_is_all_middle(self):
        assert len(np.unique(pictures.signed_picture(np.zeros((2, 3))).reshape(-1, 3), axis=0)) == 1

    def test_what_is_no_map_is_refused(self):
        with pytest.raises(ValueError, match=r"shape \(2, 2, 2\)"):
            pictures.signed_picture(np.zeros((2, 2, 2)))


class TestClassification:
    def test_every_scheme_has_a_mark_for_every_class_at_its_probability(self):
        labels = ["a", "b", "c"]
        shares = {"float": np.array([0.1, 0.7, 0.2]), "xnor": np.array([0.3, 0.4, 0.3])}
        marks = [t for t in classification.answers(labels, shares).data if t.mode == "markers"]
        assert [m.name for m in marks] == [style.SCHEMES["float"].label, style.SCHEMES["xnor"].label]
        for mark, row in zip(marks, shares.values(), strict=True):
            assert dict(zip(mark.y, mark.x, strict=True)) == pytest.approx(dict(zip(labels, 100 * row, strict=True)))
        assert list(marks[0].y) == ["b", "a", "c"]  # by the best probability that a scheme gives

    def test_of_many_classes_every_schemes_first_answers_are_drawn(self):
        rng = np.random.default_rng(0)
        labels = [f"class {i}" for i in range(200)]
        shares = {s: rng.dirichlet(np.ones(200)) for s in ("bwn", "xnor")}
        shares["float"] = np.full(200, 0.994 / 199)
        shares["float"][7] = 0.006  # its first answer, less likely than many of the others'
        shares["bwn"][7] = shares["xnor"][7] = 0
        *_, mark = (t for t in classification.answers(labels, shares).data if t.mode == "markers")
        drawn = list(mark.y)
        assert len(drawn) == classification.MOST_CLASSES
        for row in shares.values():
            assert labels[int(row.argmax())] in drawn
        best = np.max(list(shares.values()), axis=0)
        assert drawn == sorted(drawn, key=lambda label: -best[labels.index(label)])

    def test_labels_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match="labels=1"):
            classification.answers(["a"], {"float": np.array([0.5, 0.5])})


SAMPLES = {"naive": np.array([9e-3, 8e-3]), "torch-nchw": np.array([1e-3, 1.2e-3, 1.1e-3]), "binary": np.array([5e-5])}


class TestPerformance:
    def test_every_run_is_a_dot_of_its_contender(self):
        boxes = {trace.name: trace for trace in performance.timing_spread(SAMPLES).data}
        for name, values in SAMPLES.items():
            trace = boxes[performance.CONTENDERS[name].label]
            np.testing.assert_array_equal(trace.x, values)
            assert trace.boxpoints == "all"

    def test_time_ticks_have_units(self):
        ticks = performance.timing_spread(SAMPLES).layout.xaxis.ticktext
        assert {"100 µs", "1 ms", "10 ms"} <= set(ticks)

    def test_measured_computed_and_published_never_look_alike(self):
        figure = comparisons.speed_up_bars({"a": 20.0}, {"b": 62.3}, {"c": 58.0})
        looks = {(bar.marker.color, bar.marker.pattern.shape, bar.marker.line.width) for bar in figure.data}
        assert len(looks) == 3
        assert [bar.text[0] for bar in figure.data] == ["20.0×", "62.3×", "58.0×"]
        assert [bar.base + bar.x[0] for bar in figure.data] == [20.0, 62.3, 58.0]

    def test_roofline_bends_where_memory_meets_the_ceiling(self):
        figure = performance.roofline([("binary", 100.0, 1e12)], {"binary": 2e12}, 1e10)
        roof, point = figure.data
        assert roof.x[1] == pytest.approx(200)
        assert roof.y[1] == roof.y[2] == 2e12
        assert roof.y[0] == pytest.approx(roof.x[0] * 1e10)
        assert (point.x[0], point.y[0]) == (100.0, 1e12)

    def test_sweeps_draw_the_formulas_and_a_line_per_contender(self):
        measured = {"naive": [90.0, 120.0], "torch-nchw": [8.0, 16.0]}
        panel = performance.Panel("channels", [64, 65], measured, [57.6, 57.7], in_words=[57.6, 30.8])
        figure = performance.sweeps([panel])
        assert [list(trace.y) for trace in figure.data] == [[57.6, 57.7], [57.6, 30.8], *measured.values()]
        assert list(figure.data[0].x) == ["64", "65"]
        panel = performance.Panel("channels", [64, 65], measured, [57.6, 57.7])
        assert len(performance.sweeps([panel]).data) == 3

    def test_panels_lie_side_by_side_on_one_scale_and_name_each_line_once(self):
        channels = performance.Panel("channels", [64, 65], {"naive": [90.0, 120.0]}, [57.6, 57.7], [57.6, 30.8])
        rivals = {"naive": [50.0, 99.0], "best-float": [9.0, 20.0]}
        kernel = performance.Panel("kernel", [1, 3], rivals, [51.2, 62.3], in_words=[51.2, 62.3])
        figure = performance.sweeps([channels, kernel])
        assert [list(t.y) for t in figure.data if t.xaxis == "x2"] == [[51.2, 62.3], [50.0, 99.0], [9.0, 20.0]]
        assert figure.layout.yaxis2.matches == "y"
        shown = [trace.name for trace in figure.data if trace.showlegend]
        assert len(shown) == len(set(shown)) == len({trace.name for trace in figure.data}) == 4
        assert (figure.layout.xaxis.title.text, figure.layout.xaxis2.title.text) == ("channels", "kernel")


FIGURES = {
    "maps": lambda dark: approximation.filter_maps(*[np.ones((2, 3, 3))] * 4, dark=dark),
    "parabola": lambda dark: approximation.error_parabola(
        np.arange(3.0), np.arange(3.0), chosen=(1, 1), optimum=(0, 0), dark=dark
    ),
    "histogram": lambda dark: approximation.weight_histogram(np.arange(4.0), 1.0, dark=dark),
    "answers": lambda dark: classification.answers(["a"], {"bnn": np.ones(1)}, dark=dark),
    "spread": lambda dark: performance.timing_spread({"binary": np.array([1e-3])}, dark=dark),
    "speed-up": lambda dark: comparisons.speed_up_bars({"a": 2.0}, {}, {}, dark=dark),
    "roofline": lambda dark: performance.roofline([("binary", 1.0, 1e9)], {"binary": 1e12}, 1e10, dark=dark),
    "sweeps": lambda dark: performance.sweeps(
        [performance.Panel("channels", [1, 2], {"naive": [1.0, 2.0]}, [1.0, 2.0])], dark=dark
    ),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_transparent_background_and_survives_serialisation(name, dark):
    figure = FIGURES[name](dark)
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert figure.to_json()
