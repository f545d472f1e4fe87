"""From a finished run to the files of `pretrained/`: packed network, latent weights, curves, card, manifest entry."""

import datetime
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack

from safetensors.numpy import load_file
from safetensors.torch import save
from torch import nn

from xnorlab import atomic, pretrained
from xnorlab.models.pretrained import twin
from xnorlab.runtime import Network
from xnorlab.training.cache import Preparing
from xnorlab.training.card import card
from xnorlab.training.checkpoints import CHECKPOINT, load_checkpoint
from xnorlab.training.evaluate import TOLERANCE, Pictures, compare, pack, pictures
from xnorlab.training.folders import find
from xnorlab.training.history import stored_history
from xnorlab.training.rounding import round_weights_, shipped_tensors
from xnorlab.zoo.recipe import Recipe

MANIFEST = "manifest.json"
LOCK = "manifest.lock"
"""There while a process changes shipped files: two that do so at once would lose an entry."""
LOCK_SECONDS = 60.0

FILES = {"file": ".safetensors", "latent_file": "-latent.safetensors", "history_file": "-history.json"}
"""Manifest key → end of the file's name."""
CARD = ".md"
OF_A_REPEAT = ("sha256", "bytes", "top1", "top5", "images", "trained_seconds", "hardware", "precision", "date")
"""What is kept of another seed's network."""


def ship(
    run: str | Path,
    data: str | Path,
    out: str | Path | None = None,
    *,
    data_note: str | None = None,
    **preparing: Unpack[Preparing],
) -> dict[str, Any]:
    """Round, pack, measure and write a run's network; returns its manifest entry, or a repeat's part of it.

    run: the folder that `run.train` left. data: the data set's folder, or one that holds it.
    out: the folder of shipped networks, made if missing; None is the checkout's `pretrained/`.
    data_note: how this copy of the data differs from its publisher's, for the card; None leaves that out.
    preparing: where decoded pictures are kept and what becomes of unreadable ones, as `cache.prepare` takes it.

    Written: <dataset>/<model>-<scheme>.safetensors (packed), …-latent.safetensors (what torch needs beside it: 8-bit,
    float16, float32), …-history.json (curves, flips, weight histograms), ….md (card) and the entry in manifest.json.
    Accuracies are measured after the rounding, over the whole validation set, and the files are read back for it: the
    packed file by the runtime, both into a newly built torch model. Only then do they take the place of earlier ones.

    Where the manifest has networks of this recipe but for the seed, the lowest seed's is the network and the others are
    its `repeats`: their accuracy, which the network's card tells, and the packed file's hash are kept, not the files.
    Any other network of the name is replaced. Raises ValueError where the run is unfinished, where packed
    and torch top-1 differ by more than 0.1 point, or where other seeds were measured on other pictures.
    """
    checkpoint_path = Path(run) / CHECKPOINT
    model, recipe, labels, checkpoint = load_checkpoint(checkpoint_path)
    history = stored_history(checkpoint)
    if len(history["epochs"]) < recipe.epochs:
        raise ValueError(f"run={str(run)!r} has trained {len(history['epochs'])} of {recipe.epochs} epochs: resume it")
    found = find(recipe.dataset, data)
    if list(found.labels) != labels:
        raise ValueError(f"data={str(data)!r} has other classes than the run: {found.labels} against {labels}")
    shown = pictures(found.val, recipe.preprocessing(), **preparing)
    round_weights_(model)
    date = datetime.datetime.fromtimestamp(checkpoint_path.stat().st_mtime, datetime.UTC).date().isoformat()
    described = {
        "model": recipe.model,
        "scheme": recipe.scheme,
        "dataset": recipe.dataset,
        "pictures_sha256": shown.split.fingerprint(),
        "recipe": recipe.to_dict(),
        "trained_seconds": round(sum(record["seconds"] for record in history["epochs"])),
        # of before epochs were recorded with them: the last machine, and a precision that nothing had to resolve
        "hardware": history["epochs"][-1].get("hardware", checkpoint.get("hardware")),
        "precision": history["epochs"][-1].get("precision", recipe.precision),
        "date": date,
        "labels": labels,
        "data_note": data_note,
    }

    out = pretrained.folder() if out is None else Path(out)
    out.mkdir(parents=True, exist_ok=True)
    files = {key: f"{recipe.name}{end}" for key, end in FILES.items()}
    with tempfile.TemporaryDirectory(prefix=".ship-", dir=out) as folder:
        staged = Path(folder)
        (staged / recipe.name).parent.mkdir(parents=True)
        provenance = {"name": recipe.name, "dataset": recipe.dataset, "date": date, "recipe": recipe.to_dict()}
        pack(model, recipe, labels, shown, provenance).save(staged / files["file"])
        tensors = shipped_tensors(model, load_file(staged / files["file"]))
        (staged / files["latent_file"]).write_bytes(save(tensors))
        (staged / files["history_file"]).write_text(json.dumps(_rounded(history)) + "\n", encoding="utf-8")
        reloaded = twin(described, pretrained.read_weights(staged / files["latent_file"], staged / files["file"]))
        measured = _measured(recipe.name, staged / files["file"], reloaded, shown)
        entry = files | _stamps(staged, files) | measured | described
        with _locked(out):
            return _enter(staged, out, recipe, entry)


