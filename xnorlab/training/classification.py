"""Lightning module that trains a classifier: its loss, its optimiser and its evaluation."""

from collections.abc import Iterator, Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from xnorlab.benchmark.machine import cpu_name
from xnorlab.binarize import clip_latent_
from xnorlab.models import build
from xnorlab.nn import BinaryConv2d, BinaryLinear, get_scheme
from xnorlab.training.optimizers import optimizer_and_schedule
from xnorlab.zoo.recipe import Recipe


def binary_layers(model: nn.Module) -> Iterator[tuple[str, BinaryConv2d | BinaryLinear]]:
    """Layers whose weights are binarized, with their names, in the order of the model."""
    for name, module in model.named_modules():
        if isinstance(module, (BinaryConv2d, BinaryLinear)) and module.weight_binarizer is not None:
            yield name, module


def distillation(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Distillation loss T²·KL(softmax(teacher/T) ‖ softmax(student/T)), mean over the batch.

    T² keeps the size of the gradient independent of T. Source: Hinton, Vinyals, Dean 2015, section 2.

    Args:
        logits: (B, classes), the student's.
        teacher_logits: (B, classes).
        temperature: T.
    """
    student = F.log_softmax(logits / temperature, 1)
    teacher = F.log_softmax(teacher_logits / temperature, 1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)


class Classification(L.LightningModule):
    """Network of `models` that is trained by a recipe.

    Args:
        recipe: how to train.
        labels: class names, which every checkpoint keeps beside the recipe.
        steps_per_epoch: optimiser steps in one epoch. A run that is stopped early still follows the whole schedule.
        teacher: the network that `recipe.teacher` names, in eval mode. It is not trained, and no checkpoint holds it.
        data: record of the data for every checkpoint, see `data_record`; None keeps none.
    """

    def __init__(
        self,
        recipe: Recipe,
        labels: tuple[str, ...],
        steps_per_epoch: int,
        teacher: nn.Module | None = None,
        data: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.recipe, self.labels, self.steps_per_epoch, self.data = recipe, labels, steps_per_epoch, data
        self.scheme = get_scheme(recipe.scheme)
        torch.manual_seed(recipe.seed)
        self.model = build(recipe.model, self.scheme, len(labels), **recipe.model_options)
        self.model.to(memory_format=torch.channels_last)
        # In a tuple, where Lightning does not see a module to train and to store.
        self._teacher = () if teacher is None else (teacher.requires_grad_(False),)
        self.latent_weights = [layer.weight for _, layer in binary_layers(self.model)]
        preprocessing = recipe.preprocessing()
        self.mean: Tensor
        self.std: Tensor
        for name, values in (("mean", preprocessing.mean), ("std", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.train_loss, self.val_loss = (MeanMetric(nan_strategy="disable") for _ in range(2))
        accuracy = {"num_classes": len(labels), "average": "micro", "validate_args": False}
        self.train_top1, self.val_top1 = MulticlassAccuracy(**accuracy), MulticlassAccuracy(**accuracy)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of pictures: uint8 (B, 3, H, W) → (B, classes)."""
        return self.model((pictures - self.mean).div_(self.std))

    def on_fit_start(self) -> None:
        """Move the teacher to the network's device."""
        for teacher in self._teacher:
            teacher.to(self.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def on_train_batch_start(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Seed stochastic signs by (seed, step) alone, so that a resumed run draws the same ones.

        Only weights have stochastic signs. All processes draw the same ones, since a step trains one binary network on
        its whole batch, however many processes share it.
        """
        key = [self.recipe.seed, self.global_step]
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch: cross entropy with smoothed labels, and distillation where there is a teacher."""
        pictures, targets = batch
        logits = self(pictures).float()
        loss = F.cross_entropy(logits, targets, label_smoothing=self.recipe.label_smoothing)
        for teacher in self._teacher:
            with torch.no_grad():
                teacher_logits = teacher((pictures - self.mean).div_(self.std)).float()
            share = self.recipe.teacher_weight
            loss = (1 - share) * loss + share * distillation(logits, teacher_logits, self.recipe.temperature)
        self.train_loss.update(loss.detach())
        self.train_top1.update(logits.detach(), targets)
        return loss

    def optimizer_step(self, *args, **kwargs) -> None:
        """The optimiser's step, then the clipping of latent weights."""
        super().optimizer_step(*args, **kwargs)
        self.clip_latent_weights()

    def clip_latent_weights(self) -> None:
        """Clip latent weights where the scheme does."""
        if self.scheme.clip_latent:
            for weight in self.latent_weights:
                clip_latent_(weight)

    def on_train_epoch_end(self) -> None:
        """Log the epoch's means, once: a log call in every step would cost 1 % of the time."""
        self.log("train_loss", self.train_loss)
        self.log("train_top1", self.train_top1)
        self.log("rate", self.trainer.optimizers[0].param_groups[0]["lr"], sync_dist=True)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Evaluate a batch in float32: bfloat16 rounds large sums of ±1, which costs about 0.5 points."""
        pictures, targets = batch
        with torch.autocast(self.device.type, enabled=False):
            logits = self(pictures)
        self.val_loss.update(F.cross_entropy(logits, targets, reduction="none"))
        self.val_top1.update(logits, targets)

    def on_validation_epoch_end(self) -> None:
        """Log the loss without smoothing, and the share of pictures whose most likely class is right."""
        self.log("val_loss", self.val_loss)
        self.log("val_top1", self.val_top1, prog_bar=True)

    def configure_optimizers(self):
        """The recipe's optimiser, in which real weights decay and no other parameter does."""
        return optimizer_and_schedule(self.recipe, self.model.parameters(), self.latent_weights, self.steps_per_epoch)

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Add plain values only, so that torch.load(..., weights_only=True) reads every checkpoint."""
        checkpoint["recipe"] = self.recipe.to_dict()
        checkpoint["labels"] = list(self.labels)
        checkpoint["hardware"] = self.hardware()
        if self.data is not None:
            checkpoint["data"] = self.data

    def hardware(self) -> str:
        """Hardware of this run in words: "2 threads of AMD EPYC", "4 × NVIDIA H100"."""
        threads = torch.get_num_threads()
        name = f"{threads} thread{'s' if threads > 1 else ''} of {cpu_name()}"
        if self.device.type == "cuda":
            name = torch.cuda.get_device_name(self.device)
        return name if self.trainer.world_size == 1 else f"{self.trainer.world_size} × {name}"
