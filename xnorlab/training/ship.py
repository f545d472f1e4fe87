"""From a finished run to the files of `pretrained/`: packed network, latent weights, curves, card, manifest entry."""

import datetime
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import nn

from xnorlab import models, pretrained
from xnorlab.runtime import Network
from xnorlab.training.card import card
from xnorlab.training.evaluate import compare, pack, pictures
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
    """Round, pack, measure and write a run's network; returns its manifest entry.

    run: the folder that `run.train` left. data: the data set's folder, or one that holds it.
    out: the folder of shipped networks, made if missing; None is the checkout's `pretrained/`.
    cache_folder: where decoded pictures are kept; None is `cache.default_cache_folder()`.
    command: what reproduces the run, for the card; None is `xnorlab train` with the recipe's own values.
    data_note: how this copy of the data differs from its publisher's, for the card; None leaves that out.

    Written: <dataset>/<model>-<scheme>.safetensors (packed), …-latent.safetensors (float16 and float32),
    …-history.json (curves, flips, weight histograms), ….md (card) and the entry in manifest.json. Top-1 is measured
    after the rounding, over the whole validation set, and the files are read back for it: the packed file by the
    runtime, the latent file into a newly built torch model. Raises ValueError where the run is unfinished, or
    where packed and torch top-1 differ by more than 0.1 point.
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
    files = {key: f"{recipe.name}{end}" for key, end in FILES.items()}
    pack(model, recipe, labels, shown, provenance).save(out / files["file"])
    (out / files["latent_file"]).write_bytes(save(shipped_tensors(model)))

    reloaded = _reload(recipe, len(labels), out / files["latent_file"])
    measured = compare(Network.open(out / files["file"]), reloaded, shown)
    if abs(measured["packed_top1"] - measured["torch_top1"]) > 0.001:
        raise ValueError(f"{recipe.name}: packed and torch top-1 differ: {measured}")

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
        "trained_seconds": round(sum(record["seconds"] for record in history["epochs"])),
        "hardware": checkpoint.get("hardware"),
        "date": date,
        "labels": labels,
    }
    text = card(recipe, entry, history["epochs"], command=command, data_note=data_note)
    (out / f"{recipe.name}.md").write_text(text, encoding="utf-8")
    _enter(out / "manifest.json", recipe.name, entry)
    return entry


FILES = {"file": ".safetensors", "latent_file": "-latent.safetensors", "history_file": "-history.json"}
"""Manifest key → end of the file's name."""


def _reload(recipe: Recipe, classes: int, latent_file: Path) -> nn.Module:
    """A new model with the weights of a latent file, in eval mode."""
    model = models.build(recipe.model, recipe.scheme, classes, **recipe.model_options)
    # BatchNorm's batch counter, which is not shipped, keeps its initial value; nothing else may be missing.
    model.load_state_dict(model.state_dict() | {key: value.float() for key, value in load_file(latent_file).items()})
    return model.eval()


def _stamps(out: Path, files: dict[str, str]) -> dict[str, Any]:
    stamps: dict[str, Any] = {}
    for key, prefix in (("file", ""), ("latent_file", "latent_"), ("history_file", "history_")):
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


def _enter(manifest: Path, name: str, entry: dict[str, Any]) -> None:
    """Add or replace one entry; the file is replaced as a whole."""
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    entries[name] = entry
    ordered = {key: entries[key] for key in sorted(entries)}
    partial = manifest.with_suffix(".partial")
    partial.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, manifest)
