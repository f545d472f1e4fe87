"""Started twice, by what looks like SLURM: one training over two processes, then checks that need two of them.

Each process leaves what it saw in OUT/<rank>.pt, and what a lost one leaves behind in OUT/lost.txt.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from xnorlab.training import batches
from xnorlab.training.agreement import AgreementCheck
from xnorlab.training.batches import TrainBatches
from xnorlab.training.classification import Classification
from xnorlab.training.run import train
from xnorlab.training.synced_norm import synchronize_norms_
from xnorlab.zoo.recipe import Recipe

RANK = int(os.environ.get("SLURM_PROCID", "0"))
GRADIENT_SCHEMES = ("float", "bnn", "xnor", "bireal", "reactnet", "binaryconnect-stochastic")
LABELS = ("ant", "bee", "cat")
NORMED = (6, 4, 3, 5)


class Loss(nn.Module):
    """A step's loss, as DistributedDataParallel takes it: by a forward pass."""

    def __init__(self, task: Classification):
        super().__init__()
        self.task = task

    def forward(self, pictures: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.task.training_step((pictures, targets), 0)


def gradients(recipe: Recipe, rank: int, world: int, wrap: Callable[[nn.Module], nn.Module]) -> dict[str, Any]:
    """Gradients of one batch without augmentation, in float64, and the norms' statistics after it."""
    rng = torch.Generator().manual_seed(0)
    squares = torch.randint(0, 256, (12, 18, 18, 3), dtype=torch.uint8, generator=rng).numpy()
    teacher = None
    if recipe.teacher is not None:
        torch.manual_seed(1)
        teacher = Classification(recipe, LABELS, 6).model.double().eval()
    task = Classification(recipe, LABELS, 6, teacher).double()
    # A sum of signs may equal its mean exactly, and rounding alone then decides its sign; no threshold of these does.
    torch.manual_seed(4)
    for name, bias in task.model.named_parameters():
        if name.endswith("norm.bias"):
            torch.nn.init.normal_(bias, std=0.1)
    loss = wrap(Loss(task))
    pictures, targets = TrainBatches(squares, torch.arange(12).numpy() % 3, recipe, rank, world)[(0, 0)]
    task._trainer = SimpleNamespace(global_step=3, global_rank=rank)
    task.on_train_batch_start((pictures, targets), 0)
    loss(pictures.double(), targets).backward()
    statistics = {name: value for name, value in task.model.state_dict().items() if "running" in name}
    return {name: weight.grad for name, weight in task.model.named_parameters()} | statistics


def synced(module: nn.Module) -> nn.Module:
    synchronize_norms_(module)
    return DistributedDataParallel(module)


def plain_recipe(recipe: Recipe, scheme: str) -> Recipe:
    """The recipe without random crops; ReActNet has a teacher."""
    teacher = "someone" if scheme == "reactnet" else None
    fixed = {"scheme": scheme, "crop_area": (1, 1), "crop_ratio": (1, 1), "flip": False, "teacher": teacher}
    return Recipe.from_dict(recipe.to_dict() | fixed)


def normed(rank: int, world: int, norm: nn.Module) -> dict[str, Any]:
    """What a norm makes of one process's share of a batch, with its gradients."""
    rng = torch.Generator().manual_seed(2)
    x, slope = (10 + torch.randn(NORMED, generator=rng, dtype=torch.float64) for _ in range(2))
    share = slice(rank * len(x) // world, (rank + 1) * len(x) // world)
    x = x[share].clone().requires_grad_()
    y = norm(x)
    (y * slope[share]).sum().backward()
    return {
        "y": y.detach(),
        "x": x.grad,
        **{n: p.grad for n, p in norm.named_parameters()},
        **dict(norm.named_buffers()),
    }


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return "nothing was refused"


def main(data: Path, out: Path, recipe: Recipe) -> None:
    options: dict[str, Any] = {"accelerator": "cpu", "devices": 2, "cache_folder": out / "cache", "progress": False}
    seen: dict[str, Any] = {}
    # One process has two evaluation batches, the other has one.
    with replaced(batches, "EVAL_BATCH", 12):
        seen["epochs"] = train(data, recipe, out / "run", **options).epochs

    seen["gradients"] = {s: gradients(plain_recipe(recipe, s), RANK, 2, synced) for s in GRADIENT_SCHEMES}
    torch.manual_seed(3)
    block = nn.Sequential(nn.BatchNorm2d(NORMED[1]).double())
    synchronize_norms_(block)
    seen["normed"] = normed(RANK, 2, block)

    other = Recipe.from_dict(recipe.to_dict() | {"seed": RANK})
    trainer: Any = SimpleNamespace(world_size=2, precision="32-true", strategy=SimpleNamespace(root_device="cpu"))
    seen["disagreement"] = refusal(lambda: AgreementCheck().on_fit_start(trainer, Classification(other, LABELS, 6)))

    step = Classification.training_step

    def spoiled(*given: Any) -> torch.Tensor:
        return step(*given) * (float("nan") if RANK == 1 else 1.0)

    with replaced(Classification, "training_step", spoiled):
        seen["diverged"] = refusal(lambda: train(data, recipe, out / "diverged", **options))
    torch.save(seen, out / f"{RANK}.pt")
    distributed.barrier()

    def lost(task: Classification, *given: Any) -> torch.Tensor:
        if RANK == 1 and task.current_epoch == 1:
            os._exit(0)
        return step(task, *given)

    with replaced(Classification, "training_step", lost):
        text = refusal(lambda: train(data, recipe, out / "lost", **options))
    (out / "lost.txt").write_text(text)
    os._exit(0)  # torch would wait for the lost process


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(Path(sys.argv[1]), Path(sys.argv[2]), Recipe.from_dict(json.loads(sys.argv[3])))
