"""The files of the shipped networks: where they lie, checked to be the ones that were shipped, and opened."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xnorlab.zoo import manifest
from xnorlab.zoo.latent_weights import read_weights
from xnorlab.zoo.manifest import PretrainedError

if TYPE_CHECKING:
    from xnorlab.runtime import Network


def path(name: str) -> Path:
    """The packed file of `name`, checked to be there and unaltered."""
    shipped = manifest.entry(name)
    return checked(name, manifest.folder() / shipped.file, shipped.sha256)


def latent_path(name: str) -> Path:
    """The file with the latent (training) weights of `name` that its packed file lacks, checked; see `weights`."""
    shipped = manifest.entry(name)
    return checked(name, manifest.folder() / shipped.latent_file, shipped.latent_sha256)


def history_path(name: str) -> Path:
    """The file with the training curves of `name`, checked to be there and unaltered."""
    shipped = manifest.entry(name)
    if shipped.history_file is None or shipped.history_sha256 is None:
        raise PretrainedError(f"{name} was shipped without a history file")
    return checked(name, manifest.folder() / shipped.history_file, shipped.history_sha256)


def load(name: str) -> "Network":
    """The packed network `name`, ready to run."""
    file = path(name)
    from xnorlab.runtime import Network  # after the cheap refusals: Numba takes a third of a second to import

    return Network.open(file)


def weights(name: str) -> dict[str, np.ndarray]:
    """The latent weights and norms of `name` as float32 arrays, by their names in the torch module."""
    return read_weights(latent_path(name), path(name))


def checked(name: str, whole: Path, sha256: str) -> Path:
    """The path of a network's file; raises PretrainedError where it is missing or its content has another hash."""
    if not whole.is_file():
        raise PretrainedError(
            f"{whole}, the file of {name}, is missing; `git checkout -- pretrained` brings it back in a "
            "checkout, installing xnorlab again does so elsewhere, and `xnorlab train` makes it anew"
        )
    digest = hashlib.sha256(whole.read_bytes()).hexdigest()
    if digest != sha256:
        raise PretrainedError(
            f"{whole}, the file of {name}, is not the one that was shipped: its sha256 is {digest[:12]}…, "
            f"the manifest says {sha256[:12]}…; get it again as for a missing file "
            "(`git checkout -- pretrained`)"
        )
    return whole
