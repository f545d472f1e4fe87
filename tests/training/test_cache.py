"""Cache of decoded pictures: the same pixels from a file and without one, and never half of them."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xnorlab.cache_folder import default_cache_folder
from xnorlab.images import Preprocessing, formats, open_image
from xnorlab.images.class_folders import DataError
from xnorlab.training import cache
from xnorlab.training.cache import UnreadableError, prepare
from xnorlab.training.dataset import Split
from xnorlab.training.decoding import Squares
from xnorlab.training.folders import open_folder

SMALL = Preprocessing(resize=18, crop=16)


@pytest.fixture
def pictures(image_folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder that a test may change."""
    return shutil.copytree(image_folder, tmp_path / "insects")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The indices of all pictures that are decoded."""
    indices: list[int] = []
    decode = Squares.decode
    monkeypatch.setattr(Squares, "decode", lambda self, index: (indices.append(index), decode(self, index))[1])
    return indices


def squares(split: Split, preprocessing: Preprocessing = SMALL, **options) -> np.ndarray | Squares:
    (prepared,) = prepare((split, preprocessing), **options)
    return prepared.squares


def spoil(picture: object) -> None:
    assert isinstance(picture, Path)
    picture.write_bytes(picture.read_bytes()[:40])


def test_squares_are_what_the_runtime_would_crop(pictures: Path, tmp_path: Path):
    split = open_folder(pictures).val
    cropped = squares(split, cache_folder=tmp_path / "cache")
    assert cropped.shape == (24, 16, 16, 3)
    assert isinstance(cropped, np.memmap), "however many there are, they are not held in memory"
    for row, picture in zip(cropped, split.pictures, strict=True):
        np.testing.assert_array_equal(row, SMALL.crop_image(open_image(picture)))


def test_pictures_are_decoded_once_and_again_only_when_changed(pictures: Path, tmp_path: Path, decoded: list[int]):
    split, options = open_folder(pictures).val, {"cache_folder": tmp_path / "cache"}
    first = squares(split, **options)
    again = squares(split, **options)
    assert sorted(decoded) == list(range(24))
    np.testing.assert_array_equal(first, again)

    shutil.copy(split.pictures[9], split.pictures[0])  # pyright: ignore[reportCallIssue]
    os.utime(split.pictures[0], ns=(0, 0))
    changed = squares(split, **options)
    np.testing.assert_array_equal(changed[0], changed[9])
    assert len(decoded) == 48
    squares(split, Preprocessing(resize=16, crop=16), **options)
    assert len(decoded) == 72


def test_mean_and_std_do_not_decode_again(pictures: Path, tmp_path: Path):
    split = open_folder(pictures).val
    squares(split, cache_folder=tmp_path / "cache")
    squares(split, Preprocessing(18, 16, mean=(0.0, 0.0, 0.0)), cache_folder=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_arrays_serve_as_pictures(tmp_path: Path, kept: bool):
    arrays = list(np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8))
    options = {"cache_folder": tmp_path / "cache"} if kept else {"cache": False}
    cropped = squares(Split(arrays, np.zeros(5), tmp_path), Preprocessing(16, 16), **options)
    np.testing.assert_array_equal(cropped[:], arrays)


def test_all_unreadable_pictures_of_all_splits_are_named_at_once(pictures: Path, tmp_path: Path):
    data = open_folder(pictures)
    broken = [data.train.pictures[3], data.train.pictures[70], data.val.pictures[5]]
    for picture in broken:
        spoil(picture)
    broken.append(data.val.pictures[6])
    Path(broken[3]).unlink()
    for options in ({"cache_folder": tmp_path / "cache"}, {"cache": False}) * 2:
        with pytest.raises(UnreadableError, match=r"^4 of 96 pictures cannot be read; mend or remove them") as caught:
            prepare((data.train, SMALL), (data.val, SMALL), **options)
        notes = caught.value.__notes__
        assert [note.split(": ")[0] for note in notes] == [str(picture) for picture in broken]
        assert all(": it is " in note for note in notes[:3])
        assert notes[3].endswith("it does not exist.")


def test_of_very_many_unreadable_pictures_some_are_named(pictures: Path):
    split = open_folder(pictures).val
    for picture in split.pictures:
        spoil(picture)
    with pytest.raises(UnreadableError, match="24 of 24 pictures cannot be read") as caught:
        prepare((split, SMALL), cache=False)
    assert len(caught.value.__notes__) == 21
    assert caught.value.__notes__[-1] == "and 4 more"


def test_a_heic_photo_without_its_plugin_is_an_error_that_names_it(pictures: Path, tmp_path: Path, monkeypatch):
    (pictures / "val/bee/IMG_1.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(40))
    monkeypatch.setattr(formats, "heic_formats", tuple)
    with pytest.raises(UnreadableError) as caught:
        prepare((open_folder(pictures).val, SMALL), cache_folder=tmp_path / "cache")
    (note,) = caught.value.__notes__
    assert "IMG_1.HEIC" in note
    assert "pip install pillow-heif" in note


@pytest.mark.parametrize("kept", [True, False])
def test_unreadable_pictures_can_be_left_out(kept: bool, pictures: Path, tmp_path: Path, caplog, decoded: list[int]):
    whole = open_folder(pictures).val
    for index in (3, 20):
        spoil(whole.pictures[index])
    rest = whole.without((3, 20))
    options = {"cache_folder": tmp_path / "cache"} if kept else {"cache": False}
    for _ in range(2):
        caplog.clear()
        (prepared,) = prepare((whole, SMALL), skip_unreadable=True, **options)
        said = [message for message in caplog.messages if not message.startswith("no cache")]
        assert said[0] == "2 of 24 pictures cannot be read and are left out:"
        assert [line.split(": ")[0] for line in said[1:]] == [str(whole.pictures[3]), str(whole.pictures[20])]
        assert prepared.split.targets.tolist() == rest.targets.tolist()
        assert prepared.split.listing() == rest.listing()
        assert prepared.split.fingerprint() == rest.fingerprint()
        assert prepared.squares.shape == (22, 16, 16, 3)
        for row, picture in zip(prepared.squares[:], rest.pictures, strict=True):
            np.testing.assert_array_equal(row, SMALL.crop_image(open_image(picture)))
    if kept:
        assert sorted(decoded) == sorted([*range(24), 3, 20]), "the second time only what was unreadable is tried"


def test_what_has_become_readable_is_used(pictures: Path, tmp_path: Path, monkeypatch):
    split, options = open_folder(pictures).val, {"cache_folder": tmp_path / "cache", "skip_unreadable": True}
    decode = Squares.decode

    def without_a_plugin(self: Squares, index: int) -> np.ndarray:
        if index == 7:
            raise DataError("it needs a plugin")
        return decode(self, index)

    monkeypatch.setattr(Squares, "decode", without_a_plugin)
    assert len(squares(split, **options)) == 23
    monkeypatch.setattr(Squares, "decode", decode)
    cropped = squares(split, **options)
    assert len(cropped) == 24
    np.testing.assert_array_equal(cropped[:], squares(split, cache=False)[:])
    assert len(list((tmp_path / "cache").iterdir())) == 1, "nothing says any more that a picture is missing"


def test_a_class_of_which_nothing_can_be_read_is_an_error(pictures: Path, tmp_path: Path):
    split = open_folder(pictures).val
    for picture in split.pictures[8:16]:
        spoil(picture)
    with pytest.raises(DataError, match="no picture of the class 'bee' can be read"):
        prepare((split, SMALL), cache_folder=tmp_path / "cache", skip_unreadable=True)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"other"])
def test_a_cache_file_of_another_shape_is_refused(pictures: Path, tmp_path: Path, content: bytes):
    split = open_folder(pictures).val
    squares(split, cache_folder=tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    if content == b"other":
        np.save(file, np.zeros((2, 16, 16, 3), np.uint8))
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match="does not hold uint8"):
        squares(split, cache_folder=tmp_path / "cache")


def test_unused_files_are_one_line(pictures: Path, tmp_path: Path, caplog):
    for name in ("a.RAW", "b.raw", "c.txt", "d"):
        (pictures / "train/ant" / name).write_text("no picture")
    data = open_folder(pictures)
    prepare((data.train, SMALL), (data.val, SMALL), cache_folder=tmp_path / "cache")
    assert caplog.messages == [
        "4 files are not used, being of no format that is read here: .raw 2, .txt 1, no ending 1, such as "
        f"{pictures}/train/ant/a.RAW"
    ]


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fault", ["reserving", "writing", "read-only", "no folder"])
def test_a_cache_that_cannot_be_written_costs_only_time(
    fault: str, pictures: Path, tmp_path: Path, monkeypatch, caplog
):
    def fail(*_, **__):
        raise FULL

    folder = tmp_path / "cache"
    if fault == "reserving":
        monkeypatch.setattr(os, "posix_fallocate", fail)
    elif fault == "writing":
        monkeypatch.setattr(cache, "_write_header", fail)
    elif fault == "read-only":
        monkeypatch.setattr(Path, "mkdir", fail)
    else:
        folder.write_text("a file")
    split = open_folder(pictures).val
    cropped = squares(split, cache_folder=folder)
    assert isinstance(cropped, Squares)
    expected = np.stack([SMALL.crop_image(open_image(picture)) for picture in split.pictures])
    np.testing.assert_array_equal(cropped[:], expected)
    (message,) = caplog.messages
    assert message.startswith(f"no cache: each epoch decodes 24 pictures of {split.origin}, about ")
    assert message.partition(" s more; ")[2].startswith(f"the cache folder {folder} cannot be used: ")
    assert not folder.is_dir() or not list(folder.iterdir()), "no part of a file is left"


def test_without_a_cache_nothing_is_written(pictures: Path, tmp_path: Path, monkeypatch, caplog):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path / "cache"))
    assert isinstance(squares(open_folder(pictures).val, cache=False), Squares)
    assert not (tmp_path / "cache").exists()
    (message,) = caplog.messages
    assert message.endswith(" s more")
    with pytest.raises(ValueError, match="must be left out with cache=False"):
        squares(open_folder(pictures).val, cache=False, cache_folder=tmp_path)


# A limit on the size of a file stands for the end of a disk; without posix_fallocate writing reaches it in the middle.
LIMITED = """
import os, resource, sys
from pathlib import Path
import numpy as np
from xnorlab.images import Preprocessing
from xnorlab.training.cache import prepare
from xnorlab.training.dataset import Split

