"""Latent (training) weights as they are stored beside a packed file, read back as float32 arrays."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

STEP = ".step"
"""The end of a tensor's name that holds one factor per filter for weights that are stored in 8 bits."""


def read_weights(latent: Path, packed: Path) -> dict[str, np.ndarray]:
    """The weights and norms that a file of latent weights and the packed file of its network hold together.

    Returns:
        float32 arrays by their names in the torch module; see `unpacked`.
    """
    from safetensors.numpy import load_file

    return unpacked(load_file(latent), load_file(packed))


def real_weights(packed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The convolutions and matrices that a packed file keeps as real numbers, laid out as torch does.

    Args:
        packed: the file's tensors; a convolution (N, kh, kw, C) becomes (N, C, kh, kw).
    """
    return {
        name: np.moveaxis(value, -1, 1) if value.ndim == 4 else value
        for name, value in packed.items()
        if name.endswith(".weight") and value.ndim in (2, 4) and value.dtype.kind == "f"
    }


def unpacked(stored: Mapping[str, np.ndarray], packed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a file of latent weights as float32.

    Args:
        stored: the file's tensors. Weights in 8 bits (N, ...) are multiplied by their "<name>.step" (N,).
        packed: the tensors of the packed file. Real weights that `stored` lacks are taken from here: what lies in one
            file is not stored in the other.
    """
    weights = {name: value.astype(np.float32) for name, value in real_weights(packed).items()}
    for name, value in stored.items():
        if name.endswith(STEP):
            continue
        weights[name] = value.astype(np.float32)
        if name + STEP in stored:
            weights[name] *= stored[name + STEP].reshape(-1, *([1] * (value.ndim - 1)))
    return weights


def weights_digest(weights: Mapping[str, np.ndarray]) -> str:
    """The sha256 of a network's tensors by name, without BatchNorm's counter of batches, which is not shipped."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        if not name.endswith("num_batches_tracked"):
            digest.update(name.encode() + np.ascontiguousarray(weights[name]).tobytes())
    return digest.hexdigest()
