"""A lesson is checked before anything is learnt: each rule that it breaks has its sentence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xnorlab.images.class_folders import DataError
from xnorlab.teach import Lesson, LessonError, folder, small_square


def test_a_lesson_holds_photos_class_by_class(coloured):
    lesson = Lesson.from_classes(coloured(4))
    assert lesson.labels == ("brick", "leaf", "sea")
    assert lesson.counts == {"brick": 4, "leaf": 4, "sea": 4}
    assert list(lesson.targets) == [0] * 4 + [1] * 4 + [2] * 4
    assert lesson.names[5] == "leaf-1.png"


def test_names_lose_spaces_and_get_one_unicode_form(coloured):
    photos = coloured(3)
    photos = {" Cafe\u0301 ": photos["brick"], "leaf": photos["leaf"]}
    assert Lesson.from_classes(photos).labels == ("Caf\u00e9", "leaf")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["brick"], "there is 1 class; the rule is 2 to 200"),
        ([], "there are 0 classes"),
        (["brick", "Brick "], "classes 'brick' and 'Brick' have one name"),
        (["brick", " "], "class name '' must be 1 to 60 printable characters"),
        (["brick", "x" * 61], "must be 1 to 60 printable"),
        (["brick", "a\nb"], r"class name 'a\\nb' must be"),
    ],
)
def test_names_that_break_a_rule_are_refused(coloured, names, message):
    photos = list(coloured(3).values())
    with pytest.raises(LessonError, match=message):
        Lesson.from_classes(dict(zip(names, photos, strict=False)))


def test_a_class_needs_three_different_photos(coloured):
    photos = coloured(3)
    photos["sea"].popitem()
    with pytest.raises(LessonError, match="class 'sea' has 2 different photos; the rule is 3 or more"):
        Lesson.from_classes(photos)
    photos["sea"]["twin.png"] = photos["sea"]["sea-0.png"].copy()
    with pytest.raises(LessonError, match="class 'sea' has 2 different photos"):
        Lesson.from_classes(photos)


def test_a_photo_counts_once_within_a_class_and_never_in_two(coloured):
    photos = coloured(3)
    photos["sea"]["twin.png"] = photos["sea"]["sea-0.png"].copy()
    lesson = Lesson.from_classes(photos)
    assert lesson.counts["sea"] == 3
    assert lesson.notes == ("twin.png is sea-0.png of 'sea' again and counts once",)
    photos["sea"]["stray.png"] = photos["leaf"]["leaf-2.png"]
    with pytest.raises(LessonError, match=r"class 'sea' has the photo stray\.png, which is leaf-2\.png of 'leaf'"):
        Lesson.from_classes(photos)


def test_a_small_square_is_the_middle_of_the_photo():
    wide = np.zeros((300, 900, 3), np.uint8)
    wide[:, 300:600] = 255
    square = small_square(wide, side=100)
    assert (square.shape, square.min()) == ((100, 100, 3), 255)
    assert small_square(wide[:90], side=100).shape == (90, 90, 3)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def class_folders(tmp_path, coloured) -> Path:
    for label, photos in coloured(3).items():
        for name, pixels in photos.items():
            write(tmp_path / "photos" / label / name, pixels)
    return tmp_path / "photos"


def test_a_folder_of_class_folders_is_read_at_any_depth_and_what_cannot_be_read_is_named(class_folders, coloured):
    write(class_folders / "sea" / "more" / "deep.png", coloured(1, seed=1)["sea"]["sea-0.png"])
    (class_folders / "sea" / "broken.jpg").write_bytes(b"no pixels")
    (class_folders / "sea" / "notes.txt").write_text("not meant as a photo")
    (class_folders / ".git").mkdir()
    lesson, unreadable = folder.read(class_folders)
    assert lesson.counts == {"brick": 3, "leaf": 3, "sea": 4}
    (sentence,) = unreadable
    assert "broken.jpg is not an image" in sentence


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda top: [(top / c).rename(top.parent / c) for c in ("leaf", "sea")], DataError, "has 1 class folders"),
        (lambda top: (top / "empty").mkdir(), DataError, r"class folder .*empty holds no image"),
        (lambda top: (top / "sea").rename(top / "Leaf"), LessonError, "'Leaf' and 'leaf' have one name"),
        (lambda top: (top / "sea" / "sea-0.png").write_bytes(b"-"), LessonError, "'sea' has 2 different photos"),
    ],
    ids=["one class", "empty class", "twin names", "too few can be read"],
)
def test_a_folder_that_breaks_a_rule_is_refused(class_folders, change, error, message):
    change(class_folders)
    with pytest.raises(error, match=message):
        folder.read(class_folders)


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere' is not a folder"):
        folder.read(tmp_path / "nowhere")
