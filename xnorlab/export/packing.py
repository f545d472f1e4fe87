"""`pack`: trace a model, build the packed network, and check it against torch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node

# The modules of handlers, which register themselves.
from xnorlab.export import (  # noqa: F401
    activations,
    arithmetic,
    binary_layers,
    joining,
    norms,
    pooling,
    rearranging,
    reducing,
    resampling,
    signs,
    torch_layers,
    unchanging,
)
from xnorlab.export.acceleration import Accelerated
from xnorlab.export.advice import ACCELERATE
from xnorlab.export.builder import Builder
from xnorlab.export.ceil_mode import simplified
from xnorlab.export.errors import ExportError
from xnorlab.export.trace import trace
from xnorlab.export.traced import Traced
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.runtime import Network, ops
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.ops import Op

OP_TOLERANCE = 1e-4
"""Largest difference of one op given torch's own inputs, relative to its largest output: rounding stays below."""
CANCELLED = 8 * float(np.finfo(np.float32).eps)
"""More of it relative to the op's largest bias: of a product and a bias that cancel, only the rounding is left.

A norm of a channel that hardly varies is such a pair: its factor is up to 1/√eps, about 300, and its bias as large.
"""
LOGIT_TOLERANCE = 1e-3
"""Largest difference of logits, absolute up to logits of 1, relative beyond."""


def pack(
    model: nn.Module,
    example: Tensor,
    *,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    provenance: dict[str, Any] | None = None,
    name: str = "",
) -> Network:
    """The packed network that computes what `model` computes in evaluation.

    BatchNorm, shifts and monotone activations between a value and a sign become one threshold per channel, found
    through torch's own arithmetic: on equal values the packed bits are torch's bits. Sums of signs are exact
    integers. A BatchNorm behind a layer folds into its scale and bias where no sign comes later.

    Height and width: the network runs at other sizes than the example's as the model does. Where packing wrote down
    a number that the model computes from the height or width of its input (F.avg_pool2d(x, x.shape[2] // 4)), the
    network says so in `fixed_by` and refuses other sizes; a mean over the whole map (F.avg_pool2d(x, x.shape[2:]))
    and sizes of a reshape that leaves them as they are need no such rule. Numbers that the model computes from its
    input's values or from the batch size cannot be packed.

    Weights that a hook or a parametrization computes (weight_norm, spectral_norm, prune) are packed as computed.

    Rounding: real layers sum in another order than torch, so that their last bits can differ, as torch's own do
    between contiguous and channels-last memory. Where such a value meets a sign at its threshold, the sign can
    flip and the difference grows. Networks whose real sums ahead of a sign are exact (a first layer on a
    fixed-point grid with pictures in multiples of 1/64, and no other real layer before the last sign) agree with
    torch bit for bit up to there; a ResNet with real 1×1 shortcuts does so only up to such flips.

    The check: each op, given torch's own inputs, must give torch's output, and the logits on `example` must agree
    to 1e-3; a larger difference is accepted only where rounding turned a sign on the way, as above.

    Args:
        model: any module that torch.fx can follow, built from xnorlab's binary layers and torch's real ones; see
            `ExportError`'s message for what can be packed. It is left untouched.
        example: a real batch (N, C, H, W) or (N, F) as the model takes it. Its shape fixes the packed input's
            shape, and the result is checked on it: a few real pictures are the best choice.
        labels: one name per class, in the order of the logits, or None.
        preprocessing: from pictures to the model's input, or None; its crop is the example's height and width.
        provenance: JSON values that say where the model comes from.
        name: of the network.

    Returns:
        The packed network.

    Raises:
        ExportError: the model cannot be packed, or the check fails. It names the step and its line in the model's
            code, and says what can be used instead.
        ValueError: labels, preprocessing or provenance do not fit.
    """
    if isinstance(model, Accelerated):
        raise ExportError("the model is accelerated, its binary weights are bits; pack the model that it was made from")
    try:
        return _pack(model, example, labels, preprocessing, provenance, name)
    except ExportError as error:
        if error.op and any(isinstance(module, BinaryConv2d | BinaryLinear) for module in model.modules()):
            error.meanwhile = ACCELERATE
        raise


