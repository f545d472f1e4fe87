"""A recipe's steps one at a time, without Lightning, for what measures their time."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xnorlab.training.classification import Classification
from xnorlab.training.devices import resolve_precision
from xnorlab.zoo.recipe import Recipe


class SingleSteps:
    """Untrained network of a recipe with its optimiser, on a device.

    Args:
        recipe: how to train.
        num_classes: length of the output.
        device: "cpu", "cuda" or another type of torch device.
        teacher: a network in eval mode where the recipe has a teacher.
    """

    def __init__(self, recipe: Recipe, num_classes: int, device: str, teacher: nn.Module | None = None):
        labels = tuple(map(str, range(num_classes)))
        self.device = device
        self.mixed = resolve_precision(recipe.precision, device) == "bf16-mixed"
        self.classifier = Classification(recipe, labels, 1_000_000, teacher).to(device)
        self.classifier.on_fit_start()
        self.optimizer: torch.optim.Optimizer = self.classifier.configure_optimizers()["optimizer"]

    def train(self, batch: Sequence[Tensor]) -> None:
        """Take one whole step on uint8 (B, 3, H, W) pictures and (B,) class numbers; returns when it is done."""
        self.classifier.train()
        pictures, targets = (part.to(self.device) for part in batch)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.mixed):
            loss = self.classifier.training_step((pictures, targets), 0)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.classifier.clip_latent_weights()
        self._wait()

    def evaluate(self, batch: Sequence[Tensor]) -> None:
        """Evaluate one batch in float32; returns when it is done."""
        self.classifier.eval()
        pictures, targets = (part.to(self.device) for part in batch)
        with torch.no_grad():
            self.classifier.validation_step((pictures, targets), 0)
        self._wait()

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()
