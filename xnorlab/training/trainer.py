"""Lightning's trainer as every run uses it: callbacks, logs, checkpoints, and none of its hints."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from xnorlab.training.checkpoints import CheckpointFile
from xnorlab.training.classification import Classification

HINTS = (
    ".*does not have many workers.*",  # one process cuts the crops fast enough
    "Checkpoint directory .* exists and is not empty",  # it is the run's folder
    ".*isinstance.treespec, LeafSpec.*is deprecated",  # Lightning 2.6 on torch 2.15
)
"""Warnings that Lightning gives for what is meant so here, or about itself."""


class Start(L.Callback):
    """Says once, on the first process, in which precision and on what a run computes.

    chosen: the precision that was asked for. announce: takes the line. `restoring`: set where an earlier
    checkpoint is about to be restored, until all of it is.
    """

    def __init__(self, chosen: str, announce: Callable[[str], None] | None = None):
        self.chosen, self.announce, self.restoring = chosen, announce, False

    def on_train_start(self, trainer: L.Trainer, pl_module: Classification) -> None:
        """Before the first step."""
        self.restoring = False
        if self.announce is None or not trainer.is_global_zero:
            return
        device, threads = pl_module.device.type, torch.get_num_threads()
        beside = "" if device == "cpu" else f" with {threads} CPU thread{'s' if threads > 1 else ''}"
        why = " (auto)" if self.chosen == "auto" else ""
        self.announce(f"precision {trainer.precision}{why} on {device}: {pl_module.hardware()}{beside}")


def lightning_trainer(
    folder: Path,
    callbacks: Sequence[L.Callback],
    accelerator: str,
    devices: int | str,
    nodes: int,
    progress: bool,
    **options: Any,
) -> L.Trainer:
    """A trainer that leaves last.ckpt and logs in `folder`. Raises ValueError for devices that are not there."""
    keep_last = ModelCheckpoint(
        dirpath=folder, filename="last", enable_version_counter=False, every_n_epochs=1, save_on_train_epoch_end=True
    )
    try:
        return L.Trainer(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            callbacks=[*callbacks, keep_last, *([TQDMProgressBar(refresh_rate=10)] if progress else [])],
            logger=[CSVLogger(folder, "csv"), TensorBoardLogger(folder, "tensorboard")],
            plugins=[CheckpointFile()],
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
