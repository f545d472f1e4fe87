"""Profiles: sRGB costs nothing, many threads share a transform, and a Pillow without littlecms only leaves a note."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import icc_profiles as icc
import numpy as np
import odd_pictures as odd
import pytest
from PIL import Image

from xnorlab.images import colour_profiles, open_image
from xnorlab.images.colour_profiles import NOTHING, conversion


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_srgb_asks_for_nothing(mode: str):
    assert conversion(odd.srgb(), mode) is NOTHING


def test_srgb_by_another_name_asks_for_nothing():
    of_srgb = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
    assert conversion(icc.rgb("c2", of_srgb), "RGB").note == "colours converted from c2", "gamma 2.2 is not"
    assert conversion(odd.srgb().replace(b"s\0R\0G\0B", b"c\0a\0m\0e"), "RGB") is NOTHING


def test_large_picture_is_converted_as_a_small_one_is():
    """The conversion happens on the shrunk picture, block by block."""
    large = np.ascontiguousarray(odd.PHOTO.repeat(80, axis=0).repeat(80, axis=1))
    result = open_image(odd.saved(large, icc_profile=odd.p3(), compress_level=1))
    small = open_image(odd.saved(odd.PHOTO, icc_profile=odd.p3()))
    assert result.shape == (512, 768, 3)
    assert np.array_equal(result[8::16, 8::16], small)


def test_many_threads_convert_alike():
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    pictures = [
        odd.saved(noise, icc_profile=odd.p3()),
        odd.saved(noise, icc_profile=icc.rgb("Adobe RGB (1998)", icc.ADOBE)),
        odd.saved(Image.fromarray(noise).convert("CMYK"), "TIFF", icc_profile=icc.inks("Dull Press")),
    ] * 30
    expected = [open_image(picture) for picture in pictures[:3]]
    colour_profiles._conversion.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        for index, result in enumerate(pool.map(open_image, pictures)):
            assert np.array_equal(result, expected[index % 3])


WITHOUT_LITTLECMS = """
import sys
sys.modules["PIL._imagingcms"] = None
from xnorlab.images import read_image
for path in sys.argv[1:]:
    print(read_image(path).notes)
"""


def test_without_littlecms_the_profile_is_ignored_with_a_note(tmp_path):
    for name, profile in (("p3", odd.p3()), ("srgb", odd.srgb())):
        (tmp_path / f"{name}.png").write_bytes(odd.saved(odd.PHOTO, icc_profile=profile))
    command = [sys.executable, "-W", "error", "-c", WITHOUT_LITTLECMS, tmp_path / "p3.png", tmp_path / "srgb.png"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["('colour profile ignored: this Pillow is built without littlecms',)", "()"]
