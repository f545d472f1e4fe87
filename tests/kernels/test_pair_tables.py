"""Tables of pairs: every output pixel is in one pair, and every tap finds the table of its two pixels."""

import naive
import numpy as np
import pytest

from xnorlab.kernels.filter_blocks import aligned
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.packing import pack_signs
from xnorlab.kernels.pair_tables import Laying, Pairing, nibbles, value_tables
from xnorlab.kernels.traversal import Layout


def signs_of(table: np.ndarray) -> tuple[int, int]:
    """The values whose signs a table counts, for its two pixels: what differs nowhere from a nibble is that nibble."""
    return int(np.flatnonzero(table & 15 == 0)[0]), int(np.flatnonzero(table >> 4 == 0)[0])


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("height", [1, 4, 5])
def test_every_output_pixel_is_in_one_pair(batch: int, height: int):
    window = Window.of((1, 2), 1, (0, 1))
    pairing = Pairing.of(window, batch, height, 3)
    pixels = pairing.traversal(window, Layout(16, 16, 1, 1, 1, 4)).pixels["index"]
    assert sorted(pixels[pixels >= 0]) == list(range(batch * height * 4))


@pytest.mark.parametrize("seed", range(60))
def test_taps_find_the_signs_of_both_pixels(seed: int):
    """For channels within one table; a border of −1 looks like a pixel without a positive sign."""
    rng = np.random.default_rng(seed)
    g = naive.random_geometry(rng)
    channels, (height, width) = int(rng.integers(1, 5)), g.size
    x = rng.standard_normal((g.batch, height, width, channels)).astype(np.float32)
    values = (x >= 0) @ (1 << np.arange(channels))
    window = Window(g.kernel, g.stride, g.padding, g.dilation)
    layout = Layout(16, 16, 1, 1, 1, 4)
    pairing = Pairing.of(window, g.batch, height, width)
    tables = aligned((pairing.size(layout),), np.uint8)
    words = pack_signs(x)
    laying = Laying(pairing, window, (height, width), 1, channels, value_tables(channels, -1))
    laying.run(words.ctypes.data, tables.ctypes.data)
    traversal = pairing.traversal(window, layout)
    oh, ow = pairing.output

    def value(index: int, tap: tuple[int, int]) -> int:
        image, i, j = np.unravel_index(index, (g.batch, oh, ow))
        at = [p * s - q + k * d for p, s, q, k, d in zip((i, j), g.stride, g.padding, tap, g.dilation, strict=True)]
        return int(values[image, at[0], at[1]]) if 0 <= at[0] < height and 0 <= at[1] < width else 0

    for first, second in traversal.pixels.reshape(-1, 2):
        for x_offset, w_offset, steps in traversal.runs:
            for k in range(steps):
                at = first["x_offset"] + x_offset + 16 * k
                one, other = signs_of(tables[at : at + 16])
                tap = divmod(int(w_offset) + k, g.kernel[1])
                assert one == value(first["index"], tap)
                if second["index"] >= 0:
                    assert other == value(second["index"], tap)


@pytest.mark.parametrize("channels", [2, 4, 6, 130])
def test_a_border_of_zeros_adds_nothing(channels: int):
    """Half of its channels differ from any weights: channels − 2 · differing is 0."""
    tables = value_tables(channels, 0)
    counted = 4 * (nibbles(channels) - 1)
    differing = (nibbles(channels) - 1) * tables[0, 16].astype(int) + tables[0, 17]
    assert (channels - 2 * differing == 0).all()
    assert 0 < channels - counted <= 4
