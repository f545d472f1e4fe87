"""Time of a training step under binary schemes, beside that of the same network in full precision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from xnorlab.benchmark import Machine, Progress, Timing, describe, interleaved
from xnorlab.training.devices import resolve_precision
from xnorlab.training.recipe_checks import require_feasible
from xnorlab.training.single_steps import SingleSteps
from xnorlab.zoo.recipe import Recipe, recipe_for

CLASSES = 10


@dataclass(frozen=True)
class StepTimes:
    """Times of one optimiser step on one batch that lies on the device, by scheme.

    Attributes:
        recipe: of the float network; the others differ in the scheme alone.
        device: its name, "CPU" or a GPU's.
        precision: number format that the recipe's precision means on this device.
        threads: of torch, on the CPU.
        machine: where it was measured.
        timings: scheme → samples; "float" is the network in full precision.
    """

    recipe: Recipe
    device: str
    precision: str
    threads: int
    machine: Machine
    timings: dict[str, Timing]

    def overhead(self, scheme: str) -> float:
        """Median time of a step in units of the float network's."""
        return self.timings[scheme].median_s / self.timings["float"].median_s

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "recipe": self.recipe.to_dict(),
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "machine": self.machine.to_dict(),
            "timings": {scheme: timing.to_dict() for scheme, timing in self.timings.items()},
            "overheads": {scheme: self.overhead(scheme) for scheme in self.timings},
        }


def bench_train(
    model: str = "alexnet",
    schemes: Sequence[str] = ("bwn", "xnor"),
    *,
    device: str = "cpu",
    threads: int = 1,
    repeats: int = 21,
    progress: Progress | None = None,
    **changes: Any,
) -> StepTimes:
    """Time forward, backward and optimiser step of one network under several schemes, which take turns.

    Args:
        model: name of the network.
        schemes: to time beside "float".
        device: "cpu" or "cuda".
        threads: of torch, on the CPU.
        repeats: rounds of turns.
        progress: called as `benchmark.interleaved` calls it.
        **changes: fields of the recipe, such as batch_size, train_size, precision, model_options.

    Raises:
        ValueError: an argument is out of range, the device is missing, or the recipe cannot be trained.
    """
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device={device!r} must be 'cpu' or 'cuda'")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device='cuda' needs a GPU that torch can use; there is none")
    if threads < 1:
        raise ValueError(f"threads={threads} must be at least 1")
    names = list(dict.fromkeys(["float", *schemes]))
    recipes = {name: recipe_for("imagenette", model, name, **changes) for name in names}
    for recipe in recipes.values():
        require_feasible(recipe, CLASSES)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        calls = {name: _step(recipe, device) for name, recipe in recipes.items()}
        timings = interleaved(calls, repeats=repeats, progress=progress)
    finally:
        torch.set_num_threads(before)
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    precision = resolve_precision(recipes["float"].precision, device)
    return StepTimes(recipes["float"], where, precision, threads, describe(), timings)


def _step(recipe: Recipe, device: str) -> Callable[[], None]:
    """Function that takes one whole step of a new network, on the same random pictures each time."""
    steps = SingleSteps(recipe, CLASSES, device)
    rng = np.random.default_rng(0)
    shape = (recipe.batch_size, recipe.train_size, recipe.train_size, 3)
    pictures = torch.from_numpy(rng.integers(0, 256, shape, np.uint8)).permute(0, 3, 1, 2).to(device)
    targets = torch.from_numpy(rng.integers(0, CLASSES, recipe.batch_size)).to(device)
    return lambda: steps.train((pictures, targets))
