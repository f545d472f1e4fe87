"""Pictures within a page's HTML: pixel for pixel, and small where they have few colours."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

TONES = np.array([[11, 99, 189], [199, 80, 0], [246, 246, 247], [0, 0, 0], [255, 255, 255]], np.uint8)


@pytest.mark.parametrize("colours", [1, 2, 3, 4, 5])
def test_a_picture_is_kept_pixel_for_pixel(colours, app_modules):
    from shared import image_address

    pixels = TONES[np.random.default_rng(colours).integers(0, colours, (37, 53))]
    address = image_address.png(pixels)
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), pixels)
    plain = io.BytesIO()
    Image.fromarray(pixels).save(plain, "png")
    if 2 <= colours <= 4:
        assert len(data) < 0.75 * plain.tell()


def test_a_picture_with_opacity_keeps_it(app_modules):
    from shared import image_address

    pixels = np.zeros((4, 5, 4), np.uint8)
    pixels[0] = 255
    data = base64.b64decode(image_address.png(pixels).partition(",")[2])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
