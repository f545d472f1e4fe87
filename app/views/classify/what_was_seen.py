"""What of a photo the networks saw: how much was cropped away, and how far it was enlarged."""

from xnorlab.images import Preprocessing

PANORAMA = 0.5
"""Share of a photo's area below which the caption says how little of it was seen."""


def seen_share(height: int, width: int, preprocessing: Preprocessing) -> float:
    """Share of a photo's area that the central crop covers, 0 to 1."""
    side = min(height, width) * preprocessing.crop / preprocessing.resize
    return side * side / (height * width)


def caption(height: int, width: int, preprocessing: Preprocessing, *, who: str = "the networks") -> str:
    """What stands below the crop of a photo of `height` × `width` pixels; who: saw it."""
    text = f"{preprocessing.crop} × {preprocessing.crop} pixels: exactly what {who} saw"
    share = seen_share(height, width, preprocessing)
    if share < PANORAMA:
        text += f". Only the middle {100 * share:.2g} % of the photo is in it; the rest was cropped away"
    short = min(height, width)
    if short < preprocessing.resize:
        factor = preprocessing.resize / short
        text += f". The photo of {width:,} × {height:,} pixels was enlarged {factor:.2g} times, which adds no detail"
    return text
