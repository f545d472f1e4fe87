"""Which pixel of a map belongs to which pixel of the map ahead of it, by the windows of convolutions and pools."""

import math

Pixel = tuple[int, int]
"""(row, column) in a map."""


def nearest_window(pixel: Pixel, *, reach: Pixel, stride: Pixel, padding: Pixel, shape: tuple[int, ...]) -> Pixel:
    """The window whose middle is nearest to a pixel of the input.

    Args:
        pixel: of the input.
        reach: height and width of a window.
        stride: (vertical, horizontal), as `padding`.
        padding: of the input.
        shape: how many windows there are, (OH, OW, …).
    """
    row, column = (
        min(max(math.floor((at + pad - (size - 1) / 2) / step + 0.5), 0), count - 1)
        for at, size, step, pad, count in zip(pixel, reach, stride, padding, shape[:2], strict=True)
    )
    return row, column


def middle_of_window(window: Pixel, *, reach: Pixel, stride: Pixel, padding: Pixel, shape: tuple[int, ...]) -> Pixel:
    """The pixel of the input in the middle of a window, within the map; arguments as in `nearest_window`.

    Args:
        window: number of the window, (row, column).
        reach: height and width of a window.
        stride: (vertical, horizontal), as `padding`.
        padding: of the input.
        shape: of the input, (H, W, …).
    """
    row, column = (
        min(max(at * step - pad + (size - 1) // 2, 0), count - 1)
        for at, size, step, pad, count in zip(window, reach, stride, padding, shape[:2], strict=True)
    )
    return row, column
