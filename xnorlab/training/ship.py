"""From a finished run to the files of `pretrained/`: packed network, latent weights, curves, card, manifest entry."""

import datetime
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from safetensors.numpy import load_file
from safetensors.torch import save
from torch import nn

from xnorlab import atomic
from xnorlab.models.pretrained import twin
from xnorlab.runtime import Network
from xnorlab.training.cache import Preparing
from xnorlab.training.card import card
from xnorlab.training.checkpoints import CHECKPOINT, load_checkpoint
from xnorlab.training.epoch_recorder import stored_history
from xnorlab.training.evaluate import TOLERANCE, Pictures, compare, pack, pictures
from xnorlab.training.folders import find
from xnorlab.training.rounding import round_weights_, shipped_tensors
from xnorlab.zoo import manifest
from xnorlab.zoo.cost import file_float32_bytes
from xnorlab.zoo.latent_weights import read_weights
from xnorlab.zoo.manifest import Repeat, ShippedNetwork
from xnorlab.zoo.recipe import Recipe

LOCK = "manifest.lock"
"""A file that is there while a process changes shipped files: two that do so at once would lose an entry."""
LOCK_SECONDS = 60.0

PACKED, LATENT, HISTORY, CARD = ".safetensors", "-latent.safetensors", "-history.json", ".md"
"""How the names of a shipped network's files end."""


def ship(
    run: str | Path,
    data: str | Path,
    out: str | Path | None = None,
    *,
    data_note: str | None = None,
    **preparing: Unpack[Preparing],
) -> ShippedNetwork | Repeat:
    """Round, pack, measure and write a run's network.

    Written are <dataset>/<model>-<scheme>.safetensors (packed), …-latent.safetensors (what torch needs beside it:
    8-bit, float16, float32), …-history.json (curves, flips, weight histograms), ….md (card) and the entry in
    manifest.json.
    Accuracies are measured after the rounding, over the whole validation set, and the files are read back for it: the
    packed file by the runtime, both into a newly built torch model. Only then do they take the place of earlier ones.

    Where the manifest has networks of this recipe but for the seed, the lowest seed's is the network and the others are
    its `repeats`: their accuracy, which the network's card tells, and the packed file's hash are kept, not the files.
    Any other network of the name is replaced.

    Args:
        run: the folder that `run.train` left.
        data: the data set's folder, or one that holds it.
        out: the folder of shipped networks, made if missing; None is the checkout's `pretrained/`.
        data_note: how this copy of the data differs from its publisher's, for the card; None leaves that out.
        **preparing: where decoded pictures are kept and what becomes of unreadable ones, as `cache.prepare` takes it.

    Returns:
        What the manifest now says of this run: its network, or a repeat of a network with a lower seed.

    Raises:
        ValueError: the run is unfinished, packed and torch top-1 differ by more than 0.1 point, or other seeds were
            measured on other pictures.
    """
    checkpoint_path = Path(run) / CHECKPOINT
    model, recipe, labels, checkpoint = load_checkpoint(checkpoint_path)
    history = stored_history(checkpoint)
    if len(history["epochs"]) < recipe.epochs:
        raise ValueError(f"run={str(run)!r} has trained {len(history['epochs'])} of {recipe.epochs} epochs: resume it")
    data_set = find(recipe.dataset, data)
    if list(data_set.labels) != labels:
        raise ValueError(f"data={str(data)!r} has other classes than the run: {data_set.labels} against {labels}")
    shown = pictures(data_set.val, recipe.preprocessing(), **preparing)
    round_weights_(model)
    date = datetime.datetime.fromtimestamp(checkpoint_path.stat().st_mtime, datetime.UTC).date().isoformat()

    out = manifest.folder() if out is None else Path(out)
    out.mkdir(parents=True, exist_ok=True)
    packed, latent, curves = (f"{recipe.name}{end}" for end in (PACKED, LATENT, HISTORY))
    with tempfile.TemporaryDirectory(prefix=".ship-", dir=out) as folder:
        staged = Path(folder)
        (staged / recipe.name).parent.mkdir(parents=True)
        provenance = {"name": recipe.name, "dataset": recipe.dataset, "date": date, "recipe": recipe.to_dict()}
        pack(model, recipe, labels, shown, provenance).save(staged / packed)
        (staged / latent).write_bytes(save(shipped_tensors(model, load_file(staged / packed))))
        (staged / curves).write_text(json.dumps(_rounded(history)) + "\n", encoding="utf-8")
        reloaded = twin(recipe, len(labels), read_weights(staged / latent, staged / packed))
        measured = _measured(recipe.name, staged / packed, reloaded, shown)
        last = history["epochs"][-1]
        network = ShippedNetwork(
            file=packed,
            latent_file=latent,
            history_file=curves,
            sha256=_sha256(staged / packed),
            bytes=(staged / packed).stat().st_size,
            latent_sha256=_sha256(staged / latent),
            latent_bytes=(staged / latent).stat().st_size,
            history_sha256=_sha256(staged / curves),
            history_bytes=(staged / curves).stat().st_size,
            top1=measured["packed_top1"],
            top5=measured["packed_top5"],
            torch_top1=measured["torch_top1"],
            images=measured["images"],
            labels_differ=measured["labels_differ"],
            pictures_sha256=shown.split.fingerprint(),
            recipe=recipe,
            trained_seconds=round(sum(record["seconds"] for record in history["epochs"])),
            # Epochs recorded without them: the last machine, and a precision that nothing had to resolve.
            hardware=last.get("hardware", checkpoint.get("hardware")),
            precision=last.get("precision", recipe.precision),
            date=date,
            labels=tuple(labels),
            data_note=data_note,
        )
        with _locked(out):
            return _enter(staged, out, network)


