"""What a binary layer does to the values that reach it: the real sums beside those of signs, α and K."""

import threading
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorlab.binarize import input_scale, sign, weight_scale
from xnorlab.nn.binary_conv import BinaryConv2d

_listening = threading.Lock()


def layer_inputs(model: nn.Module, images: Tensor) -> dict[BinaryConv2d, Tensor]:
    """What reaches every `BinaryConv2d` of `model` on `images`: layer → (N, C, H, W), before its own sign.

    model: in eval mode; its own forward pass computes the values, norms included, without gradients. Several threads
    may ask the same model.
    """
    found: dict[BinaryConv2d, Tensor] = {}
    me = threading.get_ident()

    def hear(layer: BinaryConv2d, arguments: tuple[Any, ...]) -> None:
        if threading.get_ident() == me:
            found[layer] = arguments[0]

    with _listening, torch.no_grad():
        handles = [m.register_forward_pre_hook(hear) for m in model.modules() if isinstance(m, BinaryConv2d)]
        try:
            model(images)
        finally:
            for handle in handles:
                handle.remove()
    return found


@dataclass(frozen=True)
class ConvApproximation:
    """One convolution on one input: x ∗ W, and what x ∗ W is made from when the weights are signs.

    real: x ∗ W. plain: the sums over sign(W), of sign(x) where the layer takes its inputs by their sign, else of x;
    both (N, OH, OW). weight_scale: α = mean|W|, (N,). input_scale: K, (OH, OW), or None where inputs stay real: K
    stands for the magnitude that the sign of an input drops.
    """

    real: Tensor
    plain: Tensor
    weight_scale: Tensor
    input_scale: Tensor | None

    def maps(self, *, alpha: bool, k: bool) -> Tensor:
        """The sums, times α and K where asked for: (N, OH, OW); k=True needs an input scale, else ValueError."""
        y = self.plain * self.weight_scale[:, None, None] if alpha else self.plain
        if not k:
            return y
        if self.input_scale is None:
            raise ValueError("k=True: this layer's inputs stay real, there is no K to multiply by")
        return y * self.input_scale

    def agreement(self, *, alpha: bool, k: bool) -> "Agreement":
        """How near these maps are to the real ones, filter by filter."""
        return agreement(self.real, self.maps(alpha=alpha, k=k))


@dataclass(frozen=True)
class Agreement:
    """Per filter, (N,) each. cosine: between the two maps as vectors; error: ‖real − approximate‖ / ‖real‖.

    NaN where the real map is zero everywhere, and the cosine also where the approximate one is.
    """

    cosine: Tensor
    error: Tensor

    @property
    def least_error(self) -> Tensor:
        """The relative error that is left at the best factor a filter there could be: sin of the angle, (N,)."""
        return (1 - self.cosine.square()).clamp_min(0).sqrt()

    @property
    def mean_cosine(self) -> float:
        """Mean over the filters that have one."""
        return float(self.cosine.nanmean())

    @property
    def mean_error(self) -> float:
        """Mean over the filters that have one."""
        return float(self.error.nanmean())

    @property
    def mean_least_error(self) -> float:
        """Mean over the filters that have one."""
        return float(self.least_error.nanmean())


def agreement(real: Tensor, approximate: Tensor) -> Agreement:
    """Cosine and relative error of every filter's map: both (N, OH, OW), computed in float64."""
    r, a = real.flatten(1).double(), approximate.flatten(1).double()
    length = r.norm(dim=1)
    cosine = (r * a).sum(1) / (length * a.norm(dim=1))
    return Agreement(cosine, (r - a).norm(dim=1) / torch.where(length == 0, torch.nan, length))


def approximate_conv(layer: BinaryConv2d, x: Tensor) -> ConvApproximation:
    """The layer's convolution with its latent weights and real inputs, and by signs (XNOR-Net, section 3.2, eq. 11).

    x: (1, C, H, W), as it reaches the layer. The layer's bias is left out; its input binarizer and the value of its
    border are kept. Any layer will do, whatever its weight binarizer: the weights are taken by their signs.
    Raises ValueError for another shape of x.
    """
    if x.dim() != 4 or x.shape[:2] != (1, layer.in_channels):
        raise ValueError(f"x has shape {tuple(x.shape)}; the rule is (1, {layer.in_channels}, H, W)")
    with torch.no_grad():
        weight, geometry = layer.weight, (layer.stride, layer.padding, layer.dilation)
        real = F.conv2d(x, weight, None, *geometry, layer.groups)
        if layer.input_binarizer is None:
            return ConvApproximation(
                real[0], F.conv2d(x, sign(weight), None, *geometry, layer.groups)[0], weight_scale(weight), None
            )
        signs = F.pad(
            layer.input_binarizer(x),
            (layer.padding[1], layer.padding[1], layer.padding[0], layer.padding[0]),
            value=float(layer.pad_value),
        )
        plain = F.conv2d(signs, sign(weight), None, layer.stride, 0, layer.dilation, layer.groups)
        k = input_scale(x, layer.kernel_size, *geometry, exact=True)
        return ConvApproximation(real[0], plain[0], weight_scale(weight), k[0, 0])