pictures = sorted(Path(sys.argv[1]).rglob("*.png"))
split = Split(pictures, np.zeros(len(pictures), int), Path(sys.argv[1]))
if sys.argv[3] == "late":
    del os.posix_fallocate
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
(prepared,) = prepare((split, Preprocessing(18, 16)), cache_folder=sys.argv[2])
print(type(prepared.squares).__name__, int(prepared.squares[:].sum(dtype="int64")))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit a file's size")
@pytest.mark.parametrize("when", ["early", "late"])
def test_a_full_disk_ends_no_process(when: str, pictures: Path, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, pictures / "val", tmp_path / "cache", when],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    total = squares(open_folder(pictures).val, cache_folder=tmp_path / "other")[:].sum(dtype="int64")
    assert done.stdout.split() == ["Squares", str(total)]
    assert "File too large" in done.stderr
    assert not list((tmp_path / "cache").iterdir())


def test_the_space_is_reserved_before_anything_is_decoded(pictures: Path, tmp_path: Path, monkeypatch):
    order = []
    monkeypatch.setattr(cache, "_reserve", lambda file, size: order.append(size))
    decode = Squares.decode
    monkeypatch.setattr(Squares, "decode", lambda self, index: (order.append("decoded"), decode(self, index))[1])
    squares(open_folder(pictures).val, cache_folder=tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    assert order == [file.stat().st_size, *["decoded"] * 24]


def test_a_file_system_that_cannot_reserve_is_written_plainly(pictures: Path, tmp_path: Path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert isinstance(squares(open_folder(pictures).val, cache_folder=tmp_path / "cache"), np.memmap)
    assert caplog.messages == []


def test_a_long_folder_name_fits_into_the_files(image_folder: Path, tmp_path: Path, caplog):
    root = shutil.copytree(image_folder, tmp_path / ("x" * 250))
    assert isinstance(squares(open_folder(root).val, cache_folder=tmp_path / "cache"), np.memmap)
    assert caplog.messages == []


def test_the_cache_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path))
    assert default_cache_folder() == tmp_path
    monkeypatch.delenv("XNORLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "xnorlab"
