"""The bits behind one integer sum of a binary layer."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xnorlab.runtime.map_positions import Pixel


@dataclass(frozen=True, eq=False)
class PixelSum:
    """A patch of a binary layer's input against one filter, and the number that the network makes of it.

    Attributes:
        filter: number of the filter.
        pixel: of the sum, in the layer's output.
        first_channel: the first channel of the input that the filter sees; 0 without groups.
        patch: int8 (kh, kw, C) of −1 and +1; 0 on a border of zeros, which counts as nothing.
        weights: the filter, int8 (kh, kw, C) of −1 and +1.
        rows: of the input under each row of the filter, (kh,); outside the map where that is the border.
        columns: of the input under each column of the filter, (kw,).
        scaled: the sum times α and K, plus the bias, float32, rounded as the network rounds it.
        own: the packed network's own value at this pixel, float32.
    """

    filter: int
    pixel: Pixel
    first_channel: int
    patch: np.ndarray
    weights: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    scaled: float
    own: float

    @cached_property
    def products(self) -> np.ndarray:
        """int8 (kh, kw, C): +1 where the bits agree, −1 where they differ, 0 on a border of zeros."""
        return self.patch * self.weights

    @property
    def agreements(self) -> int:
        """Pairs of equal bits."""
        return int((self.products > 0).sum())

    @property
    def disagreements(self) -> int:
        """Pairs of different bits."""
        return int((self.products < 0).sum())

    @property
    def outside(self) -> int:
        """Weights that lie over a border of zeros and count as nothing."""
        return int((self.products == 0).sum())

    @property
    def sum(self) -> int:
        """Agreements less disagreements."""
        return self.agreements - self.disagreements

    @property
    def agrees(self) -> bool:
        """Whether the packed network has exactly the value that follows from these bits."""
        return self.scaled == self.own
