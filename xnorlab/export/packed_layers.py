"""Torch modules that compute a binary layer on the packed kernels: what `accelerate` puts in the place of one."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from xnorlab.binarize import KBit
from xnorlab.conventions import output_size
from xnorlab.export import thresholds
from xnorlab.export.errors import ExportError
from xnorlab.export.sign_folding import SIGNS, is_sign
from xnorlab.kernels.packing import pack_filters
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.nn.binary_conv import binary_weight
from xnorlab.runtime import ops

SHAPES_KEPT = 16
"""Input shapes for which a layer keeps what its calls prepare; the oldest goes first."""

FEWEST_PER_GROUP = 2
"""Fewest channels of a group of a binary convolution. With one (depthwise) the packed kernel takes 0.6 ms where torch's
layer takes 0.2; with two it takes 0.29 against 0.37 (64 channels at 28 × 28, one Zen 4 core, torch 2.14)."""

TRAINING = (
    "an accelerated model is for evaluation only: its binary weights are bits, which have no gradient; train the model "
    "that it was made from, then accelerate that again"
)
STATE = (
    "an accelerated model has no state_dict, since its binary weights are bits; save and load the state_dict of the "
    "model that it was made from, then accelerate that again"
)

_Call = Callable[[np.ndarray, np.ndarray, int], object]


class PackedLayer(nn.Module):
    """A binary layer of torch's on the packed kernels, for evaluation. It may be called from several threads at once.

    Args:
        layer: what it replaces.
        name: path of the layer, for messages.
        threads: that a call may use; None for as many as torch uses.

    Raises:
        ExportError: the layer cannot be replaced, or would not gain; the message says why.

    Attributes:
        op: the packed layer, as packed networks hold it; a matrix is a convolution over maps of one pixel.
        threads: see above.
    """

    def __init__(self, layer: BinaryConv2d | BinaryLinear, name: str, threads: int | None):
        super().__init__()
        super().train(False)
        _check_replaceable(layer)
        self._title = f"{name or 'the model'} ({type(layer).__name__}, accelerated)"
        self.threads = threads
        binarizer = layer.input_binarizer
        # A binarizer of the user's own stays torch's. Its values are checked at each call, and where they are no signs
        # the layer itself computes.
        self._own = None if binarizer is None or _is_known_sign(binarizer) else (binarizer, layer)
        self.op = _op(layer, None if self._own is not None else binarizer)
        self._calls = _Calls(self.op)

    def train(self, mode: bool = True) -> "PackedLayer":
        """Raise for mode=True: the layer is for evaluation only."""
        if mode:
            raise RuntimeError(TRAINING)
        return super().train(False)

    def _save_to_state_dict(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(STATE)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(STATE)

    def extra_repr(self) -> str:
        """Arguments that print(model) shows."""
        signs = "" if self._own is None else f", signs by {type(self._own[0]).__name__}"
        return f"{self.op.in_channels}, {self.op.kernel.filters}, {self.op.kind}{signs}"

    def _check(self, x: Any) -> None:
        """Raise unless `x` is what the kernels read."""
        if not isinstance(x, Tensor) or x.dtype != torch.float32 or x.device.type != "cpu" or x.layout != torch.strided:
            given = f"{x.dtype}, {x.layout}, on {x.device}" if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"{self._title}: x is {given}; the rule is a dense torch.float32 tensor on the CPU")
        if x.requires_grad and torch.is_grad_enabled():
            raise RuntimeError(
                f"{self._title}: x requires a gradient, and this layer has none; call the model under torch.no_grad(), "
                "or give it x.detach()"
            )

    def _compute(self, maps: np.ndarray, real: np.ndarray, out: np.ndarray) -> None:
        self._calls.run(maps, real, out, torch.get_num_threads() if self.threads is None else self.threads)

    def _signs(self, x: Tensor) -> Tensor | None:
        """What the kernels binarize: `x`, or the signs of the user's own binarizer; None where it gives none."""
        if self._own is None:
            return x
        signs = self._own[0](x)
        fits = isinstance(signs, Tensor) and signs.shape == x.shape and signs.dtype == torch.float32
        return signs if fits and bool((signs.abs() == 1).all()) else None


