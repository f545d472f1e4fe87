"""Whether a network can be built and shown its pictures, found out on torch's meta device: nothing is computed."""

import os
from collections.abc import Iterable

import torch
from torch import nn

from xnorlab.models import build
from xnorlab.zoo.recipe import Recipe

COPIES = 4
"""float32 numbers a weight in training: the weight, its gradient and AdamW's two moments."""

LARGEST_SIZE = 512
"""Pixels below which a size that fits is looked for."""


def require_feasible(recipe: Recipe, num_classes: int) -> None:
    """Raises ValueError where the recipe's network cannot be built, kept in memory or shown the recipe's pictures."""
    model = _built(recipe, num_classes)
    needed = COPIES * 4 * sum(parameter.numel() for parameter in model.parameters())
    memory = _memory_bytes()
    if memory is not None and needed > memory:
        raise ValueError(
            f"{_network(recipe)} needs {needed / 2**30:,.1f} GiB for its weights, their gradients and moments; "
            f"this machine has {memory / 2**30:,.1f} GiB"
        )
    sizes = sorted({recipe.size_at(epoch) for epoch in range(recipe.epochs)})
    _require_sizes(model.train(), recipe, "train_size", sizes, recipe.batch_size)
    _require_sizes(model.eval(), recipe, "eval_size", [recipe.eval_size], 1)


def require_shown(network: Recipe, num_classes: int, pictures: Recipe) -> None:
    """Raises ValueError where the network of a teacher's recipe cannot be shown the training pictures of another."""
    sizes = sorted({pictures.size_at(epoch) for epoch in range(pictures.epochs)})
    _require_sizes(_built(network, num_classes).eval(), network, "train_size", sizes, 1)


def out_of_memory(error: BaseException) -> bool:
    """Whether torch or Python found too little memory: on a CPU torch raises a plain RuntimeError for it."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in ("allocate memory", "enough memory"))
    )


def _built(recipe: Recipe, num_classes: int) -> nn.Module:
    try:
        with torch.device("meta"):
            return build(recipe.model, recipe.scheme, num_classes, **recipe.model_options)
    except (RuntimeError, OverflowError) as error:  # more numbers in a tensor than 64 bits count
        raise ValueError(f"{_network(recipe)} is too large to be built: {_first_line(error)}") from error


def _require_sizes(model: nn.Module, recipe: Recipe, name: str, sizes: Iterable[int], batch: int) -> None:
    for size in sizes:
        refusal = _refusal(model, size, batch)
        if refusal is None:
            continue
        smallest = next((side for side in range(1, LARGEST_SIZE) if _refusal(model, side, batch) is None), None)
        if smallest is None:
            raise ValueError(f"batch_size={batch} and {name}={size} do not fit {_network(recipe)}: {refusal}")
        rule = f"at least {smallest}" if size < smallest else f"smaller, {smallest} for one"
        raise ValueError(f"{name}={size} does not fit {_network(recipe)}: it must be {rule}")


def _refusal(model: nn.Module, size: int, batch: int) -> str | None:
    """What torch says against pictures of this size; None where it takes them."""
    try:
        with torch.no_grad():
            model(torch.empty(batch, 3, size, size, device="meta"))
    except (RuntimeError, ValueError) as error:
        return _first_line(error)
    return None


def _network(recipe: Recipe) -> str:
    options = ", ".join(f"{name}={value}" for name, value in recipe.model_options.items())
    return recipe.model + (f" with {options}" if options else "")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _memory_bytes() -> int | None:
    """Memory of this machine; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