def ship_all(
    recipes: Iterable[Recipe], runs: str | Path, data: str | Path, out: str | Path | None = None, **options: Any
) -> Iterator[tuple[str, ShippedNetwork | Repeat]]:
    """Ship those of `recipes` that are finished in `runs`; yields each run's name with what `ship` returns.

    First stages of two-stage trainings are left out: nobody runs them.

    Args:
        recipes: in the order in which they are shipped.
        runs: the folder of their runs.
        data: as `ship` takes it.
        out: as `ship` takes it.
        **options: as `ship` takes them.

    Raises:
        ValueError: a run was trained by another recipe.
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
        yield recipe.run_name, ship(folder, data, out, **options)


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


def _enter(staged: Path, out: Path, measured: ShippedNetwork) -> ShippedNetwork | Repeat:
    """Move a measured network's files into `out` and enter it into the manifest as it is now; what `ship` returns."""
    recipe, name = measured.recipe, measured.name
    networks = manifest.read(out)
    before = networks.get(name)
    network, repeats = measured, []
    if before is not None and recipe.same_but_seed(before.recipe):
        repeats = [repeat for repeat in before.repeats if repeat.seed != recipe.seed]
        seed = before.recipe.seed
        if (repeats or seed != recipe.seed) and before.pictures_sha256 != measured.pictures_sha256:
            raise ValueError(f"other seeds of {name} were measured on other pictures than these")
        if seed < recipe.seed:
            network = before
            repeats.append(measured.as_repeat())
        elif seed > recipe.seed:
            repeats.append(before.as_repeat())
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    network = replace(network, repeats=tuple(sorted(repeats, key=lambda repeat: repeat.seed)))
    as_repeat = network.recipe.seed != recipe.seed
    if not as_repeat:
        for end in (PACKED, LATENT, HISTORY):
            os.replace(staged / f"{name}{end}", out / f"{name}{end}")
    _write_card(out, network)
    manifest.write(out, {**networks, name: network})
    return measured.as_repeat() if as_repeat else network


def enter_calibrated(out: Path, shipped: ShippedNetwork, network: Network) -> ShippedNetwork:
    """Replace a shipped network's packed file, card and entry where only its calibration has changed.

    Args:
        out: the folder of shipped networks.
        shipped: what the manifest shall say of it, but for the hash and the size of the packed file.
        network: the network with its rule.

    Returns:
        What the manifest now says of it.

    Raises:
        ValueError: the manifest has another network of the name by now.
    """
    data = network.to_bytes()
    with _locked(out):
        networks = manifest.read(out)
        if networks[shipped.name].sha256 != shipped.sha256:
            raise ValueError(f"{shipped.name} was shipped anew meanwhile: calibrate it again")
        entered = replace(shipped, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        atomic.write_bytes(out / shipped.file, data)
        manifest.write(out, {**networks, shipped.name: entered})
        _write_card(out, entered)
    return entered


def _write_card(out: Path, network: ShippedNetwork) -> None:
    """Write the card of a network whose packed file and history lie in `out`."""
    history = json.loads((out / f"{network.name}{HISTORY}").read_text(encoding="utf-8"))
    numbers_bytes = file_float32_bytes(out / f"{network.name}{PACKED}")
    atomic.write_text(out / f"{network.name}{CARD}", card(network, history["epochs"], float32_bytes=numbers_bytes))


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _rounded(value: Any) -> Any:
    """`value` with numbers of six significant digits: curves need no more, and the file halves."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _measured(name: str, file: Path, model: nn.Module, shown: Pictures) -> dict[str, Any]:
    """The accuracies of a packed file and its torch twin, which must agree; see `compare`."""
    measured = compare(Network.open(file), model, shown)
    if abs(measured["packed_top1"] - measured["torch_top1"]) > TOLERANCE:
        raise ValueError(f"{name}: packed and torch top-1 differ: {measured}")
    return measured
