"""The running sum of a dot product has a line through every product, a mark at every word; XNOR has its own row."""

import numpy as np
import pytest

from xnorlab.figures import bits, style

SUMS = np.array([1, 0, 1, 2, 3, 2])


def test_the_line_starts_at_nothing_and_ends_at_the_dot_product():
    line, _ = bits.running_sums(SUMS, []).data
    np.testing.assert_array_equal(line.x, np.arange(7))
    np.testing.assert_array_equal(line.y, [0, *SUMS])


def test_words_are_marked_where_they_end():
    _, marks = bits.running_sums(SUMS, [(4, 2), (6, 2)]).data
    assert list(zip(marks.x, marks.y, marks.marker.size, strict=True)) == [(0, 0, 0), (4, 2, 15), (6, 2, 15)]


@pytest.mark.parametrize("dark", [False, True])
def test_it_wears_the_colours_of_float_and_xnor_on_no_background(dark):
    figure = bits.running_sums(SUMS, [(6, 2)], dark=dark)
    assert [t.line.color for t in figure.data] == [style.SCHEMES[s].colour(dark) for s in ("float", "xnor")]
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert figure.to_json()


def test_the_rows_of_xnor_say_where_bits_are_equal_and_what_the_dot_product_is():
    a, b = np.array([1, -1, 1, -1, 1]), np.array([1, 1, -1, 1, -1])
    figure = bits.xnor_rows(a, b)
    (rows,) = figure.data
    np.testing.assert_array_equal(rows.z, [a, b, a * b])
    np.testing.assert_array_equal(rows.text, (np.array([a, b, a * b]) > 0).astype(int))
    assert list(rows.y) == ["a", "b", "XNOR"]
    assert figure.layout.title.text == f"a · b = 2 · 1 − 5 = −{-int(a @ b)}"
