"""The preprocessing of a picture equals torchvision's evaluation transforms."""

import json

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, Resize

from xnorlab.images import Preprocessing


@pytest.mark.parametrize(
    ("height", "width"), [(160, 213), (213, 160), (144, 144), (97, 333), (1, 1), (500, 375), (33, 131)]
)
@pytest.mark.parametrize(("resize", "crop"), [(144, 128), (256, 224), (32, 32), (145, 128)])
def test_crop_is_torchvisions(height: int, width: int, resize: int, crop: int):
    image = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = np.asarray(Compose([Resize(resize), CenterCrop(crop)])(Image.fromarray(image)))
    assert np.array_equal(Preprocessing(resize=resize, crop=crop).crop_image(image), expected)


@pytest.mark.parametrize("shape", [(1, 1_000_000, 3), (1_000_000, 1, 3), (2, 70_001, 3)])
def test_extreme_shapes_stay_small(shape: tuple[int, int, int]):
    image = np.full(shape, 7, np.uint8)
    assert np.array_equal(Preprocessing().crop_image(image), np.full((128, 128, 3), 7))


def test_values_are_exact_multiples_of_a_64th():
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    values = Preprocessing(resize=16, crop=16)([image])
    assert values.dtype == np.float32
    assert np.array_equal(values[0] * 64 + 128, image)


def test_list_of_any_sizes_and_array_agree():
    rng = np.random.default_rng(1)
    same = rng.integers(0, 256, (2, 150, 170, 3), dtype=np.uint8)
    preprocess = Preprocessing()
    assert np.array_equal(preprocess(same), preprocess([same[0], same[1]]))
    assert preprocess([same[0], same[1, :20, :30]]).shape == (2, 128, 128, 3)
    assert preprocess([]).shape == (0, 128, 128, 3)


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8)), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)]
)
def test_wrong_array_is_refused_with_its_shape_and_type(image: np.ndarray):
    with pytest.raises(ValueError, match=r"image of shape .* must be \(H, W, 3\) uint8"):
        Preprocessing().crop_image(image)


def test_single_picture_is_not_mistaken_for_a_batch():
    with pytest.raises(ValueError, match=r"must be \(N, H, W, 3\)"):
        Preprocessing()(np.zeros((8, 8, 3), np.uint8))


def test_round_trip_through_json():
    preprocess = Preprocessing(resize=40, crop=32, mean=(1.5, 2, 3), std=(4, 5, 6.25))
    assert Preprocessing.from_dict(json.loads(json.dumps(preprocess.to_dict()))) == preprocess


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resize": 10**9}, "resize=1000000000 must be an integer from 1 to 2048"),
        ({"resize": 100}, "crop=128 must not exceed resize=100"),
        ({"crop": True}, "crop=True must be an integer"),
        ({"crop": 12.0}, "crop=12.0 must be an integer"),
        ({"mean": [1, 2]}, "mean=.* must be three numbers"),
        ({"mean": "abc"}, "mean='abc' must be three numbers"),
        ({"mean": [1, 2, float("nan")]}, "mean=.* must be three numbers"),
        ({"std": [1, 0, 1]}, "std=.* must be three numbers from 0.001"),
        ({"std": None}, "std=None must be three numbers"),
        ({"extra": 1}, "must have exactly the fields"),
    ],
)
def test_impossible_fields_are_refused(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Preprocessing.from_dict(Preprocessing().to_dict() | change)
