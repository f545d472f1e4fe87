"""What a folder of pictures holds: its data set, classes, labels and splits, found by looking at it.

Four layouts are known:

- any image folder: `DIR/train/<class>/*` with `DIR/val/<class>/*` (or `DIR/test/<class>/*`); Imagenette as
  torchvision unpacks it and the JPEG copy of CIFAR-10 are recognised by their classes;
- a folder that holds just one such folder, e.g. torchvision's `ROOT/imagenette2-160`;
- Tiny ImageNet in its publisher's layout: `wnids.txt`, `words.txt`, `train/<wnid>/images`,
  `val/images` with `val/val_annotations.txt`;
- CIFAR-10 in its publisher's layout, `cifar-10-batches-py`: Python pickles, opened only by torchvision and
  only after it has compared them with the publisher's md5 sums.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torchvision import datasets

from xnorlab.training.labels import CIFAR10_LABELS, IMAGENETTE_LABELS, TINY_IMAGENET_LABELS

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"})


class DataError(ValueError):
    """A data folder that cannot be used; the message names the file or folder and the rule it breaks."""


@dataclass(frozen=True)
class Split:
    """Pictures (paths, or uint8 (H, W, 3) arrays) with their class numbers, int64 (n,)."""

    pictures: Sequence[Path | np.ndarray]
    targets: np.ndarray
    origin: Path

    def __len__(self) -> int:
        return len(self.pictures)

    def fingerprint(self) -> str:
        """sha256 over every picture's bytes and class, in order: equal for equal pictures, wherever they lie."""
        digest = hashlib.sha256()
        for picture, target in zip(self.pictures, self.targets, strict=True):
            content = picture.tobytes() if isinstance(picture, np.ndarray) else picture.read_bytes()
            digest.update(f"{target} {len(content)}\n".encode() + content)
        return digest.hexdigest()

    def listing(self) -> str:
        """sha256 over every picture's class, name in the split's folder and size: equal for equal-looking pictures."""
        digest = hashlib.sha256()
        for i, (picture, target) in enumerate(zip(self.pictures, self.targets, strict=True)):
            if isinstance(picture, np.ndarray):
                name, size = str(i), picture.nbytes
            else:
                name, size = picture.relative_to(self.origin).as_posix(), picture.stat().st_size
            digest.update(f"{target}\0{name}\0{size}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()


@dataclass(frozen=True)
class DataFolder:
    """A data set on disk. `labels[i]` is the readable name of class i; classes are in sorted folder order."""

    name: str
    folder: Path
    labels: tuple[str, ...]
    train: Split
    val: Split


def open_folder(folder: str | Path) -> DataFolder:
    """The data set in `folder`, its layout detected. Raises DataError where the folder breaks a rule."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"data={str(folder)!r} is not a folder")
    if (folder / "wnids.txt").is_file():
        return _tiny_imagenet(folder)
    if _is_cifar_pickle(folder):
        return _cifar10_pickle(folder.parent)
    if (folder / "train").is_dir():
        return _image_folder(folder)
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    if len(inner) == 1 and (_is_cifar_pickle(inner[0]) or (inner[0] / "train").is_dir()):
        return open_folder(inner[0])
    raise DataError(
        f"data={str(folder)!r} holds no data set: expected {folder.name}/train/<class> and "
        f"{folder.name}/val/<class>, Tiny ImageNet's wnids.txt, or cifar-10-batches-py"
    )


def find(dataset: str, folder: str | Path) -> DataFolder:
    """The data set named `dataset`, which is `folder` itself or one of the folders in it."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"data={str(folder)!r} is not a folder")
    seen = []
    for candidate in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]:
        try:
            found = open_folder(candidate)
        except DataError as error:
            seen.append(str(error))
            continue
        if found.name == dataset:
            return found
        seen.append(f"{candidate} holds {found.name!r}")
    raise DataError(f"data={str(folder)!r} does not hold the data set {dataset!r}: " + "; ".join(seen[:6]))


