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

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Raises DivergedError."""
        looks = pl_module.device.type == "cpu" or batch_idx % GPU_STEPS == 0
        if looks and not torch.isfinite(outputs["loss"]):
            raise _diverged("the loss", trainer, batch_idx)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Raises DivergedError."""
        for name, value in pl_module.state_dict().items():
            if not torch.isfinite(value).all():
                raise _diverged(name, trainer, int(trainer.num_training_batches) - 1)


def _diverged(what: str, trainer: L.Trainer, step: int) -> DivergedError:
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    return DivergedError(
        f"{what} is no longer a finite number, in epoch {trainer.current_epoch + 1}, step {step + 1}, at learning rate "
        f"{rate:g} and precision {trainer.precision}: try a lower peak_rate or a longer warmup in a new run"
        + (", or precision='32-true'" if trainer.precision != "32-true" else "")
    )