class PackedConv2d(PackedLayer):
    """`BinaryConv2d` on the packed kernels; arguments as in `PackedLayer`."""

    def __init__(self, layer: BinaryConv2d, name: str, threads: int | None):
        super().__init__(layer, name, threads)
        self.in_channels, self.out_channels, self.groups = layer.in_channels, layer.out_channels, layer.groups
        self.kernel_size, self.stride, self.padding = layer.kernel_size, layer.stride, layer.padding
        self.dilation, self.pad_value, self.input_scale = layer.dilation, layer.pad_value, layer.input_scale
        self._channels_last = _is_channels_last(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """y: float32 (N, in_channels, H, W) → float32 (N, out_channels, OH, OW).

        Channels-last inputs are read where they lie, and give channels-last outputs; as in torch, so do
        channels-last weights. Others are copied into that order and back.

        Raises:
            ValueError: x has another shape or dtype, is smaller than the kernel, or is not on the CPU.
            RuntimeError: x requires a gradient.
        """
        self._check(x)
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError(
                f"{self._title}: x has shape {tuple(x.shape)}; the rule is (N, in_channels={self.in_channels}, H, W)"
            )
        geometry = zip(x.shape[2:], self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        size = [output_size(*side) for side in geometry]
        signs = self._signs(x)
        if signs is None:
            assert self._own is not None
            return self._own[1](x)
        y = torch.empty((len(x), *size, self.out_channels), dtype=torch.float32)
        if x.numel():
            maps = _nhwc(signs)
            self._compute(maps, maps if signs is x else _nhwc(x), y.numpy())
        y = y.permute(0, 3, 1, 2)
        return y if self._channels_last or _is_channels_last(x) else y.contiguous()


class PackedLinear(PackedLayer):
    """`BinaryLinear` on the packed kernels; arguments as in `PackedLayer`."""

    def __init__(self, layer: BinaryLinear, name: str, threads: int | None):
        super().__init__(layer, name, threads)
        self.in_features, self.out_features = layer.in_features, layer.out_features

    def forward(self, x: Tensor) -> Tensor:
        """y: float32 (N, in_features) → float32 (N, out_features).

        Raises:
            ValueError: x has another shape or dtype, or is not on the CPU.
            RuntimeError: x requires a gradient.
        """
        self._check(x)
        if x.dim() != 2 or x.shape[1] != self.in_features:
            raise ValueError(
                f"{self._title}: x has shape {tuple(x.shape)}; the rule is (N, in_features={self.in_features})"
            )
        signs = self._signs(x)
        if signs is None:
            assert self._own is not None
            return self._own[1](x)
        y = torch.empty((len(x), self.out_features), dtype=torch.float32)
        if len(x):
            maps = signs.detach().contiguous().numpy()[:, None, None]
            self._compute(maps, maps, y.numpy()[:, None, None])
        return y


class _Calls:
    """The calls of a packed convolution, each of which one thread at a time uses.

    Args:
        op: the convolution; it never changes.
    """

    def __init__(self, op: ops.BinaryConv | ops.BinaryWeightConv):
        self._op = op
        self._lock = threading.Lock()
        self._idle: OrderedDict[tuple[int, ...], list[tuple[_Call, np.ndarray | None]]] = OrderedDict()

    def __reduce__(self) -> tuple:
        """Copied and pickled by its op: calls hold addresses."""
        return type(self), (self._op,)

    def run(self, maps: np.ndarray, real: np.ndarray, out: np.ndarray, threads: int) -> None:
        """Convolve.

        Args:
            maps: whose signs are taken, float32 (B, H, W, C), C-contiguous.
            real: whose magnitudes give K; the layer's input, float32 (B, H, W, C).
            out: where to write, float32 (B, OH, OW, N), C-contiguous.
            threads: that may share the work.
        """
        op, shape = self._op, maps.shape
        if isinstance(op, ops.BinaryWeightConv):
            op(maps, threads=threads, out=out)
            return
        with self._lock:
            idle = self._idle.get(shape)
            work = idle.pop() if idle else None
        if work is None:
            factors = np.empty(out.shape[:3], np.float32) if op.input_scale else None
            work = op.kernel.standing(shape, threshold=op.threshold, flip=op.flip, input_scale=factors), factors
        call, factors = work
        if factors is not None:
            op.factors(real, factors)
        call(maps, out, threads)
        with self._lock:
            self._idle.setdefault(shape, []).append(work)
            while len(self._idle) > SHAPES_KEPT:
                self._idle.popitem(last=False)


def _check_replaceable(layer: BinaryConv2d | BinaryLinear) -> None:
    own = BinaryConv2d if isinstance(layer, BinaryConv2d) else BinaryLinear
    if type(layer).forward is not own.forward:
        raise ExportError(f"its class {type(layer).__name__} computes something of its own")
    if layer._forward_hooks or layer._forward_pre_hooks:
        raise ExportError("it has forward hooks, which may read or change anything")
    if isinstance(layer.input_binarizer, KBit) and layer.input_binarizer.bits > 1:
        raise ExportError(f"its inputs have {layer.input_binarizer.bits} bits; the kernels take one")
    weight = layer.weight
    if weight.dtype != torch.float32 or weight.device.type != "cpu":
        raise ExportError(f"its weight is {weight.dtype} on {weight.device}; the rule is torch.float32 on cpu")
    groups = layer.groups if isinstance(layer, BinaryConv2d) else 1
    per_group = weight.shape[1]
    if groups > 1 and layer.input_binarizer is None:
        raise ExportError("its inputs are real and it has groups, where the packed kernel is slower than torch's")
    if groups > 1 and per_group < FEWEST_PER_GROUP:
        raise ExportError("each of its groups has one channel, where the packed kernel is slower than torch's")


def _is_known_sign(binarizer: nn.Module) -> bool:
    """Whether a binarizer is one of ours, whose signs are thresholds per channel, and computes nothing else."""
    plain = any(isinstance(binarizer, cls) and type(binarizer).forward is cls.forward for cls in (*SIGNS, KBit))
    return plain and is_sign(binarizer) and not (binarizer._forward_hooks or binarizer._forward_pre_hooks)


def _op(layer: BinaryConv2d | BinaryLinear, sign: nn.Module | None) -> ops.BinaryConv | ops.BinaryWeightConv:
    """The layer as a packed convolution; sign: what binarizes its input, None where the op takes plain signs."""
    binarizer = layer.weight_binarizer
    if binarizer is None or binarizer.real_in_eval:
        raise ExportError("its weights are real in evaluation")
    with torch.no_grad():
        weight, scale = binary_weight(layer.weight, binarizer, training=False)
    if not bool((weight.abs() == 1).all()):
        raise ExportError(f"its weight_binarizer {type(binarizer).__name__} gives signs other than −1 and +1")
    is_conv = isinstance(layer, BinaryConv2d)
    filters = weight.detach().permute(0, 2, 3, 1) if is_conv else weight.detach()[:, None, None]
    channels = filters.shape[3] * (layer.groups if is_conv else 1)
    fields: dict[str, Any] = {"words": pack_filters(filters.numpy()), "channels": channels}
    fields["scale"] = None if scale is None else scale.detach().numpy()
    fields["bias"] = None if layer.bias is None else layer.bias.detach().numpy()
    if is_conv:
        fields |= {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}
    if layer.input_binarizer is None:
        return ops.BinaryWeightConv(name="layer", inputs=("x",), **fields)
    if is_conv:
        fields |= {"pad_value": layer.pad_value, "input_scale": layer.input_scale}
    if sign is not None:
        with torch.no_grad():
            threshold, flip = thresholds.find(lambda x: sign(x) > 0, channels, 4 if is_conv else 2)
        fields |= {"threshold": threshold if threshold.any() else None, "flip": flip if flip.any() else None}
    return ops.BinaryConv(name="layer", inputs=("x",), **fields)


def _is_channels_last(x: Tensor) -> bool:
    return x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def _nhwc(x: Tensor) -> np.ndarray:
    """The map (N, C, H, W) as (N, H, W, C): a view of channels-last memory, else a copy."""
    return x.detach().permute(0, 2, 3, 1).contiguous().numpy()
