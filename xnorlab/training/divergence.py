"""A run whose loss is no longer a number is ended before its weights are kept."""

from typing import Any

import lightning as L
import torch

GPU_STEPS = 50
"""Steps between two looks at a loss on a GPU, which waits for its queue at each; on a CPU every step is looked at."""


class DivergedError(ValueError):
    """The loss or a weight became infinite or NaN; the message names the epoch, the rate and what to try."""


class Finite(L.Callback):
    """Looks at the loss of steps, and at all weights at an epoch's end, before the checkpoint is written."""

    def __init__(self):
        self._rate = 0.0

    def on_train_batch_start(self, trainer: L.Trainer, *given: Any) -> None:
        """Remember the step's rate; at its end the schedule has moved on."""
        self._rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Raises DivergedError."""
        looks = pl_module.device.type == "cpu" or batch_idx % GPU_STEPS == 0
        if looks and not torch.isfinite(outputs["loss"]):
            raise self._diverged("the loss", trainer, batch_idx)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Raises DivergedError."""
        for name, value in pl_module.state_dict().items():
            if not torch.isfinite(value).all():
                raise self._diverged(name, trainer, int(trainer.num_training_batches) - 1)

    def _diverged(self, what: str, trainer: L.Trainer, step: int) -> DivergedError:
        where = f"epoch {trainer.current_epoch + 1}, step {step + 1}"
        return DivergedError(
            f"{what} is no longer a finite number, in {where}, at learning rate {self._rate:g} and "
            f"precision {trainer.precision}: try a lower peak_rate or a longer warmup in a new run"
            + (", or precision='32-true'" if trainer.precision != "32-true" else "")
        )
