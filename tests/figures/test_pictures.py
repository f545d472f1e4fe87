"""Arrays as pictures: sheets of maps, boards of bits, colours that mean what they say."""

import numpy as np
import pytest

from xnorlab.figures import pictures, style

RNG = np.random.default_rng(2)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize("dark", [False, True])
def test_a_sheet_holds_the_picture_of_every_map_in_its_place(dark):
    maps = RNG.standard_normal((4, 5, 7))
    sheet = pictures.signed_sheet(maps, columns=3, dark=dark)
    assert sheet.shape == (3 * 4, 3 * 5, 3)
    for c in range(7):
        top, left = 4 * (c // 3), 5 * (c % 3)
        own = pictures.signed_picture(maps[..., c], dark=dark)
        np.testing.assert_array_equal(sheet[top : top + 4, left : left + 5], own)
    middle = rgb(style.signed_scale(dark)[1][1])
    assert (sheet[8:, 5:] == middle).all()


def test_signs_get_two_tones_and_infinite_values_the_ends():
    low, high = rgb(style.two_tone(False)[0][1]), rgb(style.two_tone(False)[-1][1])
    picture = pictures.signed_picture(np.array([[-1, 1], [1, -1]], np.int8))
    assert [tuple(p) for p in picture.reshape(-1, 3)] == [low, high, high, low]
    picture = pictures.signed_picture(np.array([[-np.inf, 0.5], [np.inf, -0.5]]))
    assert [tuple(p) for p in picture.reshape(-1, 3)] == [low, high, high, low]
    picture = pictures.signed_picture(np.full((1, 2), np.inf))
    assert [tuple(p) for p in picture.reshape(-1, 3)] == [high, high]


def test_magnitudes_reach_from_one_end_of_the_scale_to_the_other():
    scale = style.sequential_scale(False)
    picture = pictures.magnitude_picture(np.array([[2.0, 3.0, 4.0]]))
    assert [tuple(p) for p in picture[0]] == [rgb(colour) for _, colour in scale]
    assert (pictures.magnitude_picture(np.full((2, 2), 7.0)) == rgb(scale[0][1])).all()


@pytest.mark.parametrize(
    ("channels", "columns"), [(1, 1), (7, 3), (32, 8), (64, 8), (128, 16), (192, 16), (256, 16), (384, 24)]
)
def test_bits_lie_about_square_without_a_gap_where_that_exists(channels, columns):
    assert pictures.bit_columns(channels) == columns


def test_a_board_has_a_cell_per_bit_in_its_tile():
    bits = RNG.choice(np.array([-1, 0, 1], np.int8), (2, 3, 6))
    tones = ("#010203", "#0A0B0C")
    board = pictures.bit_board(bits, tones)
    assert board.shape == (2 * 3 - 1, 3 * 4 - 1, 4)
    colour = {-1: (1, 2, 3, 255), 1: (10, 11, 12, 255)}
    for y, x, c in np.ndindex(bits.shape):
        cell = tuple(board[y * 3 + c // 3, x * 4 + c % 3])
        assert cell == colour.get(int(bits[y, x, c]), cell)
        assert (cell[3] == 255) == (bits[y, x, c] != 0)
    assert (board[2] == 0).all()
    assert (board[:, 3] == 0).all()
