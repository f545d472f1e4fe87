"""Arrays as small pictures, for places where a chart with axes would be too much."""

import numpy as np

from xnorlab.figures import style


def signed_picture(values: np.ndarray, *, dark: bool = False) -> np.ndarray:
    """`values` (H, W) on the diverging scale, symmetric about zero and as wide as the largest |value|: uint8 (H, W, 3).

    Values of two signs and one magnitude come out in the two tones of `style.two_tone`.
    """
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"values of shape {values.shape} must be (H, W) and hold something")
    stops = style.signed_scale(dark)
    places = np.array([place for place, _ in stops])
    colours = np.array([[int(hex_[i : i + 2], 16) for i in (1, 3, 5)] for _, hex_ in stops], dtype=np.float64)
    limit = float(np.abs(values).max()) or 1.0
    share = (np.asarray(values, dtype=np.float64) / limit + 1) / 2
    channels = [np.interp(share, places, colours[:, c]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
