"""From a finished run to the files of `pretrained/`: packed network, latent weights, curves, card, manifest entry."""

import datetime
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import load_file
from safetensors.torch import save
from torch import nn

from xnorlab import models, pretrained
from xnorlab.runtime import Network
from xnorlab.training.card import card
from xnorlab.training.evaluate import TOLERANCE, Pictures, compare, pack, pictures
from xnorlab.training.folders import find
from xnorlab.training.history import stored_history
from xnorlab.training.recipe import Recipe
from xnorlab.training.rounding import round_weights_, shipped_tensors
from xnorlab.training.sources import CHECKPOINT, load_checkpoint


def ship(
    run: str | Path,
    data: str | Path,
    out: str | Path | None = None,
    *,
    cache_folder: str | Path | None = None,
    command: str | None = None,
    data_note: str | None = None,
) -> dict[str, Any]:
    """Round, pack, measure and write a run's network; returns its manifest entry, or a repeat's part of it.

    run: the folder that `run.train` left. data: the data set's folder, or one that holds it.
    out: the folder of shipped networks, made if missing; None is the checkout's `pretrained/`.
    cache_folder: where decoded pictures are kept; None is `cache.default_cache_folder()`.
    command: what reproduces the run, for the card; None is `xnorlab train` with the recipe's own values.
    data_note: how this copy of the data differs from its publisher's, for the card; None leaves that out.

    Written: <dataset>/<model>-<scheme>.safetensors (packed), …-latent.safetensors (8-bit, float16, float32),
    …-history.json (curves, flips, weight histograms), ….md (card) and the entry in manifest.json. Top-1 is measured
    after the rounding, over the whole validation set, and the files are read back for it: the packed file by the
    runtime, the latent file into a newly built torch model.

    Where the manifest has a network of this recipe but for the seed, the run becomes one of its `repeats`: only the
    packed file is kept, as …-seed<n>.safetensors, with its accuracy. Any other network of the name is replaced.
    Raises ValueError where the run is unfinished, or where packed and torch top-1 differ by more than 0.1 point.
    """
    checkpoint_path = Path(run) / CHECKPOINT
    model, recipe, labels, checkpoint = load_checkpoint(checkpoint_path)
    history = stored_history(checkpoint)
    if len(history["epochs"]) < recipe.epochs:
        raise ValueError(f"run={str(run)!r} has trained {len(history['epochs'])} of {recipe.epochs} epochs: resume it")
    found = find(recipe.dataset, data)
    if list(found.labels) != labels:
        raise ValueError(f"data={str(data)!r} has other classes than the run: {found.labels} against {labels}")
    shown = pictures(found.val, recipe.preprocessing(), cache_folder=cache_folder)

    out = pretrained.folder() if out is None else Path(out)
    (out / recipe.dataset).mkdir(parents=True, exist_ok=True)
    round_weights_(model)
    date = datetime.datetime.fromtimestamp(checkpoint_path.stat().st_mtime, datetime.UTC).date().isoformat()
    provenance = {"name": recipe.name, "dataset": recipe.dataset, "date": date, "recipe": recipe.to_dict()}
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8")) if (out / MANIFEST).is_file() else {}
    first = manifest.get(recipe.name)
    trained = {
        "trained_seconds": round(sum(record["seconds"] for record in history["epochs"])),
        "hardware": checkpoint.get("hardware"),
        "date": date,
    }
    packed = pack(model, recipe, labels, shown, provenance)
    if first is not None and _same_but_seed(first["recipe"], recipe) and first["recipe"]["seed"] != recipe.seed:
        repeat = _repeat(packed, model, recipe, shown, out) | trained
        others = [other for other in first.get("repeats", []) if other["seed"] != recipe.seed]
        first["repeats"] = sorted([*others, repeat], key=lambda other: other["seed"])
        _write(out / MANIFEST, manifest)
        return repeat

    files = {key: f"{recipe.name}{end}" for key, end in FILES.items()}
    packed.save(out / files["file"])
    (out / files["latent_file"]).write_bytes(save(shipped_tensors(model)))
    reloaded = _reload(recipe, len(labels), out / files["latent_file"])
    measured = _measured(out / files["file"], reloaded, shown)

    (out / files["history_file"]).write_text(json.dumps(_rounded(history)) + "\n", encoding="utf-8")
    entry = {
        **files,
        **_stamps(out, files),
        "model": recipe.model,
        "scheme": recipe.scheme,
        "dataset": recipe.dataset,
        "top1": measured["packed_top1"],
        "torch_top1": measured["torch_top1"],
        "images": measured["images"],
        "labels_differ": measured["labels_differ"],
        "pictures_sha256": found.val.fingerprint(),
        "recipe": recipe.to_dict(),
        **trained,
        "labels": labels,
    }
    if first is not None:
        _keep_repeats(first, entry, recipe, out)
    text = card(recipe, entry, history["epochs"], command=command, data_note=data_note)
    (out / f"{recipe.name}.md").write_text(text, encoding="utf-8")
    _write(out / MANIFEST, manifest | {recipe.name: entry})
    return entry


