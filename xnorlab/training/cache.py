"""Decoded pictures kept on disk: each file is opened, resized and cropped once, then memory-mapped.

Both training and evaluation pictures go through `xnorlab.images.Preprocessing.crop_image`, the code that the
packed runtime uses, so that an accuracy measured here is the accuracy of the shipped network.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from xnorlab.images import ImageError, Preprocessing, open_image
from xnorlab.training.folders import DataError, Split

FORMAT = 1
"""Part of every cache key: raised whenever the same picture would be decoded to other bytes."""


def default_cache_folder() -> Path:
    """$XNORLAB_CACHE, or xnorlab in $XDG_CACHE_HOME, or ~/.cache/xnorlab."""
    chosen = os.environ.get("XNORLAB_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xnorlab"


def squares(
    split: Split,
    preprocessing: Preprocessing,
    *,
    cache_folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """The pictures of `split` as `preprocessing.crop_image` makes them, uint8 (n, crop, crop, 3), memory-mapped.

    split: the pictures.
    preprocessing: gives the square; its mean and std are not applied.
    cache_folder: where the decoded file lies; None is `default_cache_folder()`.
    progress: called with (pictures decoded, pictures in all) while decoding; not called when they lie there.

    The file's name holds a hash of every picture's path, size and time of change and of the preprocessing:
    a changed picture is decoded again. Raises DataError naming the picture that cannot be read.
    """
    folder = default_cache_folder() if cache_folder is None else Path(cache_folder)
    side = preprocessing.crop
    path = folder / f"{split.origin.parent.name}-{split.origin.name}-{side}-{_key(split, preprocessing)}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _decode(split, preprocessing, path, progress)
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    if found.shape != (len(split), side, side, 3) or found.dtype != np.uint8:
        raise DataError(f"cache file {path} does not hold uint8 {(len(split), side, side, 3)}: delete it")
    return found


def _key(split: Split, preprocessing: Preprocessing) -> str:
    settings = preprocessing.to_dict()
    digest = hashlib.sha256(json.dumps([FORMAT, settings["resize"], settings["crop"]]).encode())
    for picture in split.pictures:
        if isinstance(picture, np.ndarray):
            digest.update(np.ascontiguousarray(picture).tobytes())
            continue
        try:
            status = picture.stat()
        except OSError as error:
            raise DataError(f"{picture}: {error.strerror}") from error
        digest.update(f"{picture}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _decode(
    split: Split, preprocessing: Preprocessing, path: Path, progress: Callable[[int, int], None] | None
) -> None:
    """Decode into a file of another name and rename it, so that no reader ever sees half a cache."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    os.close(handle)
    try:
        _fill(Path(partial), split, preprocessing, progress)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


def _fill(file: Path, split: Split, preprocessing: Preprocessing, progress: Callable[[int, int], None] | None) -> None:
    shape = (len(split), preprocessing.crop, preprocessing.crop, 3)
    array = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)

    def decode(index: int) -> None:
        array[index] = preprocessing.crop_image(_pixels(split.pictures[index]))

    # Scaling runs beside the decoding of the next picture, of which open_image allows one at a time.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(decode, range(len(split))), start=1):
            if progress is not None:
                progress(done, len(split))
    array.flush()


def _pixels(picture: Path | np.ndarray) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        return picture
    try:
        return open_image(picture)
    except (ImageError, OSError) as error:
        raise DataError(f"{picture} cannot be read as an image: {error}") from error
