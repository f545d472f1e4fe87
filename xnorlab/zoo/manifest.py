"""The shipped networks: which there are, where they lie, and that they are intact. Never imports torch.

`pretrained/manifest.json` lists each network's packed file and its latent (training) weights with their
sha256, the accuracy measured on the whole validation set, the recipe and the date.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from xnorlab.runtime import Network

_HERE = Path(__file__).resolve().parent


STEP = ".step"
"""What is added to a tensor's name for the factor a filter of weights that are stored in 8 bits."""


class PretrainedError(ValueError):
    """An unknown name, or a shipped file that is missing or altered."""


def folder() -> Path:
    """The folder with manifest.json: inside the installed package, or beside it in a checkout."""
    for candidate in (_HERE / "pretrained", _HERE.parent / "pretrained"):
        if (candidate / "manifest.json").is_file():
            return candidate
    raise PretrainedError(
        f"no pretrained networks: neither {_HERE / 'pretrained'} nor {_HERE.parent / 'pretrained'} has a "
        "manifest.json; install xnorlab again or use a complete checkout"
    )


def manifest() -> dict[str, dict[str, Any]]:
    """What manifest.json says, by name."""
    path = folder() / "manifest.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PretrainedError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(entries, dict):
        raise PretrainedError(f"{path} must hold one object with an entry a network")
    return entries


def names() -> tuple[str, ...]:
    """Every name that `load` takes, `<data set>/<model>-<scheme>`."""
    return tuple(manifest())


def path(name: str) -> Path:
    """The packed file of `name`, checked to be there and unaltered."""
    return _checked(name, "file", "sha256")


def latent_path(name: str) -> Path:
    """The file with the latent (training) weights of `name` that its packed file lacks, checked; see `weights`."""
    return _checked(name, "latent_file", "latent_sha256")


def history_path(name: str) -> Path:
    """The file with the training curves of `name`, checked to be there and unaltered."""
    return _checked(name, "history_file", "history_sha256")


def load(name: str) -> "Network":
    """The packed network `name`, ready to run."""
    file = path(name)
    from xnorlab.runtime import Network  # after the cheap refusals: Numba takes a third of a second to import

    return Network.open(file)


def weights(name: str) -> dict[str, np.ndarray]:
    """The latent weights and norms of `name` as float32 arrays, by their names in the torch module."""
    return read_weights(latent_path(name), path(name))


def read_weights(latent: Path, packed: Path) -> dict[str, np.ndarray]:
    """What a file of latent weights and the packed file of the same network hold together; see `weights`."""
    from safetensors.numpy import load_file

    return unpacked(load_file(latent), load_file(packed))


def real_weights(packed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The convolutions and matrices that a packed file keeps as real numbers, laid out as torch does.

    packed: the file's tensors; a convolution (N, kh, kw, C) becomes (N, C, kh, kw).
    """
    return {
        name: np.moveaxis(value, -1, 1) if value.ndim == 4 else value
        for name, value in packed.items()
        if name.endswith(".weight") and value.ndim in (2, 4) and value.dtype.kind == "f"
    }


def unpacked(stored: Mapping[str, np.ndarray], packed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a file of latent weights as float32.

    Weights in 8 bits (N, ...) are multiplied by their "<name>.step" (N,). Real weights that the file lacks are those
    of the packed file, whose tensors are `packed`: what that one holds is not stored twice.
    """
    found = {name: value.astype(np.float32) for name, value in real_weights(packed).items()}
    for name, value in stored.items():
        if name.endswith(STEP):
            continue
        found[name] = value.astype(np.float32)
        if name + STEP in stored:
            found[name] *= stored[name + STEP].reshape(-1, *([1] * (value.ndim - 1)))
    return found


def manifest_entry(name: str) -> dict[str, Any]:
    """The manifest entry of `name`; an unknown name raises PretrainedError that lists the nearest ones."""
    entries = manifest()
    if name not in entries:
        near = difflib.get_close_matches(str(name), entries, n=3, cutoff=0.5)
        near += [e for e in entries if e.rpartition("/")[2] == str(name) and e not in near]
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(entries) or 'none'}"
        raise PretrainedError(f"name={name!r} is not a pretrained network; {hint}")
    return entries[name]


def sibling(name: str, scheme: str) -> str:
    """The name of the same network on the same data under another scheme; it need not be shipped."""
    data, _, network = name.rpartition("/")
    return f"{data}/{network.partition('-')[0]}-{scheme}"


def _checked(name: str, file_key: str, hash_key: str) -> Path:
    record = manifest_entry(name)
    if file_key not in record:
        raise PretrainedError(f"{name} was shipped without a {file_key.replace('_', ' ')}")
    root = folder()
    file = root / record[file_key]
    if not file.is_file():
        raise PretrainedError(
            f"{file}, the file of {name}, is missing; `git checkout -- pretrained` brings it back in a "
            "checkout, installing xnorlab again does so elsewhere, and `xnorlab train` makes it anew"
        )
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != record[hash_key]:
        raise PretrainedError(
            f"{file}, the file of {name}, is not the one that was shipped: its sha256 is {found[:12]}…, "
            f"the manifest says {record[hash_key][:12]}…; get it again as for a missing file "
            "(`git checkout -- pretrained`)"
        )
    return file
