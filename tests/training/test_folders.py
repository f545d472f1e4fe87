"""Recognition of a data set by its folder: layouts, classes, labels, and what counts as a picture."""

import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from picture_files import write_pictures

from xnorlab.images import SUFFIXES
from xnorlab.images.class_folders import DataError
from xnorlab.training.card import DATASETS as CARD_DATASETS
from xnorlab.training.dataset import DataFolder
from xnorlab.training.folders import find, open_folder
from xnorlab.training.known_datasets import CIFAR10_LABELS, DATASETS, IMAGENETTE_LABELS, TINY_IMAGENET_LABELS
from xnorlab.zoo.recipe import DATASET_DEFAULTS, MODEL_OPTIONS


@pytest.fixture
def tiny_imagenet(tmp_path: Path) -> Path:
    """Tiny ImageNet's layout, of two of its classes; the publisher lists them out of order."""
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


def unused_files(data: DataFolder) -> tuple[Path, ...]:
    """Files in the folders of both splits that are none of their pictures."""
    return data.train.unused + data.val.unused


def test_any_image_folder_has_its_classes_in_sorted_order(image_folder: Path):
    data = open_folder(image_folder)
    assert (data.name, data.labels) == ("insects", ("ant", "bee", "cat"))
    assert (len(data.train), len(data.val)) == (72, 24)
    assert all(
        path.parent.name == data.labels[target]
        for path, target in zip(data.train.pictures, data.train.targets, strict=True)
    )


def test_imagenette_gets_readable_labels_also_inside_torchvisions_root(tmp_path: Path):
    for channel, wnid in enumerate(IMAGENETTE_LABELS):
        for split in ("train", "val"):
            write_pictures(tmp_path / "imagenette2-160" / split / wnid, 1, channel)
    data = open_folder(tmp_path)
    assert data.name == "imagenette"
    assert data.labels[0] == "tench"
    assert data.labels[-1] == "parachute"


@pytest.mark.parametrize("name", list(DATASETS))
def test_a_known_data_set_is_known_by_its_classes_whatever_its_folder_is_called(name: str, tmp_path: Path):
    root = tmp_path / "downloads"
    write_pictures(tmp_path / "one", 1, 0)
    for split in ("train", "val"):
        for folder in DATASETS[name]:
            (root / split / folder).mkdir(parents=True)
            os.link(tmp_path / "one/00.png", root / split / folder / "0.png")
    data = open_folder(root)
    assert (data.name, sorted(data.labels)) == (name, sorted(DATASETS[name].values()))
    for split in ("train", "val"):
        shutil.rmtree(root / split / next(iter(DATASETS[name])))
    assert open_folder(root).name == "downloads", "one class less, and it is another data set"


@pytest.mark.parametrize("name", [*DATASETS, "CIFAR10"])
def test_a_folder_that_is_only_called_as_a_known_data_set_gets_another_name(
    name: str, image_folder: Path, tiny_imagenet: Path
):
    for root in (image_folder, tiny_imagenet):
        copy = shutil.copytree(root, tiny_imagenet.parent / f"of-{root.name}" / name)
        data = open_folder(copy)
        assert data.name == f"{name}-folder"
        assert (find(f"{name}-folder", copy.parent).labels) == data.labels
        with pytest.raises(DataError, match="does not hold the data set"):
            find(name, copy.parent)


def test_every_data_set_with_settings_of_its_own_is_known_by_its_classes():
    tuned = {*DATASET_DEFAULTS, *(name for _, name in MODEL_OPTIONS if name), *CARD_DATASETS}
    assert tuned - {"imagenet"} == set(DATASETS)  # whose thousand classes are not listed here


def test_a_folder_with_a_broken_name_gives_a_printable_one(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "my\nphotos\x1b[2J")
    assert open_folder(root).name == "my\\nphotos\\x1b[2J"


def test_cifar10_as_image_folders_is_evaluated_on_its_test_part(tmp_path: Path):
    for channel, name in enumerate(CIFAR10_LABELS):
        write_pictures(tmp_path / "train" / name, 2, channel)
        write_pictures(tmp_path / "test" / name, 1, channel)
    data = open_folder(tmp_path)
    assert (data.name, data.labels, len(data.val)) == ("cifar10", CIFAR10_LABELS, 10)


def test_tiny_imagenet_reads_classes_from_its_tables(tiny_imagenet: Path):
    data = open_folder(tiny_imagenet)
    assert (data.name, data.labels) == ("tiny-imagenet-200", ("goldfish", "Egyptian cat")), "two classes are not it"
    assert len(data.train) == 6
    assert [path.name for path in data.val.pictures] == ["01.png", "00.png", "02.png"]
    assert data.val.targets.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("words.txt", "n01443537\tgoldfish\n", "words.txt has no line for n02124075"),
        ("wnids.txt", "n01443537\n", "wnids.txt and the folders of train/ differ in n02124075"),
        ("val/val_annotations.txt", "00.png n01443537\n", "'00.png n01443537' is not a table row"),
        ("val/val_annotations.txt", "00.png\tn1\n", "00.png has class n1, which train/ does not have"),
        ("val/val_annotations.txt", "../../00.png\tn1\n", "'../../00.png' must be the name of a file in images/"),
        ("val/val_annotations.txt", "", "lists no picture"),
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


