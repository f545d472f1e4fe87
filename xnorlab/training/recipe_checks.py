"""Checks of a recipe before training: its network can be built, fits into memory and takes the sizes of its pictures.

They run on torch's meta device, where nothing is computed.
"""

import os
from collections.abc import Iterable

import torch
from torch import nn

from xnorlab.models import build
from xnorlab.printable import error_line
from xnorlab.zoo.recipe import Recipe

COPIES = 4
"""float32 numbers per weight in training: the weight, its gradient and AdamW's two moments."""

LARGEST_SIZE = 512
"""Pixels up to which a size that fits is searched for."""


def require_feasible(recipe: Recipe, num_classes: int) -> None:
    """Check that the network of a recipe can be built, fits into memory and takes the sizes of its pictures.

    Raises:
        ValueError: it does not; the message names the argument and the rule.
    """
    model = _built(recipe, num_classes)
    needed = COPIES * 4 * sum(parameter.numel() for parameter in model.parameters())
    memory = _memory_bytes()
    if memory is not None and needed > memory:
        raise ValueError(
            f"{_network(recipe)} needs {needed / 2**30:,.1f} GiB for its weights, their gradients and moments; "
            f"this machine has {memory / 2**30:,.1f} GiB"
        )
    sizes = sorted({recipe.size_at(epoch) for epoch in range(recipe.epochs)})
    require_sizes(model.train(), _network(recipe), "train_size", sizes, recipe.batch_size)
    require_sizes(model.eval(), _network(recipe), "eval_size", [recipe.eval_size], 1)


def require_teacher_fits(teacher: Recipe, num_classes: int, student: Recipe) -> None:
    """Check that a teacher's network takes the sizes of a student's training pictures.

    Raises:
        ValueError: it does not take one of them.
    """
    sizes = sorted({student.size_at(epoch) for epoch in range(student.epochs)})
    require_sizes(_built(teacher, num_classes).eval(), _network(teacher), "train_size", sizes, 1)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, for which torch raises a plain RuntimeError on a CPU."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in ("allocate memory", "enough memory"))
    )


def _built(recipe: Recipe, num_classes: int) -> nn.Module:
    try:
        with torch.device("meta"):
            return build(recipe.model, recipe.scheme, num_classes, **recipe.model_options)
    except (RuntimeError, OverflowError) as error:  # more numbers in a tensor than 64 bits count
        raise ValueError(f"{_network(recipe)} is too large to be built: {error_line(error)}") from error


def require_sizes(model: nn.Module, title: str, name: str, sizes: Iterable[int], batch: int) -> None:
    """Check that a network on the meta device takes square pictures of these sizes.

    Args:
        model: the network.
        title: the network in words.
        name: of the argument that the sizes come from.
        sizes: in pixels.
        batch: how many pictures at once.

    Raises:
        ValueError: it does not take one of them; the message says which it takes.
    """
    for size in sizes:
        refusal = _refusal(model, size, batch)
        if refusal is None:
            continue
        smallest = next((side for side in range(1, LARGEST_SIZE) if _refusal(model, side, batch) is None), None)
        if smallest is None:
            raise ValueError(f"batch_size={batch} and {name}={size} do not fit {title}: {refusal}")
        rule = f"at least {smallest}" if size < smallest else f"smaller, {smallest} for one"
        raise ValueError(f"{name}={size} does not fit {title}: it must be {rule}")


def _refusal(model: nn.Module, size: int, batch: int) -> str | None:
    """Why torch does not take pictures of this size; None where it does."""
    try:
        with torch.no_grad():
            model(torch.empty(batch, 3, size, size, device="meta"))
    except (RuntimeError, ValueError) as error:
        return error_line(error)
    return None


def _network(recipe: Recipe) -> str:
    options = ", ".join(f"{name}={value}" for name, value in recipe.model_options.items())
    return recipe.model + (f" with {options}" if options else "")


def _memory_bytes() -> int | None:
    """Memory of this machine in bytes; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
