"""The body of `xnorlab train`: from a folder of pictures to a run folder that `ship` turns into a network."""

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from xnorlab.training.batches import Batches
from xnorlab.training.cache import Preparing, prepare
from xnorlab.training.folders import DataFolder, find, open_folder
from xnorlab.training.history import History
from xnorlab.training.precision import resolve
from xnorlab.training.recipe import Recipe
from xnorlab.training.sources import CHECKPOINT, Source, copy_weights_, open_source
from xnorlab.training.task import Classification

HINTS = (
    ".*does not have many workers.*",  # one process cuts the crops fast enough
    "Checkpoint directory .* exists and is not empty",  # it is the run's folder
    ".*isinstance.treespec, LeafSpec.*is deprecated",  # Lightning 2.6 on torch 2.15
)
"""Warnings that Lightning gives for what is meant so here, or about itself."""


@dataclass(frozen=True)
class Result:
    """A finished or interrupted run: its folder, checkpoint and one record an epoch (see `History`)."""

    folder: Path
    checkpoint: Path
    recipe: Recipe
    epochs: list[dict[str, Any]]


def train(
    data: str | Path,
    recipe: Recipe | None,
    folder: str | Path,
    *,
    resume: bool = False,
    stop_after: int | None = None,
    accelerator: str = "auto",
    devices: int | str = "auto",
    nodes: int = 1,
    workers: int = 0,
    runs: str | Path | None = None,
    evaluate_every: int = 1,
    progress: bool = True,
    report: Callable[[dict[str, Any]], None] | None = None,
    **preparing: Unpack[Preparing],
) -> Result:
    """Train by a recipe and leave in `folder` recipe.json, last.ckpt, history.json, CSV and TensorBoard logs.

    data: the data set's folder, or one that holds it.
    recipe: how to train; with resume=True it may be None (the checkpoint has it) or must equal the checkpoint's.
    folder: the run's folder; must not hold a checkpoint unless resume is True.
    resume: continue from last.ckpt, with the losses that an unbroken run would have had.
    stop_after: end after this epoch (from 1) of the recipe's, to be resumed later; None runs all.
    accelerator, devices, nodes: as Lightning takes them ("auto", "cpu", "gpu"; "auto" or a number; a number).
    workers: processes a device that cut training crops; 0 is the training process itself.
    runs: folder of run folders, in which `recipe.teacher` and `recipe.start` are looked for first.
    evaluate_every: evaluate after every so many epochs; in float32 this takes a third of a training epoch's time.
    progress: show a progress bar.
    report: called after each epoch with its record.
    preparing: where decoded pictures are kept and what becomes of unreadable ones, as `cache.prepare` takes it.

    Raises DataError for a data folder that breaks a rule and ValueError for arguments that do not fit.
    """
    folder = Path(folder)
    checkpoint = folder / CHECKPOINT
    done = 0
    if resume:
        recipe, done = _resumed(checkpoint, recipe)
    elif checkpoint.exists():
        raise ValueError(f"folder={str(folder)!r} already holds {CHECKPOINT}: pass resume, or another folder")
    if recipe is None:
        raise ValueError("recipe=None is only allowed with resume=True")
    if stop_after is not None and not max(1, done) <= stop_after <= recipe.epochs:
        trained = f", of which {done} are trained" if done else ""
        raise ValueError(f"stop_after={stop_after} must be from {max(1, done)} to epochs={recipe.epochs}{trained}")
    if not 1 <= evaluate_every <= recipe.epochs:
        raise ValueError(f"evaluate_every={evaluate_every} must be from 1 to epochs={recipe.epochs}")
    found = open_dataset(data, recipe)
    teacher, start = (_source(name, runs, found) for name in (recipe.teacher, None if resume else recipe.start))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(json.dumps(recipe.to_dict(), indent=2) + "\n", encoding="utf-8")

    found, batches = _batches(found, recipe, workers, preparing)
    steps = len(found.train) // recipe.batch_size
    task = Classification(recipe, found.labels, steps, None if teacher is None else teacher.model)
    if start is not None:
        copy_weights_(task.model, recipe.scheme, start)
    history = History(report)
    precision = resolve(recipe.precision, _device_type(accelerator))
    with _quiet_lightning():
        trainer = _trainer(
            accelerator,
            devices,
            nodes,
            precision=precision,
            max_epochs=recipe.epochs if stop_after is None else stop_after,
            check_val_every_n_epoch=evaluate_every,
            callbacks=_callbacks(folder, history, progress),
            logger=[CSVLogger(folder, "csv"), TensorBoardLogger(folder, "tensorboard")],
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            use_distributed_sampler=False,
        )
        trainer.fit(task, datamodule=batches, ckpt_path=checkpoint if resume else None, weights_only=True)
    if trainer.is_global_zero:
        (folder / "history.json").write_text(json.dumps(history.state_dict()) + "\n", encoding="utf-8")
    return Result(folder, checkpoint, recipe, history.epochs)


