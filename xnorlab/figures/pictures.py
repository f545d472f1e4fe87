"""Arrays as small pictures without axes."""

import numpy as np

from xnorlab.figures import style


def signed_picture(values: np.ndarray, *, dark: bool = False) -> np.ndarray:
    """Colour an array on the diverging scale of `style`, symmetric about zero up to its largest |value|.

    Values of two signs and one magnitude get the two tones of `style.two_tone`.

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
    stops = style.signed_scale(dark)
    places = np.array([place for place, _ in stops])
    colours = np.array([[int(hex_[i : i + 2], 16) for i in (1, 3, 5)] for _, hex_ in stops], dtype=np.float64)
    limit = float(np.abs(values).max()) or 1.0
    share = (np.asarray(values, dtype=np.float64) / limit + 1) / 2
    channels = [np.interp(share, places, colours[:, c]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
