"""Photos of made-up classes that a network without training tells apart: each class is one colour with noise."""

from collections.abc import Callable

import numpy as np
import pytest

COLOURS = {"brick": (200, 60, 40), "leaf": (60, 170, 60), "sea": (40, 80, 200)}


@pytest.fixture
def coloured() -> Callable[..., dict[str, dict[str, np.ndarray]]]:
    """coloured(8) → 8 photos each of the three COLOURS, as `Lesson.from_classes` takes them."""

    def photos(count: int, seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
        rng = np.random.default_rng(seed)
        return {
            label: {
                f"{label}-{i}.png": np.clip(rng.normal(colour, 30, (80, 90, 3)), 0, 255).astype(np.uint8)
                for i in range(count)
            }
            for label, colour in COLOURS.items()
        }

    return photos
