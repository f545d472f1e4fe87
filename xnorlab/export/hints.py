"""Hints on a model that can be packed and still is not as it should be: signs without a norm, real layers that cost."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _NormBase

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.export.trace import trace
from xnorlab.export.traced import Traced
from xnorlab.nn import BinaryConv2d, BinaryLinear

NAMED = 3
"""Most real layers that a hint names."""

_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm)
_NORM_FUNCTIONS = {"batch_norm", "group_norm", "layer_norm", "instance_norm"}
_BINARIZERS = (ClippedSign, BiRealSign, RSign, KBit)
_BINARY = (BinaryConv2d, BinaryLinear)
_PRODUCTS = {F.conv2d, torch.conv2d, F.linear}


@dataclass(frozen=True)
class Hint:
    """What is not as it should be in a model that can be packed.

    Attributes:
        node: path and type of the step that it is about.
        source: "file:line: text" of the line of a forward that calls it, or empty.
        text: what is not right, and what to do.
    """

    node: str
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.node}: {self.text}" + (f" (at {self.source})" if self.source else "")


def hints(model: nn.Module, example: Tensor) -> list[Hint]:
    """Look for what costs a packed model its accuracy or its speed; `xnorlab pack` prints what this finds.

    Two rules. A norm (BatchNorm, GroupNorm, LayerNorm) feeds every sign, as in XNOR-Net's B-A-C-P order: it may stand
    anywhere between the sign and the layers before it. Real layers, those with real inputs, make up at most half of the
    multiply-adds between the first and the last layer of a model that has binary layers.

    Args:
        model: as `pack` takes it; it stays as it is. Ops that cannot be packed do not matter here.
        example: as `pack` takes it.

    Returns:
        The hints in the order of the model's steps; none where nothing was noticed.

    Raises:
        ExportError: torch.fx cannot follow the model, or it fails on the example.
    """
    traced = trace(model, example)
    return [*_signs_without_a_norm(traced), *_costly_real_layers(traced)]


def _signs_without_a_norm(traced: Traced) -> list[Hint]:
    found = []
    for node in traced.nodes:
        if _takes_signs(traced, node) and not _has_norm_before(traced, node):
            text = (
                "takes the sign of values without a norm before it: a channel whose values lie to one side of 0 keeps "
                "one sign, and sums of many signs lie beyond ±1, where a sign passes no gradient; put a BatchNorm "
                "before it, which becomes a threshold once packed and costs nothing"
            )
            found.append(_hint(traced, node, text))
    return found


def _takes_signs(traced: Traced, node: Node) -> bool:
    if node.op == "call_module":
        module = traced.called(node)
        return isinstance(module, _BINARIZERS) or (isinstance(module, _BINARY) and module.input_binarizer is not None)
    return node.op in ("call_function", "call_method") and traced.op(node) == "sign" and traced.varies(node)


def _has_norm_before(traced: Traced, node: Node) -> bool:
    """Whether some path back from the node comes to a norm, or to other signs, before a layer or the input."""
    ahead, seen = list(node.all_input_nodes), set()
    while ahead:
        step = ahead.pop()
        if step in seen or not traced.varies(step):
            continue
        seen.add(step)
        if _is_norm(traced, step) or (_takes_signs(traced, step) and not _is_layer(traced, step)):
            return True
        if not _is_layer(traced, step):
            ahead += step.all_input_nodes
    return False


def _is_norm(traced: Traced, node: Node) -> bool:
    if node.op == "call_module":
        return isinstance(traced.called(node), _NORMS)
    return node.op == "call_function" and traced.op(node) in _NORM_FUNCTIONS


def _is_layer(traced: Traced, node: Node) -> bool:
    return _weight(traced, node) is not None


def _weight(traced: Traced, node: Node) -> Tensor | None:
    """The weight of a convolution or matrix; None for any other step."""
    if node.op == "call_module":
        module = traced.called(node)
        return module.weight if isinstance(module, nn.Conv2d | nn.Linear | BinaryConv2d | BinaryLinear) else None
    if node.op != "call_function" or node.target not in _PRODUCTS:
        return None
    given: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("weight")
    value = traced.values[given] if isinstance(given, Node) else given
    return value if isinstance(value, Tensor) else None


def _costly_real_layers(traced: Traced) -> list[Hint]:
    layers = [(node, weight) for node in traced.nodes if (weight := _weight(traced, node)) is not None]
    if not any(_is_binary(traced, node) for node, _ in layers):
        return []
    macs = {node: _macs(traced.values[node], weight) for node, weight in layers[1:-1]}
    real = {node: count for node, count in macs.items() if not _is_binary(traced, node)}
    if 2 * sum(real.values()) <= sum(macs.values()):
        return []
    costliest = sorted(real, key=lambda node: -real[node])
    named = ", ".join(f"{traced.title(node)} {real[node] / sum(macs.values()):.0%}" for node in costliest[:NAMED])
    rest = len(real) - NAMED
    text = (
        f"real layers make up {sum(real.values()) / sum(macs.values()):.0%} of the multiply-adds between the first and "
        f"the last layer ({named}{f', and {rest} more' if rest > 0 else ''}): they set the time, whatever the binary "
        "ones gain; make them binary, narrower, or 1×1"
    )
    return [_hint(traced, costliest[0], text)]


def _is_binary(traced: Traced, node: Node) -> bool:
    """Whether the layer sums signs over binary weights."""
    module = traced.called(node) if node.op == "call_module" else None
    if not isinstance(module, _BINARY) or module.input_binarizer is None or module.weight_binarizer is None:
        return False
    bits = module.input_binarizer.bits if isinstance(module.input_binarizer, KBit) else 1
    return bits == 1 and not module.weight_binarizer.real_in_eval


def _macs(output: Tensor, weight: Tensor) -> int:
    """The multiply-adds of a layer for one input of the batch: each weight at each pixel."""
    return weight.numel() * math.prod(output.shape[2:])


def _hint(traced: Traced, node: Node, text: str) -> Hint:
    return Hint(traced.title(node), node.meta.get("source", ""), text)
