"""One training run: from a folder of pictures to a run's folder, which `ship` turns into a shipped network."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import lightning as L
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher
from lightning.pytorch.utilities.exceptions import SIGTERMException

from xnorlab import atomic
from xnorlab.printable import error_line
from xnorlab.training.agreement import AgreementCheck
from xnorlab.training.batches import Batches
from xnorlab.training.cache import Preparing, prepare
from xnorlab.training.checkpoints import CHECKPOINT, load_weights_, read_checkpoint, saved_epochs, trained_epochs
from xnorlab.training.classification import Classification
from xnorlab.training.data_record import data_record, require_same_data
from xnorlab.training.dataset import DataFolder
from xnorlab.training.devices import device_count, device_type, devices_per_node, resolve_precision
from xnorlab.training.divergence import DivergedError, DivergenceCheck
from xnorlab.training.epoch_recorder import EpochRecorder
from xnorlab.training.folders import find, open_folder
from xnorlab.training.processes import is_first_process, require_processes
from xnorlab.training.recipe_checks import out_of_memory, require_feasible, require_teacher_fits
from xnorlab.training.synced_norm import synchronize_norms_
from xnorlab.training.trained_networks import TrainedNetwork, copy_weights_, open_trained_network
from xnorlab.training.trainer import StartReport, lightning_trainer, quiet_lightning
from xnorlab.zoo.recipe import Recipe, require_precision

UNREADABLE = "unreadable.json"
"""Name of the file in a run's folder that keeps which pictures cannot be read, where no cache file does."""

LOST_CONNECTION = ("Connection closed by peer", "Connection reset by peer", "gloo", "NCCL")
"""Words in torch's errors where a process no longer hears of another one."""


@dataclass(frozen=True)
class Result:
    """Outcome of a run, which is finished or stopped early.

    Attributes:
        folder: the run's folder.
        checkpoint: its last checkpoint.
        recipe: how it is trained.
        epochs: one record per epoch, see `EpochRecorder`.
    """

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
    """Train by a recipe, and leave recipe.json, last.ckpt, history.json, CSV and TensorBoard logs in a folder.

    Whatever ends a run, the last checkpoint stays, and the message says which epochs it holds.

    Args:
        data: the data set's folder, or one that holds it. A resumed run must be given the classes and pictures that it
            began with; the folder's name does not matter.
        recipe: how to train. With `resume` it may be None, and must equal the checkpoint's otherwise.
        folder: the run's folder. It must not hold a checkpoint unless `resume` is true.
        resume: continue from last.ckpt, with the losses that an unbroken run would have had.
        stop_after: end after this epoch of the recipe's, counted from 1, to be resumed later; None runs all.
        precision: replaces that of the recipe for this start alone; None is the recipe's.
        accelerator: as Lightning takes it: "auto", "cpu", "gpu".
        devices: devices per machine, with one process each; "auto" is all GPUs, or one CPU.
        nodes: number of machines. All of them must see the run's folder and the data under the same paths.
        workers: processes per device that cut training crops; 0 is the training process itself.
        runs: folder of runs, in which `recipe.teacher` and `recipe.start` are looked for first.
        evaluate_every: epochs between two evaluations. One takes a third of a training epoch's time, in float32.
        progress: show a progress bar.
        announce: called before the first step with one line: precision, device and threads.
        report: called after each epoch with its record.
        **preparing: where decoded pictures are kept and what becomes of unreadable ones, see `cache.prepare`.

    Raises:
        DataError: the data folder breaks a rule.
        ValueError: an argument is out of range, the checkpoint is damaged, memory runs out, or the loss is no longer a
            number.
        OSError: a file cannot be written.
    """
    folder = Path(folder)
    checkpoint = folder / CHECKPOINT
    devices = devices_per_node(accelerator, device_count(devices))
    require_processes(devices, nodes)
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
    dataset = open_dataset(data, recipe, content)
    if content is not None and not preparing.get("skip_unreadable", False):  # before minutes of decoding
        require_same_data(dataset, content["labels"], content.get("data"))
    require_feasible(recipe, len(dataset.labels))
    teacher = _trained_network(recipe.teacher, runs, dataset)
    start = None if resume else _trained_network(recipe.start, runs, dataset)
    if teacher is not None:
        require_teacher_fits(teacher.recipe, len(dataset.labels), recipe)
    dataset, batches = _batches(dataset, recipe, workers, folder / UNREADABLE, preparing)
    if content is not None:  # of the pictures that are really used: unreadable ones may be left out
        require_same_data(dataset, content["labels"], content.get("data"))
    steps = len(dataset.train) // recipe.batch_size
    teacher_model = None if teacher is None else teacher.model
    classifier = Classification(recipe, dataset.labels, steps, teacher_model, data_record(dataset))
    if content is not None:
        load_weights_(classifier.model, content, checkpoint)
    if start is not None:
        copy_weights_(classifier.model, recipe.scheme, start)
    if devices * nodes > 1:
        synchronize_norms_(classifier.model)
    if precision is None:
        precision = recipe.precision
    start_report, history = StartReport(precision, announce), EpochRecorder(report)
    with quiet_lightning(), _explained(start_report, recipe, checkpoint):
        if is_first_process():
            folder.mkdir(parents=True, exist_ok=True)
            atomic.write_json(folder / "recipe.json", recipe.to_dict())
        trainer = lightning_trainer(
            folder,
            [AgreementCheck(), start_report, DivergenceCheck(), history],
            accelerator,
            devices,
            nodes,
            progress,
            precision=resolve_precision(precision, device_type(accelerator)),
            max_epochs=recipe.epochs if stop_after is None else stop_after,
            check_val_every_n_epoch=evaluate_every,
        )
        start_report.restoring = resume
        with _children_ended(trainer):
            trainer.fit(classifier, datamodule=batches, ckpt_path=checkpoint if resume else None, weights_only=True)
        if trainer.is_global_zero:
            atomic.write_json(folder / "history.json", history.state_dict(), indent=None)
    return Result(folder, checkpoint, recipe, history.epochs)


