"""Lightning's trainer as every run uses it: callbacks, logs, checkpoints, and no hints."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

from xnorlab.training.checkpoints import CheckpointFile
from xnorlab.training.classification import Classification
from xnorlab.training.processes import started_by

HINTS = (
    ".*does not have many workers.*",  # one process cuts the crops fast enough
    "Checkpoint directory .* exists and is not empty",  # it is the run's folder
    ".*broadcast_buffers. is deprecated",  # its new name in torch 2.14 is unknown to torch 2.6
    "The dirpath has changed from",  # a run's folder may be moved, and no state of this callback is used
    ".*isinstance.treespec, LeafSpec.*is deprecated",  # Lightning 2.6 on torch 2.15
)
"""Warnings of Lightning about itself, and about settings that are intended here."""


class StartReport(L.Callback):
    """Reports once, on the first process, the precision and the hardware of a run.

    Args:
        precision: the precision that was asked for.
        announce: called with the line; None reports nothing.

    Attributes:
        restoring: set by the caller before an earlier checkpoint is restored; false once that is complete.
    """

    def __init__(self, precision: str, announce: Callable[[str], None] | None = None):
        self.precision, self.announce, self.restoring = precision, announce, False

    def on_train_start(self, trainer: L.Trainer, pl_module: Classification) -> None:
        """Report, before the first step."""
        self.restoring = False
        if self.announce is None or not trainer.is_global_zero:
            return
        if trainer.world_size > 1:
            batch = pl_module.recipe.batch_size
            share = f"{trainer.world_size} processes × {batch // trainer.world_size} pictures"
            self.announce(f"{share} = {batch} per step; gradients and BatchNorm are over all of them")
        device, threads = pl_module.device.type, torch.get_num_threads()
        beside = "" if device == "cpu" else f" with {threads} CPU thread{'s' if threads > 1 else ''}"
        why = " (auto)" if self.precision == "auto" else ""
        self.announce(f"precision {trainer.precision}{why} on {device}: {pl_module.hardware()}{beside}")


def lightning_trainer(
    folder: Path,
    callbacks: Sequence[L.Callback],
    accelerator: str,
    devices: int,
    nodes: int,
    progress: bool,
    **options: Any,
) -> L.Trainer:
    """Trainer that leaves last.ckpt and logs in a folder.

    Args:
        folder: the run's folder.
        callbacks: to run beside those that write the checkpoint and show progress.
        accelerator: as Lightning takes it.
        devices: processes per machine, one per device.
        nodes: number of machines.
        progress: whether to show a progress bar.
        **options: further arguments of `lightning.Trainer`.

    Raises:
        ValueError: the machine does not have such devices.
    """
    keep_last = ModelCheckpoint(
        dirpath=folder, filename="last", enable_version_counter=False, every_n_epochs=1, save_on_train_epoch_end=True
    )
    # Synchronised norms keep all buffers equal. To send them in each forward pass would also hang the evaluation, where
    # one process may have a batch more than another.
    strategy = DDPStrategy(broadcast_buffers=False) if devices * nodes > 1 else "auto"
    # SLURM's own requeueing starts the command again, which resumes from last.ckpt; a second kind of checkpoint is not
    # wanted.
    started = started_by()
    slurm = [SLURMEnvironment(auto_requeue=False)] if started is not None and started[0] == "srun" else []
    try:
        return L.Trainer(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=strategy,
            callbacks=[*callbacks, keep_last, *([TQDMProgressBar(refresh_rate=10)] if progress else [])],
            logger=[CSVLogger(folder, "csv"), TensorBoardLogger(folder, "tensorboard")],
            plugins=[CheckpointFile(), *slurm],
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            use_distributed_sampler=False,
            **options,
        )
    except (MisconfigurationException, ModuleNotFoundError) as error:
        raise ValueError(
            f"accelerator={accelerator!r}, devices={devices!r}, nodes={nodes} must be what this machine has: {error}"
        ) from error


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Context in which Lightning gives no hints about settings that are the caller's choice."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in HINTS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