def test_a_folder_of_ones_own_may_be_called_as_cifar10s_batches(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "cifar-10-batches-py")
    assert open_folder(root).labels == open_folder(tmp_path).labels == ("ant", "bee", "cat")


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


def test_a_data_set_is_opened_by_name_among_its_neighbours(image_folder: Path, tiny_imagenet: Path):
    shutil.copytree(image_folder, tiny_imagenet.parent / "insects")
    assert find("insects", tiny_imagenet.parent).labels == ("ant", "bee", "cat")
    assert find("tiny-imagenet-200", tiny_imagenet).folder == tiny_imagenet
    with pytest.raises(DataError, match="does not hold the data set 'imagenette'"):
        find("imagenette", tiny_imagenet.parent)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES | {".JPG", ".Heic"}))
def test_every_format_that_is_read_is_trained_on(suffix: str, image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    (root / "train/bee/00.png").rename(root / f"train/bee/00{suffix}")
    data = open_folder(root)
    assert len(data.train) == 72
    assert unused_files(data) == ()


def test_every_file_that_is_not_used_is_listed(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    (root / "train/bee/more").mkdir()
    odd = [root / "train/notes.csv", root / "train/bee/00.raw", root / "train/bee/more/IMG", root / "val/cat/a.txt"]
    for path in odd:
        path.write_text("no picture")
    (root / "elsewhere").mkdir()
    shutil.copy(root / "val/cat/00.png", root / "elsewhere")
    (root / "val/bee/linked").symlink_to(root / "elsewhere", target_is_directory=True)
    data = open_folder(root)
    assert sorted(unused_files(data)) == sorted([*odd, root / "val/bee/linked"])
    assert (len(data.train), len(data.val)) == (72, 24)


def test_tiny_imagenets_boxes_are_not_listed_as_unused_but_other_files_are(tiny_imagenet: Path):
    data = open_folder(tiny_imagenet)
    assert unused_files(data) == (tiny_imagenet / "val/images/03.png",), "it has no annotation"


@pytest.mark.parametrize(
    "place",
    [
        ".ipynb_checkpoints/00.png",
        ".git/00.png",
        "__MACOSX/00.png",
        "__MACOSX/more/00.png",
        "more/.cache/00.png",
        "._00.png",
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "@eaDir/00.png/SYNOPHOTO_THUMB.jpg",
    ],
)
def test_hidden_files_are_neither_trained_on_nor_listed_as_unused(place: str, image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    for where in (root / "train/bee", *([] if place.startswith("more") else [root / "train"])):
        (where / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "train/bee/00.png", where / place)
    data, plain = open_folder(root), open_folder(image_folder)
    assert data.labels == plain.labels
    assert data.train.listing() == plain.train.listing()
    assert unused_files(data) == ()


def test_what_an_archive_leaves_beside_a_data_set_does_not_hide_it(image_folder: Path, tmp_path: Path):
    shutil.copytree(image_folder, tmp_path / "archive/insects")
    shutil.copytree(image_folder, tmp_path / "archive/__MACOSX/insects")
    assert open_folder(tmp_path / "archive").name == "insects"


def test_a_folder_that_is_called_as_a_picture_is_none(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    (root / "train/bee/album.jpg").mkdir()
    shutil.copy(root / "train/bee/00.png", root / "train/bee/album.jpg")
    assert len(open_folder(root).train) == 73


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def test_a_class_is_one_whatever_form_its_name_has_in_each_split(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    (root / "train/bee").rename(root / "train" / DECOMPOSED)
    (root / "val/bee").rename(root / "val" / COMPOSED)
    data = open_folder(root)
    assert data.labels == ("ant", COMPOSED, "cat")
    assert (len(data.train), len(data.val)) == (72, 24)


def test_two_folders_of_one_class_are_told_apart_by_their_characters(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    shutil.copytree(root / "train/bee", root / "train" / DECOMPOSED)
    shutil.copytree(root / "train/bee", root / "train" / COMPOSED)
    with pytest.raises(DataError, match=r"Unicode form alone") as caught:
        open_folder(root)
    assert r"'cafe\u0301'" in str(caught.value)
    assert r"'caf\xe9'" in str(caught.value)


def test_a_class_name_outside_unicode_becomes_text_that_can_be_stored(image_folder: Path, tmp_path: Path):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    for split in ("train", "val"):
        os.rename(root / split / "bee", os.fsencode(root / split) + b"/b\xe9e")
    assert open_folder(root).labels == ("ant", "b\\udce9e", "cat")
