"""Records of shipped networks for tests, which say no more than what they are about."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xnorlab.zoo import manifest
from xnorlab.zoo.calibration import Calibration, ForeignPictures
from xnorlab.zoo.manifest import ShippedNetwork
from xnorlab.zoo.recipe import Recipe


def shipped_network(recipe: Recipe, *repeats: float, **changes: Any) -> ShippedNetwork:
    """The record of a network trained by `recipe`; repeats: top-1 of further seeds. changes: fields of the record."""
    values: dict[str, Any] = {
        "file": f"{recipe.name}.safetensors",
        "latent_file": f"{recipe.name}-latent.safetensors",
        "sha256": "0" * 64,
        "bytes": 1,
        "latent_sha256": "0" * 64,
        "latent_bytes": 2,
        "top1": 0.5,
        "torch_top1": 0.5,
        "images": 24,
        "labels_differ": 0,
        "pictures_sha256": "0" * 64,
        "trained_seconds": 60,
        "hardware": None,
        "precision": "32-true",
        "date": "2026-11-22",
        "labels": ("ant", "bee"),
    }
    network = ShippedNetwork(recipe=recipe, **values | changes)
    seeds = enumerate(repeats, start=recipe.seed + 1)
    return replace(network, repeats=tuple(replace(network.as_repeat(), seed=seed, top1=top1) for seed, top1 in seeds))


def calibrated(**changes: Any) -> Calibration:
    """A record of a calibration against one foreign data set; changes: fields of the record."""
    foreign = ForeignPictures(
        data="novel-24", side=84, classes=12, pictures=720, refused=0.25, own_pictures=50, own_passed=0.9, auroc=0.75
    )
    values: dict[str, Any] = {"score": "energy", "temperature": 2.0, "threshold": 1.5, "full_size_passed": 0.875}
    return Calibration(**values | {"foreign": (foreign,)} | changes)


def stamped(folder: Path, network: ShippedNetwork) -> ShippedNetwork:
    """The record with the hashes and sizes of its files in `folder`."""
    stamps: dict[str, Any] = {}
    for prefix in ("", "latent_", "history_"):
        file = getattr(network, f"{prefix}file")
        if file is not None:
            content = (folder / file).read_bytes()
            stamps |= {f"{prefix}sha256": hashlib.sha256(content).hexdigest(), f"{prefix}bytes": len(content)}
    return replace(network, **stamps)


def enter(folder: Path, *networks: ShippedNetwork) -> None:
    """Write the manifest of `folder` anew, with exactly these networks."""
    manifest.write(folder, {network.name: network for network in networks})


def use(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make `folder` the one with the shipped networks."""
    monkeypatch.setattr(manifest, "PLACES", (folder,))
