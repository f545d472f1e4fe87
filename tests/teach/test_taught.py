"""A taught network is one packed file with the lesson's classes, whose answers are those of features and classifier."""

import subprocess
import sys

import numpy as np
import pytest
from manifests import shipped_network
from PIL import Image

from xnorlab import pretrained
from xnorlab.runtime import Network
from xnorlab.teach import Lesson, both_views, default_source, how_to_run, taught, teach
from xnorlab.zoo import manifest
from xnorlab.zoo.recipe import Recipe


@pytest.mark.parametrize("scheme", ["float", "xnor"])
def test_a_network_learns_new_classes_and_keeps_all_but_its_last_layer(shipped, coloured, scheme, tmp_path):
    network = pretrained.load(f"test/resnet18-{scheme}")
    result = teach(network, Lesson.from_classes(coloured(6)), "mine")
    assert result.cross_validation.accuracy > 0.9
    result.network.save(tmp_path / "mine.safetensors")
    mine = Network.open(tmp_path / "mine.safetensors")
    assert mine.labels == ("brick", "leaf", "sea")
    assert mine.name == "mine"
    assert mine.preprocessing == network.preprocessing
    assert mine.ops[-1].inputs == network.ops[-1].inputs
    assert [op.kind for op in mine.ops] == [op.kind for op in network.ops]
    fresh = coloured(2, seed=5)
    photos = [pixels for of_class in fresh.values() for pixels in of_class.values()]
    assert [best[0].label for best in mine.predict(photos)] == [label for label in fresh for _ in range(2)]
    np.testing.assert_allclose(
        mine(photos), mine.features(photos) @ mine.classifier.weight.T + mine.classifier.bias, rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(mine.features(photos), network.features(photos))
    assert len(network.labels) == 3
    assert network.labels[0] == "cat"


def test_the_file_says_where_it_comes_from_and_equal_photos_give_equal_bytes(shipped, coloured):
    network = pretrained.load("test/resnet18-xnor")
    lesson = Lesson.from_classes(coloured(3))
    first, second = (teach(network, lesson).network for _ in range(2))
    assert first.to_bytes() == second.to_bytes()
    said = first.provenance["taught"]
    assert said["from"] == "test/resnet18-xnor"
    assert said["photos"] == {"brick": 3, "leaf": 3, "sea": 3}
    assert 0 <= said["cross_validated"]["accuracy"] <= 1
    assert first.provenance["features"] == network.provenance


def test_both_views_are_the_picture_and_its_mirror_image(shipped, coloured, monkeypatch):
    network = pretrained.load("test/resnet18-float")
    pictures = Lesson.from_classes(coloured(3)).pictures
    whole = both_views(network, pictures)
    assert whole.shape[:2] == (2, 9)
    np.testing.assert_allclose(whole[0], network.features(list(pictures)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(whole[1], network.features([p[:, ::-1] for p in pictures]), rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(taught, "BATCH", 4)
    np.testing.assert_allclose(both_views(network, pictures), whole, rtol=1e-5, atol=1e-6)


def test_the_three_lines_run_without_torch_and_scikit_learn(shipped, coloured, tmp_path):
    photos = coloured(3)
    teach(pretrained.load("test/resnet18-xnor"), Lesson.from_classes(photos)).network.save(
        tmp_path / "mine.safetensors"
    )
    Image.fromarray(photos["sea"]["sea-0.png"]).save(tmp_path / "photo.jpg")
    lines = how_to_run("mine.safetensors")
    assert len(lines.splitlines()) == 3
    code = f"{lines}\nimport sys; print([n for n in ('torch', 'sklearn') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "label='sea'" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_features_come_from_the_binary_network_with_most_classes(monkeypatch):
    def ship(*names: tuple[str, str, int]) -> str:
        recipes = [(Recipe(dataset=data, model="resnet18", scheme=scheme, epochs=1), n) for data, scheme, n in names]
        networks = [shipped_network(recipe, labels=tuple(map(str, range(n)))) for recipe, n in recipes]
        monkeypatch.setattr(manifest, "entries", lambda: {network.name: network for network in networks})
        return default_source()

    assert ship(("small", "reactnet", 10), ("large", "float", 200)) == "large/resnet18-float"
    assert ship(("large", "xnor", 200), ("large", "float", 200), ("small", "reactnet", 10)) == "large/resnet18-xnor"
    assert ship(("large", "reactnet", 200), ("large", "xnor", 200)) == "large/resnet18-reactnet"
    with pytest.raises(manifest.PretrainedError, match="there is no pretrained network"):
        ship()
