import shutil
from pathlib import Path

import numpy as np
import pytest
from picture_files import write_pictures

from xnorlab.training.folders import DataError, find, open_folder
from xnorlab.training.labels import CIFAR10_LABELS, IMAGENETTE_LABELS, TINY_IMAGENET_LABELS


@pytest.fixture
def tiny_imagenet(tmp_path: Path) -> Path:
    """Tiny ImageNet's layout with two of its classes; the publisher lists them out of order."""
    root = tmp_path / "tiny-imagenet-200"
    for channel, wnid in enumerate(["n01443537", "n02124075"]):
        write_pictures(root / "train" / wnid / "images", 3, channel)
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("0.png\t0\t0\t9\t9\n")
    write_pictures(root / "val/images", 4, 0)
    rows = ["00.png\tn02124075\t0\t0\t1\t1", "01.png\tn01443537\t0\t0\t1\t1", "02.png\tn02124075\t0\t0\t1\t1"]
    (root / "val/val_annotations.txt").write_text("\n".join(rows) + "\n")
    (root / "wnids.txt").write_text("n02124075\nn01443537\n")
    words = ["n00001740\tentity", "n01443537\tgoldfish, Carassius auratus", "n02124075\tEgyptian cat"]
    (root / "words.txt").write_text("\n".join(words) + "\n")
    return root


def test_any_image_folder_has_its_classes_in_sorted_order(image_folder: Path):
    found = open_folder(image_folder)
    assert (found.name, found.labels) == ("insects", ("ant", "bee", "cat"))
    assert (len(found.train), len(found.val)) == (72, 24)
    assert all(
        path.parent.name == found.labels[target]
        for path, target in zip(found.train.pictures, found.train.targets, strict=True)
    )


def test_imagenette_gets_readable_labels_also_inside_torchvisions_root(tmp_path: Path):
    for channel, wnid in enumerate(IMAGENETTE_LABELS):
        for split in ("train", "val"):
            write_pictures(tmp_path / "imagenette2-160" / split / wnid, 1, channel)
    found = open_folder(tmp_path)
    assert found.name == "imagenette"
    assert found.labels[0] == "tench"
    assert found.labels[-1] == "parachute"


def test_cifar10_as_image_folders_is_evaluated_on_its_test_part(tmp_path: Path):
    for channel, name in enumerate(CIFAR10_LABELS):
        write_pictures(tmp_path / "train" / name, 2, channel)
        write_pictures(tmp_path / "test" / name, 1, channel)
    found = open_folder(tmp_path)
    assert (found.name, found.labels, len(found.val)) == ("cifar10", CIFAR10_LABELS, 10)


def test_tiny_imagenet_reads_classes_from_its_tables(tiny_imagenet: Path):
    found = open_folder(tiny_imagenet)
    assert (found.name, found.labels) == ("tiny-imagenet", ("goldfish", "Egyptian cat"))
    assert len(found.train) == 6
    assert [path.name for path in found.val.pictures] == ["01.png", "00.png", "02.png"]
    assert found.val.targets.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("words.txt", "n01443537\tgoldfish\n", "words.txt has no line for n02124075"),
        ("wnids.txt", "n01443537\n", "wnids.txt and the folders of train/ differ in n02124075"),
        ("val/val_annotations.txt", "00.png n01443537\n", "'00.png n01443537' is not a table row"),
        ("val/val_annotations.txt", "00.png\tn1\n", "00.png has class n1, which train/ does not have"),
    ],
)
def test_damaged_tables_of_tiny_imagenet_are_named(tiny_imagenet: Path, file: str, content: str, message: str):
    (tiny_imagenet / file).write_text(content)
    with pytest.raises(DataError, match=message):
        open_folder(tiny_imagenet)


def test_every_class_of_tiny_imagenet_has_one_short_name():
    names = list(TINY_IMAGENET_LABELS.values())
    assert len(names) == len({name.lower() for name in names}) == 200
    assert all("," not in name and len(name) <= 24 for name in names)
    assert TINY_IMAGENET_LABELS["n02814860"] == "lighthouse"


def test_tiny_imagenet_without_its_tables_is_refused(tiny_imagenet: Path):
    (tiny_imagenet / "words.txt").unlink()
    with pytest.raises(DataError, match=r"no words\.txt"):
        open_folder(tiny_imagenet)


def test_cifar10_pickles_are_not_opened_unless_torchvision_vouches_for_them(tmp_path: Path):
    batches = tmp_path / "cifar-10-batches-py"
    batches.mkdir()
    (batches / "data_batch_1").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    for folder in (tmp_path, batches):
        with pytest.raises(DataError, match="does not match the publisher's md5 sums and is not opened"):
            open_folder(folder)


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="nowhere' is not a folder"):
        open_folder(tmp_path / "nowhere")


def test_a_folder_without_a_data_set_is_told_what_to_hold(tmp_path: Path):
    with pytest.raises(DataError, match=f"expected {tmp_path.name}/train/<class> and"):
        open_folder(tmp_path)


def test_a_class_without_pictures_is_named(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    for picture in (root / "val/bee").iterdir():
        picture.rename(picture.with_suffix(".txt"))
    with pytest.raises(DataError, match=r"class folder .*val/bee holds no image"):
        open_folder(root)


def test_classes_that_only_one_split_has_are_named(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    (root / "val/cat").rename(root / "val/dog")
    with pytest.raises(DataError, match="only one of them has 'cat', 'dog'"):
        open_folder(root)


def test_training_pictures_alone_are_not_enough(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    shutil.rmtree(root / "val")
    with pytest.raises(DataError, match="has train/ but neither val/ nor test/"):
        open_folder(root)


def test_one_class_is_nothing_to_learn(tmp_path: Path):
    write_pictures(tmp_path / "train/only", 1, 0)
    write_pictures(tmp_path / "val/only", 1, 0)
    with pytest.raises(DataError, match="has 1 class folders; at least 2 are needed"):
        open_folder(tmp_path)


def test_a_data_set_is_found_by_name_among_its_neighbours(image_folder: Path, tiny_imagenet: Path):
    shutil.copytree(image_folder, tiny_imagenet.parent / "insects")
    assert find("insects", tiny_imagenet.parent).labels == ("ant", "bee", "cat")
    assert find("tiny-imagenet", tiny_imagenet).folder == tiny_imagenet
    with pytest.raises(DataError, match="does not hold the data set 'imagenette'"):
        find("imagenette", tiny_imagenet.parent)


def test_fingerprint_follows_contents_not_places(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "elsewhere")
    here, there = open_folder(image_folder), open_folder(root)
    assert here.val.fingerprint() == there.val.fingerprint()
    picture = there.val.pictures[3]
    assert not isinstance(picture, np.ndarray)
    picture.write_bytes(picture.read_bytes() + b"\0")
    assert here.val.fingerprint() != there.val.fingerprint()
