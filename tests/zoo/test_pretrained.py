"""A shipped network is found, is the one that was shipped, or the message says what to do."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import xnorlab
from xnorlab import pretrained
from xnorlab.pretrained import PretrainedError


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a manifest of two networks; only the first has its files."""
    packed, latent = tmp_path / "imagenette/alexnet-xnor.safetensors", tmp_path / "imagenette/alexnet-xnor-latent.st"
    packed.parent.mkdir()
    save_file({"head.weight": np.ones((2, 1, 1, 3), np.float16), "conv.weight": np.zeros(3, np.uint64)}, packed)
    save_file({"conv.weight": np.ones((2, 3), np.float16), "norm.bias": np.zeros(3, np.float32)}, latent)
    entry = {
        "file": "imagenette/alexnet-xnor.safetensors",
        "sha256": hashlib.sha256(packed.read_bytes()).hexdigest(),
        "latent_file": "imagenette/alexnet-xnor-latent.st",
        "latent_sha256": hashlib.sha256(latent.read_bytes()).hexdigest(),
    }
    gone = entry | {"file": "imagenette/alexnet-float.safetensors"}
    manifest = {"imagenette/alexnet-xnor": entry, "imagenette/alexnet-float": gone}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(pretrained, "folder", lambda: tmp_path)
    return tmp_path


def test_names_are_the_manifests(shipped: Path):
    assert pretrained.names() == ("imagenette/alexnet-xnor", "imagenette/alexnet-float")
    assert xnorlab.names() == pretrained.names()


def test_path_leads_to_the_checked_file(shipped: Path):
    assert pretrained.path("imagenette/alexnet-xnor") == shipped / "imagenette/alexnet-xnor.safetensors"


def test_weights_are_float32_arrays_by_their_torch_names(shipped: Path):
    weights = pretrained.weights("imagenette/alexnet-xnor")
    shapes = {"conv.weight": (2, 3), "norm.bias": (3,), "head.weight": (2, 3, 1, 1)}
    assert {key: value.shape for key, value in weights.items()} == shapes, "the head lies in the packed file alone"
    assert all(value.dtype == np.float32 for value in weights.values())


def test_weights_in_eight_bits_are_multiplied_by_their_filters_step():
    stored = {
        "conv.weight": np.array([[-127, 0], [1, 3]], np.int8),
        "conv.weight.step": np.array([0.5, 0.25], np.float32),
    }
    unpacked = pretrained.unpacked(stored, {})
    assert list(unpacked) == ["conv.weight"]
    assert unpacked["conv.weight"].tolist() == [[-63.5, 0], [0.25, 0.75]]


@pytest.mark.parametrize("name", ["imagenette/alexnet-xnr", "alexnet-xnor", "Imagenette/AlexNet-XNOR"])
def test_unknown_name_is_answered_with_the_near_one(shipped: Path, name: str):
    with pytest.raises(PretrainedError, match=f"name='{name}' is not .* did you mean imagenette/alexnet-xnor"):
        pretrained.load(name)


def test_name_like_none_of_them_is_answered_with_the_list(shipped: Path):
    with pytest.raises(PretrainedError, match="there are imagenette/alexnet-xnor, imagenette/alexnet-float"):
        pretrained.path("vgg")
    with pytest.raises(PretrainedError, match="name=7"):
        pretrained.path(7)  # pyright: ignore


def test_sibling_changes_the_scheme_alone():
    assert pretrained.sibling("tiny-imagenet/resnet18-xnor-k", "float") == "tiny-imagenet/resnet18-float"
    assert pretrained.sibling("imagenette/alexnet-float", "binaryconnect-stochastic").endswith(
        "/alexnet-binaryconnect-stochastic"
    )


def test_missing_file_says_how_to_get_it(shipped: Path):
    with pytest.raises(PretrainedError, match=r"alexnet-float.safetensors.* is missing; `git checkout.*xnorlab train"):
        pretrained.load("imagenette/alexnet-float")


@pytest.mark.parametrize(("file", "get"), [("", pretrained.load), ("-latent", pretrained.weights)])
def test_altered_file_is_refused_before_it_is_parsed(shipped: Path, file: str, get):
    path = next(shipped.glob(f"imagenette/alexnet-xnor{file}.s*"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(PretrainedError, match=f"{path.name}.* is not the one that was shipped"):
        get("imagenette/alexnet-xnor")


def test_broken_manifest_is_named(shipped: Path):
    for text in ("{", "[]"):
        (shipped / "manifest.json").write_text(text)
        with pytest.raises(PretrainedError, match=r"manifest\.json"):
            pretrained.names()


@pytest.mark.parametrize("place", ["xnorlab/pretrained", "pretrained"])
def test_folder_is_found_in_a_wheel_and_in_a_checkout(tmp_path: Path, place: str):
    """The wheel holds a folder xnorlab/pretrained beside the module xnorlab/pretrained.py; the module wins."""
    package = tmp_path / "xnorlab"
    package.mkdir()
    source = Path(pretrained.__file__).parent
    for file in ("__init__.py", "pretrained.py"):
        shutil.copy(source / file, package)
    code = "import xnorlab; print(xnorlab.names(), xnorlab.pretrained.folder())"
    command = [sys.executable, "-c", code]
    bare = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "PretrainedError: no pretrained networks" in bare.stderr
    folder = tmp_path / place
    folder.mkdir()
    (folder / "manifest.json").write_text('{"cifar10/nin-bnn": {}}')
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert found.stdout.strip() == f"('cifar10/nin-bnn',) {folder}", found.stderr


def test_shipped_files_stay_small():
    root = Path(__file__).parents[2] / "pretrained"
    sizes = {file.relative_to(root): file.stat().st_size for file in root.rglob("*") if file.is_file()}
    assert sum(sizes.values()) < 90e6, "a wheel holds them all"
    entries = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    named = {Path(entry[key]) for entry in entries.values() for key in ("file", "latent_file")}
    assert {file for file in sizes if file.suffix == ".safetensors"} == named, "no file lies there that nobody loads"
