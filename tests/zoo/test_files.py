"""A shipped network is there, is the one that was shipped, or the message says what to do."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from manifests import enter, shipped_network, stamped, use
from safetensors.numpy import save_file

import xnorlab
from xnorlab import pretrained
from xnorlab.pretrained import PretrainedError
from xnorlab.zoo import latent_weights, manifest
from xnorlab.zoo.recipe import Recipe


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a manifest of two networks; only the first has its files."""
    network, gone = (shipped_network(Recipe(scheme=scheme)) for scheme in ("xnor", "float"))
    packed, latent = tmp_path / network.file, tmp_path / network.latent_file
    packed.parent.mkdir()
    save_file({"head.weight": np.ones((2, 1, 1, 3), np.float16), "conv.weight": np.zeros(3, np.uint64)}, packed)
    save_file({"conv.weight": np.ones((2, 3), np.float16), "norm.bias": np.zeros(3, np.float32)}, latent)
    enter(tmp_path, stamped(tmp_path, network), gone)
    use(monkeypatch, tmp_path)
    return tmp_path


def test_names_are_the_manifests(shipped: Path):
    assert pretrained.names() == ("imagenette/alexnet-float", "imagenette/alexnet-xnor")
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
    unpacked = latent_weights.unpacked(stored, {})
    assert list(unpacked) == ["conv.weight"]
    assert unpacked["conv.weight"].tolist() == [[-63.5, 0], [0.25, 0.75]]


@pytest.mark.parametrize("name", ["imagenette/alexnet-xnr", "alexnet-xnor", "Imagenette/AlexNet-XNOR"])
def test_unknown_name_is_answered_with_the_near_one(shipped: Path, name: str):
    with pytest.raises(PretrainedError, match=f"name='{name}' is not .* did you mean imagenette/alexnet-xnor"):
        pretrained.load(name)


def test_name_like_none_of_them_is_answered_with_the_list(shipped: Path):
    with pytest.raises(PretrainedError, match="there are imagenette/alexnet-float, imagenette/alexnet-xnor"):
        pretrained.path("vgg")
    with pytest.raises(PretrainedError, match="name=7"):
        pretrained.path(7)


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


@pytest.mark.parametrize("place", ["xnorlab/pretrained", "pretrained"])
def test_folder_is_found_in_a_wheel_and_in_a_checkout(tmp_path: Path, place: str):
    """The wheel holds a folder xnorlab/pretrained beside the module xnorlab/pretrained.py; the module wins."""
    source = Path(xnorlab.__file__).parent
    shutil.copytree(source, tmp_path / "xnorlab", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import xnorlab; print(xnorlab.names(), xnorlab.pretrained.folder())"
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(tmp_path)}
    bare = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert "PretrainedError: no pretrained networks" in bare.stderr
    folder = tmp_path / place
    folder.mkdir()
    enter(folder, shipped_network(Recipe(dataset="cifar10", model="nin", scheme="bnn")))
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert told.stdout.strip() == f"('cifar10/nin-bnn',) {folder}", told.stderr


def test_shipped_files_stay_small():
    root = Path(__file__).parents[2] / "pretrained"
    sizes = {file.relative_to(root): file.stat().st_size for file in root.rglob("*") if file.is_file()}
    assert sum(sizes.values()) < 90e6, "a wheel holds them all"
    networks = manifest.read(root).values()
    named = {Path(file) for network in networks for file in (network.file, network.latent_file)}
    assert {file for file in sizes if file.suffix == ".safetensors"} == named, "no file lies there that nobody loads"
