"""Figures of taught classes show the counts and accuracies that they are given."""

import numpy as np
import pytest

from xnorlab.figures.style import SCHEMES
from xnorlab.figures.teaching import MeasuredAccuracy, accuracies, confusion


def test_confusion_has_a_row_per_class_with_its_counts():
    figure = confusion(["cat", "a very long name of a class"], np.array([[3, 1], [0, 2]]))
    (heatmap,) = figure.data
    np.testing.assert_allclose(heatmap.z, [[0.75, 0.25], [0, 1]])
    assert [a.text for a in figure.layout.annotations] == ["3", "1", "2"]
    assert heatmap.customdata[0, 1].tolist() == [1, "cat", "a very long name of a class"]
    assert all(len(text) <= 16 for text in figure.layout.xaxis.ticktext)
    with pytest.raises(ValueError, match=r"table of shape \(2, 2\) must be \(3, 3\)"):
        confusion(["a", "b", "c"], np.zeros((2, 2)))


@pytest.mark.parametrize("dark", [False, True])
def test_accuracies_have_a_mark_and_an_error_per_network(dark):
    rows = [MeasuredAccuracy("A", "xnor", 0.65, 0.01), MeasuredAccuracy("A", "float", 0.6, 0.02)]
    rows.append(MeasuredAccuracy("B", "float", 0.8, 0.03))
    figure = accuracies(rows, chance=0.2, dark=dark)
    real, binary = figure.data
    assert (real.name, binary.name) == (SCHEMES["float"].label, SCHEMES["xnor"].label)
    np.testing.assert_allclose(real.x, [60, 80])
    np.testing.assert_allclose(real.error_x.array, [2, 3])
    assert list(figure.layout.yaxis.ticktext) == ["A", "B"]
