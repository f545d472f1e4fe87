"""Recognition of the data set that a folder holds: its layout, classes, labels and splits.

Four layouts are recognised:

- any image folder: `DIR/train/<class>/*` with `DIR/val/<class>/*` (or `DIR/test/<class>/*`);
- a folder that holds just one such folder, e.g. torchvision's `ROOT/imagenette2-160`;
- Tiny ImageNet in its publisher's layout: `wnids.txt`, `words.txt`, `train/<wnid>/images`,
  `val/images` with `val/val_annotations.txt`;
- CIFAR-10 in its publisher's layout, `cifar-10-batches-py`: Python pickles, opened only by torchvision and
  only after it has compared them with the publisher's md5 sums.

A data set is recognised by its classes alone, whatever its folder is called. One that has exactly the classes of
Imagenette, Tiny ImageNet or CIFAR-10 is that data set, with its recipe. Any other has its folder's name (see
`own_name`).

Which files of a class folder are pictures says `images.class_folders`. Every other visible file is listed in
`Split.unused`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torchvision import datasets

from xnorlab.images.class_folders import DataError, class_folders, files_in, folders_in, nfc, pictures_of_class, visible
from xnorlab.printable import one_line
from xnorlab.training.dataset import DataFolder, Split
from xnorlab.training.known_datasets import CIFAR10_LABELS, DATASETS, known_dataset


def own_name(folder: Path) -> str:
    """Name of a data set that is not a known one: its folder's, on one printable line.

    A folder with the name of a known data set, such as `cifar10`, gives `cifar10-folder`. Its pictures are other ones,
    so it must neither get the recipe of that data set nor replace its networks.
    """
    name = one_line(nfc(folder.resolve().name))
    return f"{name}-folder" if name.lower() in DATASETS else name if name else "folder"


def open_folder(folder: str | Path) -> DataFolder:
    """Data set in a folder, whose layout is detected.

    Raises:
        DataError: the folder breaks a rule; the message says which.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"data={str(folder)!r} is not a folder")
    if (folder / "wnids.txt").is_file():
        return _tiny_imagenet(folder)
    if _is_cifar_pickle(folder):
        return _cifar10_pickle(folder.parent)
    if (folder / "train").is_dir():
        return _image_folder(folder)
    inner = folders_in(folder)
    if len(inner) == 1 and (_is_cifar_pickle(inner[0]) or (inner[0] / "train").is_dir()):
        return open_folder(inner[0])
    raise DataError(
        f"data={str(folder)!r} holds no data set: expected {folder.name}/train/<class> and "
        f"{folder.name}/val/<class>, Tiny ImageNet's wnids.txt, or cifar-10-batches-py"
    )


