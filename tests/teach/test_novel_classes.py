"""The accuracy on new classes: what is drawn, what is recorded, and that its record is of the networks shipped now."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from xnorlab import pretrained
from xnorlab.images.class_folders import DataError
from xnorlab.teach import novel_classes
from xnorlab.teach.novel_classes import NovelAccuracy, Protocol

SMALL = Protocol(classes=2, photos=3, draws=3, seed=1)


@pytest.fixture
def folder(tmp_path, coloured):
    for label, photos in coloured(6).items():
        (tmp_path / "new" / label).mkdir(parents=True)
        for name, pixels in photos.items():
            Image.fromarray(pixels).save(tmp_path / "new" / label / name)
    return tmp_path / "new"


def test_draws_are_alike_for_all_networks_and_never_test_what_they_learnt():
    drawn = list(novel_classes.draws([6, 8, 7], SMALL))
    assert len(drawn) == 3
    for learnt, targets, tested, answers in drawn:
        assert not set(learnt) & set(tested)
        assert np.bincount(targets).tolist() == [3, 3]
        assert np.bincount(answers).tolist() == [3, 3]
        for photos, numbers in ((learnt, targets), (tested, answers)):
            of_class = np.searchsorted([6, 14, 21], photos, side="right")
            assert len({(a, b) for a, b in zip(of_class, numbers, strict=True)}) == 2
    for one, two in zip(drawn, novel_classes.draws([6, 8, 7], SMALL), strict=True):
        np.testing.assert_array_equal(np.concatenate(one), np.concatenate(two))
    other = next(novel_classes.draws([6, 8, 7], replace(SMALL, seed=2)))
    assert not np.array_equal(other[0], drawn[0][0])


def test_a_measurement_is_recorded_and_read_back(shipped, folder):
    reported: list[str] = []
    names = novel_classes.default_names()
    assert names == ["test/resnet18-float", "test/resnet18-xnor"]
    result = novel_classes.measure(folder, names, SMALL, lambda network: reported.append(network.name))
    assert reported == names
    assert (result.data, result.classes, result.photos) == ("new", 3, 18)
    assert "scikit-learn" in result.machine["versions"]
    assert all(len(network.right) == 3 and network.tested == 6 for network in result.networks)
    assert all(network.mean > 0.8 for network in result.networks)
    novel_classes.record(result)
    assert novel_classes.read() == result
    twin = result.twin("test/resnet18-xnor")
    assert twin is not None
    assert twin.name == "test/resnet18-float"
    (shipped / novel_classes.FILE).unlink()
    assert novel_classes.read() is None


def test_a_record_keeps_other_networks_that_are_still_those_shipped(shipped, folder):
    first = novel_classes.measure(folder, ["test/resnet18-xnor"], SMALL)
    novel_classes.record(replace(first, networks=(*first.networks, NovelAccuracy("gone", "0" * 64, (1, 2, 3), 6))))
    novel_classes.record(novel_classes.measure(folder, ["test/resnet18-float"], SMALL))
    read = novel_classes.read()
    assert read is not None
    assert [network.name for network in read.networks] == ["test/resnet18-float", "test/resnet18-xnor"]
    novel_classes.record(replace(first, protocol=replace(SMALL, seed=9)))
    read = novel_classes.read()
    assert read is not None
    assert [network.name for network in read.networks] == ["test/resnet18-xnor"]
    (shipped / novel_classes.FILE).unlink()


def test_means_errors_and_differences_draw_by_draw():
    a, b = NovelAccuracy("a", "", (6, 8), 10), NovelAccuracy("b", "", (5, 7), 10)
    assert a.mean == pytest.approx(0.7)
    assert a.error == pytest.approx(0.1)
    assert a.minus(b) == pytest.approx((0.1, 0.0))


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        (replace(SMALL, classes=4), "has 3 classes; the rule is at least classes=4"),
        (replace(SMALL, photos=6), "'brick' has 6 photos; the rule is more than 6"),
    ],
)
def test_a_folder_too_small_for_the_protocol_is_refused(folder, protocol, message):
    with pytest.raises(DataError, match=message):
        novel_classes.measure(folder, [], protocol)


def test_the_shipped_record_is_of_the_shipped_networks():
    result = novel_classes.read()
    assert result is not None
    assert result.protocol == Protocol()
    for network in result.networks:
        assert network.latent_sha256 == pretrained.entry(network.name).latent_sha256
        assert len(network.right) == result.protocol.draws
        assert network.mean > 0.4