def _class_folders(split: Path) -> list[str]:
    names = sorted(path.name for path in split.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(names) < 2:
        raise DataError(f"{split} has {len(names)} class folders; at least 2 are needed")
    return names


def _images_in(folder: Path) -> list[Path]:
    found = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise DataError(f"class folder {folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return found


def _split(split: Path, classes: Sequence[str]) -> Split:
    pictures: list[Path] = []
    counts = []
    for name in classes:
        found = _images_in(split / name)
        pictures += found
        counts.append(len(found))
    return Split(pictures, np.repeat(np.arange(len(classes)), counts), split)


def _image_folder(folder: Path) -> DataFolder:
    held_out = next((folder / name for name in ("val", "test") if (folder / name).is_dir()), None)
    if held_out is None:
        raise DataError(f"{folder} has train/ but neither val/ nor test/")
    classes = _class_folders(folder / "train")
    other = _class_folders(held_out)
    if classes != other:
        odd = sorted(set(classes) ^ set(other))
        raise DataError(
            f"{folder}: train/ and {held_out.name}/ must hold the same class folders; only one of them has "
            + ", ".join(repr(name) for name in odd[:5])
        )
    if set(classes) == set(IMAGENETTE_LABELS):
        name, labels = "imagenette", tuple(IMAGENETTE_LABELS[wnid] for wnid in classes)
    elif tuple(classes) == CIFAR10_LABELS:
        name, labels = "cifar10", CIFAR10_LABELS
    else:
        name, labels = folder.resolve().name, tuple(classes)
    return DataFolder(name, folder, labels, _split(folder / "train", classes), _split(held_out, classes))


def _tiny_imagenet(folder: Path) -> DataFolder:
    for needed in ("words.txt", "val/val_annotations.txt", "train", "val/images"):
        if not (folder / needed).exists():
            raise DataError(f"{folder} has wnids.txt of Tiny ImageNet but no {needed}")
    listed = sorted((folder / "wnids.txt").read_text(encoding="utf-8").split())
    classes = _class_folders(folder / "train")
    if classes != listed:
        odd = sorted(set(classes) ^ set(listed))
        raise DataError(f"{folder}: wnids.txt and the folders of train/ differ in {', '.join(odd[:5])}")
    words = dict(_first_two(folder / "words.txt", line) for line in _lines(folder / "words.txt"))
    missing = [wnid for wnid in classes if wnid not in words]
    if missing:
        raise DataError(f"{folder}/words.txt has no line for {missing[0]}")
    number = {wnid: i for i, wnid in enumerate(classes)}
    annotations = folder / "val/val_annotations.txt"
    rows = [_first_two(annotations, line) for line in _lines(annotations)]
    unknown = [(name, wnid) for name, wnid in rows if wnid not in number]
    if unknown:
        raise DataError(f"{annotations}: {unknown[0][0]} has class {unknown[0][1]}, which train/ does not have")
    rows.sort(key=lambda row: (number[row[1]], row[0]))
    val = Split(
        [folder / "val/images" / name for name, _ in rows],
        np.array([number[wnid] for _, wnid in rows], dtype=np.int64),
        folder / "val",
    )
    labels = tuple(TINY_IMAGENET_LABELS.get(wnid) or words[wnid].split(",")[0] for wnid in classes)
    return DataFolder("tiny-imagenet", folder, labels, _split(folder / "train", classes), val)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _first_two(path: Path, line: str) -> tuple[str, str]:
    fields = line.split("\t")
    if len(fields) < 2:
        raise DataError(f"{path}: {line[:60]!r} is not a table row with at least 2 tab-separated columns")
    return fields[0].strip(), fields[1].strip()


def _is_cifar_pickle(folder: Path) -> bool:
    return folder.name == "cifar-10-batches-py" and folder.is_dir()


def _cifar10_pickle(root: Path) -> DataFolder:
    splits = []
    for train in (True, False):
        try:
            found = datasets.CIFAR10(str(root), train=train, download=False)
        except RuntimeError as error:
            raise DataError(
                f"{root / 'cifar-10-batches-py'} does not match the publisher's md5 sums and is not opened"
            ) from error
        targets = np.asarray(found.targets, dtype=np.int64)
        splits.append(Split(list(found.data), targets, root / "cifar-10-batches-py"))
    return DataFolder("cifar10", root / "cifar-10-batches-py", CIFAR10_LABELS, *splits)
