"""Arrays as small pictures without axes."""

import math

import numpy as np

from xnorlab.figures import style


def signed_picture(values: np.ndarray, *, dark: bool = False) -> np.ndarray:
    """Colour an array on the diverging scale of `style`, symmetric about zero up to its largest finite |value|.

    Values of two signs and one magnitude get the two tones of `style.two_tone`, infinite ones the ends of the scale.

    Args:
        values: (H, W), not empty.
        dark: For the dark theme.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: `values` has another number of axes or is empty.
    """
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"values of shape {values.shape} must be (H, W) and not empty")
    return signed_sheet(values[..., None], columns=1, dark=dark)


def signed_sheet(maps: np.ndarray, *, columns: int, dark: bool = False) -> np.ndarray:
    """Colour the channels of a map as `signed_picture` does, each on a scale of its own, and lay them side by side.

    Args:
        maps: (H, W, C), not empty.
        columns: Maps in a row of the sheet, at least 1; map c lies in row c // columns.
        dark: For the dark theme.

    Returns:
        uint8 (⌈C / columns⌉·H, columns·W, 3); places behind the last map have the colour of 0.
    """
    height, width, channels = maps.shape
    maps = np.asarray(maps, np.float64)
    finite = np.where(np.isfinite(maps), np.abs(maps), 0)
    limits = finite.max(axis=(0, 1))
    limits[limits == 0] = 1
    shares = np.clip(np.nan_to_num(maps / limits), -1, 1)
    rows = math.ceil(channels / columns)
    sheet = np.zeros((height, width, rows * columns))
    sheet[..., :channels] = shares
    laid = sheet.reshape(height, width, rows, columns).transpose(2, 0, 3, 1).reshape(rows * height, columns * width)
    return _coloured((laid + 1) / 2, style.signed_scale(dark))


def magnitude_picture(values: np.ndarray, *, dark: bool = False) -> np.ndarray:
    """Colour an array on the sequential scale of `style`, from its smallest value to its largest.

    Args:
        values: (H, W), finite, not empty.
        dark: For the dark theme.

    Returns:
        uint8 (H, W, 3).
    """
    low, high = float(values.min()), float(values.max())
    return _coloured((np.asarray(values, np.float64) - low) / ((high - low) or 1.0), style.sequential_scale(dark))


def bit_columns(channels: int) -> int:
    """The number of columns in which `bit_board` lays so many bits: about square, without a gap where that exists."""
    root = math.ceil(math.sqrt(channels))
    return next((columns for columns in range(root, 2 * root + 1) if channels % columns == 0), root)


def bit_board(bits: np.ndarray, tones: tuple[str, str], *, dark: bool = False) -> np.ndarray:
    """Draw the bits under each tap of a filter as a tile of cells, one cell per channel.

    Args:
        bits: (kh, kw, C) of −1, +1, and 0 where there is no bit.
        tones: Colours of −1 and +1.
        dark: For the dark theme.

    Returns:
        uint8 (H, W, 4) with opacity: tiles of `bit_columns(C)` cells per row with a transparent line of cells between;
        cells without a bit are a faint grey.
    """
    kh, kw, channels = bits.shape
    columns = bit_columns(channels)
    rows = math.ceil(channels / columns)
    colours = np.array([[*_rgb(tones[0]), 255], [*_rgb(style.muted(dark)), 60], [*_rgb(tones[1]), 255]], np.uint8)
    cells = np.zeros((kh, kw, rows * columns, 4), np.uint8)
    cells[:, :, :channels] = colours[bits.astype(np.int64) + 1]
    board = np.zeros((kh, rows + 1, kw, columns + 1, 4), np.uint8)
    board[:, :rows, :, :columns] = cells.reshape(kh, kw, rows, columns, 4).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(board.reshape(kh * (rows + 1), kw * (columns + 1), 4)[:-1, :-1])


def _coloured(shares: np.ndarray, stops: list[list]) -> np.ndarray:
    """Shares from 0 to 1 as colours between the stops of a scale, uint8 (…, 3)."""
    places = np.array([place for place, _ in stops])
    colours = np.array([_rgb(colour) for _, colour in stops], dtype=np.float64)
    channels = [np.interp(shares, places, colours[:, c]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def _rgb(colour: str) -> tuple[int, int, int]:
    """The three numbers of a colour "#rrggbb"."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue
