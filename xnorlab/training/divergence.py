"""Check that ends a run whose loss or weights are no longer finite, before such weights are saved."""

from typing import Any

import lightning as L
import torch

GPU_STEPS = 50
"""Steps between two checks of the loss on a GPU, each of which waits for its queue; a CPU checks every step."""


class DivergedError(ValueError):
    """The loss or a weight has become infinite or NaN; the message names the epoch, the rate and what to try."""


class DivergenceCheck(L.Callback):
    """Checks the loss of training steps, and all weights at the end of an epoch, before the checkpoint is written."""

    def __init__(self):
        self._rate = 0.0

    def on_train_batch_start(self, trainer: L.Trainer, *given: Any) -> None:
        """Remember the step's learning rate, which the schedule has changed by the step's end."""
        self._rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the loss.

        Raises:
            DivergedError: it is not finite.
        """
        if pl_module.device.type != "cpu" and batch_idx % GPU_STEPS != 0:
            return
        # The mean over processes is not finite where one of their losses is not: all stop, and none waits for another.
        loss = trainer.strategy.reduce(outputs["loss"].detach().clone(), reduce_op="mean")
        if not torch.isfinite(torch.as_tensor(loss)):
            raise self._diverged("the loss", trainer, batch_idx)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Check all weights.

        Raises:
            DivergedError: one of them is not finite.
        """
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