def ship_all(
    recipes: Iterable[Recipe], runs: str | Path, data: str | Path, out: str | Path | None = None, **options: Any
) -> Iterator[dict[str, Any]]:
    """Ship those of `recipes` that are finished in `runs`, and yield what `ship` returns of each.

    First stages of two-stage trainings are left out: nobody runs them. options: as `ship` takes them. Raises
    ValueError where a run was trained by another recipe.
    """
    inner = {recipe.start for recipe in recipes}
    for recipe in recipes:
        folder = Path(runs) / recipe.run_name
        if recipe.name in inner or not (folder / CHECKPOINT).is_file():
            continue
        _, stored, _, checkpoint = load_checkpoint(folder / CHECKPOINT)
        if stored != recipe:
            raise ValueError(f"{folder} was trained by another recipe than the zoo's; ship it by itself")
        if len(stored_history(checkpoint)["epochs"]) < recipe.epochs:
            continue
        yield ship(folder, data, out, **options)


MANIFEST = "manifest.json"

FILES = {"file": ".safetensors", "latent_file": "-latent.safetensors", "history_file": "-history.json"}
"""Manifest key → end of the file's name."""


def _reload(recipe: Recipe, classes: int, latent_file: Path) -> nn.Module:
    """A new model with the weights of a latent file, in eval mode."""
    model = models.build(recipe.model, recipe.scheme, classes, **recipe.model_options)
    stored = {key: torch.from_numpy(value) for key, value in pretrained.unpacked(load_file(latent_file)).items()}
    # BatchNorm's batch counter, which is not shipped, keeps its initial value; nothing else may be missing.
    model.load_state_dict(model.state_dict() | stored)
    return model.eval()


def _stamps(out: Path, files: dict[str, str]) -> dict[str, Any]:
    stamps: dict[str, Any] = {}
    for key in files:
        prefix = key.removesuffix("file")
        content = (out / files[key]).read_bytes()
        stamps[f"{prefix}sha256"] = hashlib.sha256(content).hexdigest()
        stamps[f"{prefix}bytes"] = len(content)
    return stamps


def _rounded(value: Any) -> Any:
    """The same with numbers of six significant digits: curves need no more, and the file halves."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _measured(file: Path, model: nn.Module, shown: Pictures) -> dict[str, Any]:
    """`compare` of the packed file and its torch twin, which must agree."""
    measured = compare(Network.open(file), model, shown)
    if abs(measured["packed_top1"] - measured["torch_top1"]) > TOLERANCE:
        raise ValueError(f"{file}: packed and torch top-1 differ: {measured}")
    return measured


def _same_but_seed(stored: dict[str, Any], recipe: Recipe) -> bool:
    return replace(Recipe.from_dict(stored), seed=recipe.seed) == recipe


def _repeat(packed: Network, model: nn.Module, recipe: Recipe, shown: Pictures, out: Path) -> dict[str, Any]:
    """Write the packed network of another seed and measure the file; its part of the manifest entry."""
    file = f"{recipe.name}-seed{recipe.seed}.safetensors"
    packed.save(out / file)
    measured = _measured(out / file, model, shown)
    return {
        "seed": recipe.seed,
        "file": file,
        **_stamps(out, {"file": file}),
        "top1": measured["packed_top1"],
        "images": measured["images"],
    }


def _keep_repeats(first: dict[str, Any], entry: dict[str, Any], recipe: Recipe, out: Path) -> None:
    """Repeats of the same recipe stay with the network that replaces `first`; others and their files go."""
    kept = []
    for repeat in first.get("repeats", []):
        if _same_but_seed(first["recipe"], recipe) and repeat["seed"] != recipe.seed:
            kept.append(repeat)
        else:
            (out / repeat["file"]).unlink(missing_ok=True)
    if kept:
        entry["repeats"] = kept


def _write(path: Path, manifest: dict[str, Any]) -> None:
    """The whole file at once, in the order of the names."""
    ordered = {key: manifest[key] for key in sorted(manifest)}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