@contextmanager
def _children_ended(trainer: L.Trainer) -> Iterator[None]:
    """Context that takes with it, where anything ends it early, the processes that Lightning has started."""
    try:
        yield
    except BaseException:
        launcher = trainer.strategy.launcher
        if isinstance(launcher, _SubprocessScriptLauncher):
            launcher.kill(signal.SIGTERM)
        raise


@contextmanager
def _explained(start: StartReport, recipe: Recipe, checkpoint: Path) -> Iterator[None]:
    """Turn errors that are no bugs (a full disk, too little memory) into one sentence, which says what is saved."""
    try:
        yield
    except SIGTERMException as error:  # as Lightning raises it, it would end the process with status 0
        raise SystemExit(128 + signal.SIGTERM) from error
    except DivergedError as error:
        raise DivergedError(f"{error}; {saved_epochs(checkpoint.parent)}") from error
    except OSError as error:
        where = error.filename or checkpoint.parent
        raise OSError(f"{where}: {error.strerror or error}; {saved_epochs(checkpoint.parent)}") from error
    except Exception as error:
        if out_of_memory(error):
            raise ValueError(
                f"too little memory for batch_size={recipe.batch_size} of {recipe.model} at {recipe.train_size} "
                f"pixels: {error_line(error)}; {saved_epochs(checkpoint.parent)}"
            ) from error
        if isinstance(error, RuntimeError) and any(word in str(error) for word in LOST_CONNECTION):
            raise ValueError(
                f"another process of this training has ended ({error_line(error)}); {saved_epochs(checkpoint.parent)}; "
                "start all processes again to resume"
            ) from error
        if start.restoring:
            raise ValueError(f"checkpoint={str(checkpoint)!r} is damaged: {error!r}") from error
        raise


def open_dataset(data: str | Path, recipe: Recipe, resumed: Mapping[str, Any] | None = None) -> DataFolder:
    """Data set that a recipe trains on.

    Args:
        data: the data set's folder, or one that holds it.
        recipe: names the data set.
        resumed: checkpoint of a resumed run, whose classes the data set must have, whatever its folder is called.

    Raises:
        DataError: the folder breaks a rule, or has other classes than the resumed run.
        ValueError: the folder holds another data set than the recipe's.
    """
    try:
        dataset = open_folder(data)
    except ValueError:
        dataset = find(recipe.dataset, data)
    if resumed is not None:
        require_same_data(dataset, resumed["labels"], None)
    elif dataset.name != recipe.dataset:
        raise ValueError(f"data={str(data)!r} holds {dataset.name!r}, the recipe is for {recipe.dataset!r}")
    return dataset


def _trained_network(name: str | None, runs: str | Path | None, dataset: DataFolder) -> TrainedNetwork | None:
    if name is None:
        return None
    network = open_trained_network(name, runs)
    if network.labels != dataset.labels:
        raise ValueError(
            f"{name} knows {', '.join(network.labels[:3])}, …; the data has {', '.join(dataset.labels[:3])}, …"
        )
    return network


def _resumed(checkpoint: Path, recipe: Recipe | None) -> tuple[Recipe, Mapping[str, Any]]:
    """Recipe and content of a checkpoint; a recipe that is not None must be the checkpoint's."""
    if not checkpoint.is_file():
        raise ValueError(f"resume=True needs {checkpoint}, which does not exist")
    stored, _, content = read_checkpoint(checkpoint)
    if recipe is not None and recipe != stored:
        ours, theirs = recipe.to_dict(), stored.to_dict()
        name = next(key for key in ours if ours[key] != theirs[key])
        raise ValueError(f"{name}={ours[name]!r} differs from the checkpoint's {theirs[name]!r}; omit it to resume")
    return stored, content


def _batches(
    dataset: DataFolder, recipe: Recipe, workers: int, remember: Path, preparing: Preparing
) -> tuple[DataFolder, Batches]:
    """Data set of the pictures that are really used, and their batches."""
    parts = (dataset.train, recipe.training_square()), (dataset.val, recipe.preprocessing())
    train, val = prepare(*parts, remember=remember, **preparing)
    batches = Batches(recipe, (train.squares, train.split.targets), (val.squares, val.split.targets), workers)
    return replace(dataset, train=train.split, val=val.split), batches
