import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from xnorlab.images import Preprocessing, open_image
from xnorlab.training.cache import default_cache_folder, squares
from xnorlab.training.folders import DataError, Split, open_folder


@pytest.fixture
def pictures(image_folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder that a test may change."""
    return shutil.copytree(image_folder, tmp_path / "insects")


def test_squares_are_what_the_runtime_would_crop(pictures: Path, tmp_path: Path):
    split, preprocessing = open_folder(pictures).val, Preprocessing(resize=18, crop=16)
    found = squares(split, preprocessing, cache_folder=tmp_path / "cache")
    assert found.shape == (24, 16, 16, 3)
    for row, picture in zip(found, split.pictures, strict=True):
        np.testing.assert_array_equal(row, preprocessing.crop_image(open_image(picture)))


def test_pictures_are_decoded_once_and_again_only_when_changed(pictures: Path, tmp_path: Path):
    steps: list[int] = []
    options = {"cache_folder": tmp_path / "cache", "progress": lambda done, total: steps.append(total)}
    split, preprocessing = open_folder(pictures).val, Preprocessing(resize=18, crop=16)
    first = squares(split, preprocessing, **options)
    again = squares(split, preprocessing, **options)
    assert len(steps) == 24
    np.testing.assert_array_equal(first, again)

    shutil.copy(split.pictures[9], split.pictures[0])
    os.utime(split.pictures[0], ns=(0, 0))
    changed = squares(split, preprocessing, **options)
    np.testing.assert_array_equal(changed[0], changed[9])
    assert len(steps) == 48
    squares(split, Preprocessing(resize=16, crop=16), **options)
    assert len(steps) == 72


def test_mean_and_std_do_not_decode_again(pictures: Path, tmp_path: Path):
    split = open_folder(pictures).val
    squares(split, Preprocessing(18, 16), cache_folder=tmp_path / "cache")
    squares(split, Preprocessing(18, 16, mean=(0.0, 0.0, 0.0)), cache_folder=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_arrays_serve_as_pictures(tmp_path: Path):
    arrays = list(np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8))
    found = squares(Split(arrays, np.zeros(5), tmp_path), Preprocessing(16, 16), cache_folder=tmp_path / "cache")
    np.testing.assert_array_equal(found, arrays)


def test_an_unreadable_picture_is_named_and_leaves_no_cache(pictures: Path, tmp_path: Path):
    broken = open_folder(pictures).val.pictures[5]
    assert isinstance(broken, Path)
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(DataError, match=f"{broken.name} cannot be read as an image"):
        squares(open_folder(pictures).val, Preprocessing(18, 16), cache_folder=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_picture_that_vanished_is_named(pictures: Path, tmp_path: Path):
    split = open_folder(pictures).val
    Path(split.pictures[5]).unlink()
    with pytest.raises(DataError, match=r"05\.png: No such file"):
        squares(split, Preprocessing(18, 16), cache_folder=tmp_path / "cache")


def test_a_cache_file_of_another_shape_is_refused(pictures: Path, tmp_path: Path):
    split = open_folder(pictures).val
    squares(split, Preprocessing(18, 16), cache_folder=tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    np.save(file, np.zeros((2, 16, 16, 3), np.uint8))
    with pytest.raises(DataError, match="does not hold uint8"):
        squares(split, Preprocessing(18, 16), cache_folder=tmp_path / "cache")


def test_the_cache_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path))
    assert default_cache_folder() == tmp_path
    monkeypatch.delenv("XNORLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "xnorlab"
