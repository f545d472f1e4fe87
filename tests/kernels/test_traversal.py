"""A traversal visits every output pixel once and every tap inside the map, and none outside."""

import naive
import numpy as np
import pytest

from xnorlab.kernels.filter_blocks import aligned, blocks_of, per_filter
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.traversal import Layout, Traversal


@pytest.mark.parametrize("seed", range(40))
def test_pixels_and_taps(seed: int):
    """The table's addresses, one byte a pixel and ten weights a tap, against every tap of every output pixel."""
    g = naive.random_geometry(np.random.default_rng(seed))
    window = Window(g.kernel, g.stride, g.padding, g.dilation)
    height, width = g.size
    traversal = Traversal(window, Layout(1, 0, 10, 1, 1, 1), g.batch, height, width)
    rows, columns = traversal.output
    assert sorted(traversal.pixels["index"]) == list(range(g.batch * rows * columns))
    for (first, last, run, n_runs), (inside_rows, inside_columns) in zip(
        traversal.segments, traversal.inside, strict=True
    ):
        for start, index in traversal.pixels[first:last]:
            image, i, j = np.unravel_index(index, (g.batch, rows, columns))
            expected = set()
            for y in range(g.kernel[0]):
                for z in range(g.kernel[1]):
                    at, to = (
                        p * s - q + k * d
                        for p, s, q, k, d in zip((i, j), g.stride, g.padding, (y, z), g.dilation, strict=True)
                    )
                    inside = 0 <= at < height and 0 <= to < width
                    in_segment = y in range(*inside_rows.indices(9)) and z in range(*inside_columns.indices(9))
                    assert inside == in_segment
                    if inside:
                        expected.add(((image * height + at) * width + to, 10 * (y * g.kernel[1] + z)))
            visited = {
                (start + x_offset + k, w_offset + 10 * k)
                for x_offset, w_offset, steps in traversal.runs[run : run + n_runs]
                for k in range(steps)
            }
            assert visited == expected


def test_blocks_hold_every_filter_in_its_lane():
    filters = np.arange(2 * 5 * 3).reshape(10, 3)
    blocks = blocks_of(filters, 2, 4)
    assert blocks.shape == (2, 2, 3, 4)
    for g in range(2):
        for n in range(5):
            np.testing.assert_array_equal(blocks[g, n // 4, :, n % 4], filters[5 * g + n])
    assert (blocks[:, 1, :, 1:] == 0).all()
    np.testing.assert_array_equal(per_filter(filters[:, 1], 2, 4), blocks[:, :, 1])


@pytest.mark.parametrize("kind", [np.uint64, np.float32, np.uint8])
def test_operands_start_on_a_cache_line(kind):
    for length in (1, 7, 1000):
        array = aligned((length, 3), kind)
        assert array.ctypes.data % 64 == 0
        assert array.shape == (length, 3)
        assert not array.any()


@pytest.mark.parametrize("limit", [1, 7, 64, 10_000])
def test_passes_hold_every_pixel_once_and_no_more_than_fit(limit: int):
    traversal = Traversal(Window.of(3, 1, 1), Layout(8, 0, 64, 1, 1, 64), 2, 9, 8)
    passes, pieces = traversal.passes(limit)
    assert passes["first_piece"][0] == 0
    assert passes["last_piece"][-1] == len(pieces)
    np.testing.assert_array_equal(passes["first_piece"][1:], passes["last_piece"][:-1])
    lengths = pieces["last_pixel"] - pieces["first_pixel"]
    assert max(lengths[first:last].sum() for first, last in passes) <= limit
    for number, (first, last, run, n_runs) in enumerate(traversal.segments):
        mine = pieces[pieces["segment"] == number]
        np.testing.assert_array_equal(mine["first_pixel"][1:], mine["last_pixel"][:-1])
        assert (mine["first_pixel"][0], mine["last_pixel"][-1]) == (first, last)
        assert (mine["first_run"] == run).all()
        assert (mine["n_runs"] == n_runs).all()
