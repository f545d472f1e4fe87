"""Signs of a value: a comparison with one threshold per channel, into which the steps ahead of it are folded."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.export import steps, thresholds
from xnorlab.export.handlers import TAKES_STEPS
from xnorlab.export.traced import Traced

if TYPE_CHECKING:
    from xnorlab.export.builder import Builder

SIGNS = (ClippedSign, BiRealSign, RSign)
"""Input binarizers that give −1 and +1."""


def is_sign(module: nn.Module | None) -> bool:
    """Whether an input binarizer gives −1 and +1."""
    return isinstance(module, SIGNS) or (isinstance(module, KBit) and module.bits == 1)


def sign_of(
    builder: "Builder", node: Node, binarizer: nn.Module, *, fold: bool = True
) -> tuple[str, dict[str, np.ndarray]]:
    """Find how to take the signs of `node`.

    Args:
        builder: of the network.
        node: whose signs are taken.
        binarizer: takes them in torch.
        fold: whether pending monotone steps that nobody else reads may become part of the threshold.

    Returns:
        The name of the value to compare, and its threshold and flip by these names, where they are not trivial.
    """
    chain, start = steps.chain(builder, node) if fold else ([], node)
    while True:
        found = _threshold(builder, chain, start, binarizer)
        if found is not None:
            return builder.name_of(start), found
        # A function that rounds to and fro near the threshold is computed; only what follows it is folded.
        last = max(index for index, step in enumerate(chain) if builder.pending[step].rounds)
        start, chain = chain[last], chain[last + 1 :]


def _threshold(
    builder: "Builder", chain: list[Node], start: Node, binarizer: Callable[[Tensor], Tensor]
) -> dict[str, np.ndarray] | None:
    """Threshold and flip of a sign behind a chain of steps; None where rounding leaves no single threshold."""

    def is_plus(x: Tensor) -> Tensor:
        for step in chain:
            x = builder.pending[step].compute(x)
        return binarizer(x) > 0

    channels, dimensions = builder.traced.channels(start), builder.traced.values[start].dim()
    with torch.no_grad():
        threshold, flip = thresholds.find(is_plus, channels, dimensions)
        if any(builder.pending[step].rounds for step in chain) and not thresholds.holds(
            is_plus, threshold, flip, dimensions
        ):
            return None
    return builder.sign_fields(threshold, flip, start)


def nodes_before_a_sign(traced: Traced) -> set[Node]:
    """The nodes ahead of signs, comparisons and roundings, where the last bit of a value can matter."""
    before: set[Node] = set()
    for node in reversed(traced.nodes):
        module = traced.called(node) if node.op == "call_module" else None
        binarizes = isinstance(module, (*SIGNS, KBit)) or getattr(module, "input_binarizer", None) is not None
        steps_itself = node.op != "call_module" and node.target in TAKES_STEPS
        if binarizes or steps_itself or node in before:
            before.update(node.all_input_nodes)
    return before