def find(dataset: str, folder: str | Path) -> DataFolder:
    """Data set of a name, in a folder that is itself the data set or holds it.

    Raises:
        DataError: neither the folder nor one of the folders in it is that data set.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"data={str(folder)!r} is not a folder")
    reasons = []
    for candidate in [folder, *folders_in(folder)]:
        try:
            data = open_folder(candidate)
        except DataError as error:
            reasons.append(str(error))
            continue
        if data.name == dataset:
            return data
        reasons.append(f"{candidate} holds {data.name!r}")
    raise DataError(f"data={str(folder)!r} does not hold the data set {dataset!r}: " + "; ".join(reasons[:6]))


def _split(split: Path, classes: Mapping[str, Path], labels: tuple[str, ...]) -> Split:
    """Split of the pictures in class folders, whose readable names are `labels`."""
    pictures: list[Path] = []
    unused = [path for path in sorted(split.iterdir()) if visible(path.name) and not path.is_dir()]
    counts = []
    for folder in classes.values():
        of_class, others = pictures_of_class(folder)
        pictures += of_class
        unused += others
        counts.append(len(of_class))
    return Split(pictures, np.repeat(np.arange(len(classes)), counts), split, labels, tuple(unused))


def _image_folder(folder: Path) -> DataFolder:
    held_out = next((folder / name for name in ("val", "test") if (folder / name).is_dir()), None)
    if held_out is None:
        raise DataError(f"{folder} has train/ but neither val/ nor test/")
    classes = class_folders(folder / "train")
    other = class_folders(held_out)
    if classes.keys() != other.keys():
        odd = sorted(classes.keys() ^ other.keys())
        raise DataError(
            f"{folder}: train/ and {held_out.name}/ must hold the same class folders; only one of them has "
            + ", ".join(repr(name) for name in odd[:5])
        )
    name = known_dataset(classes)
    labels = tuple(classes) if name is None else tuple(DATASETS[name][wnid] for wnid in classes)
    splits = (_split(folder / "train", classes, labels), _split(held_out, other, labels))
    return DataFolder(own_name(folder) if name is None else name, folder, labels, *splits)


def _tiny_imagenet(folder: Path) -> DataFolder:
    """Data set in Tiny ImageNet's layout; with other classes than its 200 it has its folder's name."""
    for needed in ("words.txt", "val/val_annotations.txt", "train", "val/images"):
        if not (folder / needed).exists():
            raise DataError(f"{folder} has wnids.txt of Tiny ImageNet but no {needed}")
    listed = sorted(nfc(name) for name in (folder / "wnids.txt").read_text(encoding="utf-8").split())
    classes = class_folders(folder / "train")
    if list(classes) != listed:
        odd = sorted(set(classes) ^ set(listed))
        raise DataError(f"{folder}: wnids.txt and the folders of train/ differ in {', '.join(odd[:5])}")
    words = dict(_first_two(folder / "words.txt", line) for line in _lines(folder / "words.txt"))
    missing = [wnid for wnid in classes if wnid not in words]
    if missing:
        raise DataError(f"{folder}/words.txt has no line for {missing[0]}")
    name = known_dataset(classes)
    readable = DATASETS["tiny-imagenet" if name is None else name]
    labels = tuple(readable.get(wnid) or words[wnid].split(",")[0] for wnid in classes)
    train = _split(folder / "train", classes, labels)
    # each class has a table of boxes around its objects, which are not reported as unused
    boxes = {path for path in train.unused if path.name.endswith("_boxes.txt")}
    train = replace(train, unused=tuple(path for path in train.unused if path not in boxes))
    val = _tiny_val(folder / "val", list(classes), labels)
    return DataFolder(own_name(folder) if name is None else name, folder, labels, train, val)


def _tiny_val(folder: Path, classes: Sequence[str], labels: tuple[str, ...]) -> Split:
    number = {wnid: i for i, wnid in enumerate(classes)}
    annotations = folder / "val_annotations.txt"
    rows = [_first_two(annotations, line) for line in _lines(annotations)]
    if not rows:
        raise DataError(f"{annotations} lists no picture")
    for name, _ in rows:
        if Path(name).name != name:
            raise DataError(f"{annotations}: {name!r} must be the name of a file in images/")
    unknown = [(name, wnid) for name, wnid in rows if wnid not in number]
    if unknown:
        raise DataError(f"{annotations}: {unknown[0][0]} has class {unknown[0][1]}, which train/ does not have")
    rows.sort(key=lambda row: (number[row[1]], row[0]))
    pictures = [folder / "images" / name for name, _ in rows]
    targets = np.array([number[wnid] for _, wnid in rows], dtype=np.int64)
    listed = set(pictures)
    unused = tuple(path for path in files_in(folder / "images") if path not in listed)
    return Split(pictures, targets, folder, labels, unused)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _first_two(path: Path, line: str) -> tuple[str, str]:
    fields = line.split("\t")
    if len(fields) < 2:
        raise DataError(f"{path}: {line[:60]!r} is not a table row with at least 2 tab-separated columns")
    return fields[0].strip(), fields[1].strip()


def _is_cifar_pickle(folder: Path) -> bool:
    return folder.name == "cifar-10-batches-py" and folder.is_dir() and not (folder / "train").is_dir()


def _cifar10_pickle(root: Path) -> DataFolder:
    splits = []
    for train in (True, False):
        try:
            pickles = datasets.CIFAR10(str(root), train=train, download=False)
        except RuntimeError as error:
            raise DataError(
                f"{root / 'cifar-10-batches-py'} does not match the publisher's md5 sums and is not opened"
            ) from error
        targets = np.asarray(pickles.targets, dtype=np.int64)
        splits.append(Split(list(pickles.data), targets, root / "cifar-10-batches-py", CIFAR10_LABELS))
    return DataFolder("cifar10", root / "cifar-10-batches-py", CIFAR10_LABELS, *splits)