def _device_type(accelerator: str) -> str:
    """The type of torch device that Lightning will train on."""
    if accelerator in ("gpu", "auto"):
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    return accelerator


def _trainer(accelerator: str, devices: int | str, nodes: int, **options: Any) -> L.Trainer:
    """Lightning's, which raises errors of its own for devices that are not there."""
    try:
        return L.Trainer(accelerator=accelerator, devices=devices, num_nodes=nodes, **options)
    except (MisconfigurationException, ModuleNotFoundError) as error:
        raise ValueError(
            f"accelerator={accelerator!r}, devices={devices!r}, nodes={nodes} must be what this machine has: {error}"
        ) from error


def open_dataset(data: str | Path, recipe: Recipe) -> DataFolder:
    """The recipe's data set in `data`; a folder that is itself a data set must be the recipe's."""
    try:
        found = open_folder(data)
    except ValueError:
        return find(recipe.dataset, data)
    if found.name != recipe.dataset:
        raise ValueError(f"data={str(data)!r} holds {found.name!r}, the recipe is for {recipe.dataset!r}")
    return found


def _source(name: str | None, runs: str | Path | None, found: DataFolder) -> Source | None:
    if name is None:
        return None
    source = open_source(name, runs)
    if source.labels != found.labels:
        raise ValueError(
            f"{name} knows {', '.join(source.labels[:3])}, …; the data has {', '.join(found.labels[:3])}, …"
        )
    return source


def _resumed(checkpoint: Path, recipe: Recipe | None) -> tuple[Recipe, int]:
    """The recipe of a checkpoint, which is `recipe` unless that is None, and how many of its epochs are trained."""
    if not checkpoint.is_file():
        raise ValueError(f"resume=True needs {checkpoint}, which does not exist")
    found = torch.load(checkpoint, map_location="cpu", weights_only=True)
    stored = Recipe.from_dict(found["recipe"])
    if recipe is not None and recipe != stored:
        ours, theirs = recipe.to_dict(), stored.to_dict()
        name = next(key for key in ours if ours[key] != theirs[key])
        raise ValueError(f"{name}={ours[name]!r} differs from the checkpoint's {theirs[name]!r}; omit it to resume")
    return stored, found["epoch"] + 1


def _batches(found: DataFolder, recipe: Recipe, workers: int, preparing: Preparing) -> tuple[DataFolder, Batches]:
    """The data set with the pictures that are really used, and their batches."""
    parts = (found.train, recipe.training_square()), (found.val, recipe.preprocessing())
    train, val = prepare(*parts, **preparing)
    batches = Batches(recipe, (train.squares, train.split.targets), (val.squares, val.split.targets), workers)
    return replace(found, train=train.split, val=val.split), batches


def _callbacks(folder: Path, history: History, progress: bool) -> list[L.Callback]:
    keep_last = ModelCheckpoint(
        dirpath=folder, filename="last", enable_version_counter=False, every_n_epochs=1, save_on_train_epoch_end=True
    )
    return [history, keep_last, *([TQDMProgressBar(refresh_rate=10)] if progress else [])]


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without Lightning's hints: the settings they ask about are the caller's choice."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in HINTS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        logger.setLevel(level)