def _pack(
    model: nn.Module,
    example: Tensor,
    labels: Sequence[str] | None,
    preprocessing: Preprocessing | None,
    provenance: dict[str, Any] | None,
    name: str,
) -> Network:
    traced = trace(model, example)
    builder = Builder(traced)
    with torch.no_grad():
        packed = builder.build()
    input_shape = tuple(_nhwc(traced.values[traced.input]).shape[1:])
    packed = simplified(packed, input_shape, builder.rounds_up)
    network = Network(
        packed,
        input_shape=input_shape,
        name=name,
        labels=labels,
        preprocessing=preprocessing,
        provenance=provenance,
        fixed_by=builder.fixed_by,
        outputs=None if list(builder.outputs) == [""] else builder.outputs,
    )
    _check_ops(network, builder, traced)
    _check_logits(network, builder, traced)
    return network


def _check_ops(network: Network, builder: Builder, traced: Traced) -> None:
    """Raise unless each op, given the values that torch had there, gives the value that torch had next."""
    values = {INPUT: _runtime_value(builder, traced, traced.input)}
    for op in network.ops:
        got = op(*(values[name] for name in op.inputs))
        node = builder.computes[op.name]
        if node is None:  # torch has no such value; its reader is checked
            values[op.name] = got
            continue
        want = _runtime_value(builder, traced, node)
        if not np.isfinite(want).all():
            raise ExportError(f"{traced.title(node)}: gives NaN or infinity on the example, in float32")
        bias = float(np.abs(op.tensors().get("bias", np.float32(0))).max())
        limit = OP_TOLERANCE * float(np.abs(want).max(initial=0.0)) + CANCELLED * bias + 1e-6
        difference = float(np.abs(got - want).max(initial=0.0)) if got.shape == want.shape else np.inf
        if not difference <= limit:
            raise traced.refusal(
                node,
                f"packed as {op.kind} it differs from torch by {difference:.3g}, more than {limit:.3g}; the model uses "
                "it in a way that torch.fx does not show",
                another_op=False,
            )
        values[op.name] = want


def _check_logits(network: Network, builder: Builder, traced: Traced) -> None:
    """Raise where the logits differ from torch's and no sign on the way does."""
    values = {INPUT: _nhwc(traced.values[traced.input])}
    got = network.run(values[INPUT], lambda op, value, seconds: values.update({op.name: value}))
    results = got if network.outputs else {"": got}
    for name, node in traced.outputs.items():
        want = _nhwc(traced.values[node])
        difference, largest = float(np.abs(results[name] - want).max()), float(np.abs(want).max())
        if difference <= LOGIT_TOLERANCE * max(1.0, largest):
            continue
        if not any(_turned(op, values, builder, traced) for op in network.ops):
            what = f"output {name!r}" if name else "logits"
            raise ExportError(f"the packed network's {what} differ from torch's by {difference:.3g}")


def _turned(op: Op, values: dict[str, np.ndarray], builder: Builder, traced: Traced) -> bool:
    """Whether the op takes a sign or a level of its input that torch, with its own value there, does not take."""
    if isinstance(op, ops.BinaryConv | ops.BinaryLinear | ops.Sign):
        step = ops.Sign(name="sign", inputs=op.inputs, threshold=op.threshold, flip=op.flip)
    elif isinstance(op, ops.Quantize):
        step = op
    else:
        return False
    node = builder.computes[op.inputs[0]]
    return node is not None and bool((step(values[op.inputs[0]]) != step(_runtime_value(builder, traced, node))).any())


def _runtime_value(builder: Builder, traced: Traced, node: Node) -> np.ndarray:
    """The value that torch had at `node`, in the runtime's layout."""
    return builder.ordered(_nhwc(traced.values[node]), node)


def _nhwc(value: Tensor) -> np.ndarray:
    array = value.detach().float().numpy()
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1) if array.ndim == 4 else array)