def ship_all(
    recipes: Iterable[Recipe], runs: str | Path, data: str | Path, out: str | Path | None = None, **options: Any
) -> Iterator[dict[str, Any]]:
    """Ship those of `recipes` that are finished in `runs`, and yield what `ship` returns of each.

    First stages of two-stage trainings are left out: nobody runs them. options: as `ship` takes them. Raises
    ValueError where a run was trained by another recipe.
    """
    recipes = list(recipes)
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


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One process at a time. Raises ValueError where another one does not end within LOCK_SECONDS."""
    lock, end = out / LOCK, time.monotonic() + LOCK_SECONDS
    while True:
        try:
            lock.touch(exist_ok=False)
            break
        except FileExistsError:
            if time.monotonic() > end:
                raise ValueError(f"{lock} is there: another process ships; delete it if there is none") from None
            time.sleep(0.05)
    try:
        yield
    finally:
        lock.unlink()


def _enter(staged: Path, out: Path, recipe: Recipe, entry: dict[str, Any]) -> dict[str, Any]:
    """Move a measured network's files into `out` and enter it into the manifest as it is now; what `ship` returns."""
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8")) if (out / MANIFEST).is_file() else {}
    before = manifest.get(recipe.name)
    repeats: list[dict[str, Any]] = []
    network, answer = entry, entry
    if before is not None and recipe.same_but_seed(Recipe.from_dict(before["recipe"])):
        repeats = [repeat for repeat in before.get("repeats", []) if repeat["seed"] != recipe.seed]
        seed = before["recipe"]["seed"]
        if (repeats or seed != recipe.seed) and before["pictures_sha256"] != entry["pictures_sha256"]:
            raise ValueError(f"other seeds of {recipe.name} were measured on other pictures than these")
        if seed < recipe.seed:
            network, answer = before, _as_repeat(entry)
            repeats.append(answer)
        elif seed > recipe.seed:
            repeats.append(_as_repeat(before))
    (out / recipe.name).parent.mkdir(parents=True, exist_ok=True)
    if network is entry:
        for key in FILES:
            os.replace(staged / entry[key], out / entry[key])
    network = {key: value for key, value in network.items() if key != "repeats"}
    if repeats:
        network["repeats"] = sorted(repeats, key=lambda repeat: repeat["seed"])
    history = json.loads((out / network["history_file"]).read_text(encoding="utf-8"))
    atomic.write_text(out / f"{recipe.name}{CARD}", card(network, history["epochs"]))
    atomic.write_json(out / MANIFEST, dict(sorted((manifest | {recipe.name: network}).items())))
    return network if answer is entry else answer


def _as_repeat(entry: dict[str, Any]) -> dict[str, Any]:
    return {"seed": entry["recipe"]["seed"], **{key: entry[key] for key in OF_A_REPEAT if key in entry}}


def _stamps(folder: Path, files: dict[str, str]) -> dict[str, Any]:
    stamps: dict[str, Any] = {}
    for key, name in files.items():
        prefix = key.removesuffix("file")
        content = (folder / name).read_bytes()
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


def _measured(name: str, file: Path, model: nn.Module, shown: Pictures) -> dict[str, Any]:
    """The accuracies of a packed file and its torch twin, which must agree."""
    found = compare(Network.open(file), model, shown)
    if abs(found["packed_top1"] - found["torch_top1"]) > TOLERANCE:
        raise ValueError(f"{name}: packed and torch top-1 differ: {found}")
    return {
        "top1": found["packed_top1"],
        "top5": found["packed_top5"],
        "torch_top1": found["torch_top1"],
        "images": found["images"],
        "labels_differ": found["labels_differ"],
    }
