"""The body of `xnorlab train`: from a folder of pictures to a run folder that `ship` turns into a network."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from lightning.pytorch.utilities.exceptions import SIGTERMException

from xnorlab import atomic
from xnorlab.training.batches import Batches
from xnorlab.training.cache import Preparing, prepare
from xnorlab.training.devices import device_count, device_type
from xnorlab.training.epoch_recorder import EpochRecorder
from xnorlab.training.feasible import out_of_memory, require_feasible, require_shown
from xnorlab.training.finite import DivergedError, Finite
from xnorlab.training.folders import DataFolder, find, open_folder
from xnorlab.training.precision import resolve
from xnorlab.training.same_data import described, require_same
from xnorlab.training.sources import (
    CHECKPOINT,
    Source,
    copy_weights_,
    kept,
    load_weights_,
    open_source,
    read_checkpoint,
    trained_epochs,
)
from xnorlab.training.task import Classification
from xnorlab.training.trainer import Start, lightning_trainer, quiet_lightning
from xnorlab.zoo.recipe import Recipe, require_precision


@dataclass(frozen=True)
class Result:
    """A finished or interrupted run: its folder, checkpoint and one record an epoch (see `EpochRecorder`)."""

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
    precision: str | None = None,
    accelerator: str = "auto",
    devices: int | str = "auto",
    nodes: int = 1,
    workers: int = 0,
    runs: str | Path | None = None,
    evaluate_every: int = 1,
    progress: bool = True,
    announce: Callable[[str], None] | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
    **preparing: Unpack[Preparing],
) -> Result:
    """Train by a recipe and leave in `folder` recipe.json, last.ckpt, history.json, CSV and TensorBoard logs.

    data: the data set's folder, or one that holds it. On a resume it must hold the classes and pictures that the run
    began with, under whatever name.
    recipe: how to train; with resume=True it may be None (the checkpoint has it) or must equal the checkpoint's.
    folder: the run's folder; must not hold a checkpoint unless resume is True.
    resume: continue from last.ckpt, with the losses that an unbroken run would have had.
    stop_after: end after this epoch (from 1) of the recipe's, to be resumed later; None runs all.
    precision: of this start alone, in place of the recipe's; None is the recipe's.
    accelerator, devices, nodes: as Lightning takes them ("auto", "cpu", "gpu"; "auto" or a number; a number).
    workers: processes a device that cut training crops; 0 is the training process itself.
    runs: folder of run folders, in which `recipe.teacher` and `recipe.start` are looked for first.
    evaluate_every: evaluate after every so many epochs; in float32 this takes a third of a training epoch's time.
    progress: show a progress bar.
    announce: called before the first step with one line: precision, device and threads.
    report: called after each epoch with its record.
    preparing: where decoded pictures are kept and what becomes of unreadable ones, as `cache.prepare` takes it.

    Raises DataError for a data folder that breaks a rule, ValueError for arguments that do not fit, a damaged
    checkpoint, too little memory or a loss that is no longer a number, and OSError where a file cannot be written; the
    last checkpoint then stays, and the message says which epochs it holds.
    """
    folder = Path(folder)
    checkpoint = folder / CHECKPOINT
    devices = device_count(devices)
    if precision is not None:
        require_precision(precision)
    content, done = None, 0
    if resume:
        recipe, content = _resumed(checkpoint, recipe)
        done = trained_epochs(content)
    elif checkpoint.exists():
        raise ValueError(f"folder={str(folder)!r} already holds {CHECKPOINT}: pass resume, or another folder")
    if recipe is None:
        raise ValueError("recipe=None is only allowed with resume=True")
    if stop_after is not None and not max(1, done) <= stop_after <= recipe.epochs:
        trained = f", of which {done} are trained" if done else ""
        raise ValueError(f"stop_after={stop_after} must be from {max(1, done)} to epochs={recipe.epochs}{trained}")
    if not 1 <= evaluate_every <= recipe.epochs:
        raise ValueError(f"evaluate_every={evaluate_every} must be from 1 to epochs={recipe.epochs}")
    found = open_dataset(data, recipe, content)
    if content is not None and not preparing.get("skip_unreadable", False):  # before minutes of decoding
        require_same(found, content["labels"], content.get("data"))
    require_feasible(recipe, len(found.labels))
    teacher, start = (_source(name, runs, found) for name in (recipe.teacher, None if resume else recipe.start))
    if teacher is not None:
        require_shown(teacher.recipe, len(found.labels), recipe)
    found, batches = _batches(found, recipe, workers, preparing)
    if content is not None:  # of the pictures that are really used: unreadable ones may be left out
        require_same(found, content["labels"], content.get("data"))
    steps = len(found.train) // recipe.batch_size
    task = Classification(recipe, found.labels, steps, None if teacher is None else teacher.model, described(found))
    if content is not None:
        load_weights_(task.model, content, checkpoint)
    if start is not None:
        copy_weights_(task.model, recipe.scheme, start)
    chosen = recipe.precision if precision is None else precision
    start_of_run, history = Start(chosen, announce), EpochRecorder(report)
    with quiet_lightning(), _explained(start_of_run, recipe, checkpoint):
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_json(folder / "recipe.json", recipe.to_dict())
        trainer = lightning_trainer(
            folder,
            [start_of_run, Finite(), history],
            accelerator,
            devices,
            nodes,
            progress,
            precision=resolve(chosen, device_type(accelerator)),
            max_epochs=recipe.epochs if stop_after is None else stop_after,
            check_val_every_n_epoch=evaluate_every,
        )
        start_of_run.restoring = resume
        trainer.fit(task, datamodule=batches, ckpt_path=checkpoint if resume else None, weights_only=True)
        if trainer.is_global_zero:
            atomic.write_json(folder / "history.json", history.state_dict(), indent=None)
    return Result(folder, checkpoint, recipe, history.epochs)


@contextmanager
def _explained(start: Start, recipe: Recipe, checkpoint: Path) -> Iterator[None]:
    """What a run can meet beside a bug becomes one sentence, which says what is kept."""
    try:
        yield
    except SIGTERMException as error:  # as Lightning raises it, it would end the process with status 0
        raise SystemExit(128 + signal.SIGTERM) from error
    except DivergedError as error:
        raise DivergedError(f"{error}; {kept(checkpoint.parent)}") from error
    except OSError as error:
        where = error.filename or checkpoint.parent
        raise OSError(f"{where}: {error.strerror or error}; {kept(checkpoint.parent)}") from error
    except Exception as error:
        if out_of_memory(error):
            raise ValueError(
                f"too little memory for batch_size={recipe.batch_size} of {recipe.model} at {recipe.train_size} "
                f"pixels: {str(error).partition(chr(10))[0]}; {kept(checkpoint.parent)}"
            ) from error
        if start.restoring:
            raise ValueError(f"checkpoint={str(checkpoint)!r} is damaged: {error!r}") from error
        raise


def open_dataset(data: str | Path, recipe: Recipe, resumed: Mapping[str, Any] | None = None) -> DataFolder:
    """The recipe's data set in `data`; a folder that is itself a data set must be the recipe's.

    resumed: a checkpoint, whose classes it must have then, whatever the folder is called now.
    """
    try:
        found = open_folder(data)
    except ValueError:
        found = find(recipe.dataset, data)
    if resumed is not None:
        require_same(found, resumed["labels"], None)
    elif found.name != recipe.dataset:
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


def _resumed(checkpoint: Path, recipe: Recipe | None) -> tuple[Recipe, Mapping[str, Any]]:
    """A checkpoint and its recipe, which is `recipe` unless that is None."""
    if not checkpoint.is_file():
        raise ValueError(f"resume=True needs {checkpoint}, which does not exist")
    stored, _, content = read_checkpoint(checkpoint)
    if recipe is not None and recipe != stored:
        ours, theirs = recipe.to_dict(), stored.to_dict()
        name = next(key for key in ours if ours[key] != theirs[key])
        raise ValueError(f"{name}={ours[name]!r} differs from the checkpoint's {theirs[name]!r}; omit it to resume")
    return stored, content


def _batches(found: DataFolder, recipe: Recipe, workers: int, preparing: Preparing) -> tuple[DataFolder, Batches]:
    """The data set with the pictures that are really used, and their batches."""
    parts = (found.train, recipe.training_square()), (found.val, recipe.preprocessing())
    train, val = prepare(*parts, **preparing)
    batches = Batches(recipe, (train.squares, train.split.targets), (val.squares, val.split.targets), workers)
    return replace(found, train=train.split, val=val.split), batches
