"""How well a binary convolution approximates the real one: its sums over signs, times α and K, beside the real sums."""

import threading
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorlab.binarize import input_scale, sign, weight_scale
from xnorlab.nn.binary_conv import BinaryConv2d

_hooks_lock = threading.Lock()


def layer_inputs(model: nn.Module, images: Tensor) -> dict[BinaryConv2d, Tensor]:
    """Inputs of every `BinaryConv2d` of a network, before the layer's own sign.

    The network's forward pass computes them, norms included, without gradients. Several threads may call this for the
    same model.

    Args:
        model: in eval mode.
        images: what the model takes.

    Returns:
        layer → (N, C, H, W).
    """
    inputs: dict[BinaryConv2d, Tensor] = {}
    this_thread = threading.get_ident()

    def keep_input(layer: BinaryConv2d, arguments: tuple[Any, ...]) -> None:
        if threading.get_ident() == this_thread:
            inputs[layer] = arguments[0]

    with _hooks_lock, torch.no_grad():
        handles = [m.register_forward_pre_hook(keep_input) for m in model.modules() if isinstance(m, BinaryConv2d)]
        try:
            model(images)
        finally:
            for handle in handles:
                handle.remove()
    return inputs


@dataclass(frozen=True)
class ConvApproximation:
    """One convolution x ∗ W on one input, and the parts of its approximation (sign(x) ⊛ sign(W)) ⊙ K·α.

    Attributes:
        real: x ∗ W, (N, OH, OW).
        plain: sign(x) ⊛ sign(W), or x ∗ sign(W) where the layer's inputs stay real; (N, OH, OW).
        weight_scale: α = mean|W|, (N,).
        input_scale: K, (OH, OW), which stands for the magnitude that the sign of an input drops. None where inputs
            stay real.
    """

    real: Tensor
    plain: Tensor
    weight_scale: Tensor
    input_scale: Tensor | None

    def maps(self, *, alpha: bool, k: bool) -> Tensor:
        """Sums over signs, (N, OH, OW), times α and K where asked for.

        Args:
            alpha: multiply by α.
            k: multiply by K.

        Raises:
            ValueError: `k` is true and the layer's inputs stay real.
        """
        y = self.plain * self.weight_scale[:, None, None] if alpha else self.plain
        if not k:
            return y
        if self.input_scale is None:
            raise ValueError("k=True: this layer's inputs stay real, there is no K to multiply by")
        return y * self.input_scale

    def behind_a_norm(self, *, alpha: bool, k: bool) -> "Agreement":
        """Agreement where a norm follows: each filter's map is centred and scaled to the variance 1 on both sides.

        It does not depend on `alpha`, since a norm absorbs any factor per filter: BN(α·x) = BN(x) for α > 0.
        """
        return agreement(_normed(self.real), _normed(self.maps(alpha=alpha, k=k)))

    def agreement(self, *, alpha: bool, k: bool) -> "Agreement":
        """Agreement of `maps(alpha=alpha, k=k)` with the real maps, filter by filter."""
        return agreement(self.real, self.maps(alpha=alpha, k=k))


def _normed(maps: Tensor) -> Tensor:
    """Maps (N, OH, OW) as BatchNorm gives them for one picture, without its ε: mean 0, variance 1 for each filter."""
    centred = maps.double() - maps.double().mean((1, 2), keepdim=True)
    return centred / centred.square().mean((1, 2), keepdim=True).sqrt()


@dataclass(frozen=True)
class Agreement:
    """Agreement of approximate maps with real ones, one entry per filter.

    Attributes:
        cosine: (N,), of the angle between the two maps as vectors. NaN where either map is zero everywhere.
        error: (N,), ‖real − approximate‖ / ‖real‖. NaN where the real map is zero everywhere.
    """

    cosine: Tensor
    error: Tensor

    @property
    def least_error(self) -> Tensor:
        """Relative error at the best factor that each filter could have: the sine of the angle, (N,)."""
        return (1 - self.cosine.square()).clamp_min(0).sqrt()

    @property
    def mean_cosine(self) -> float:
        """Mean cosine of the filters that have one."""
        return float(self.cosine.nanmean())

    @property
    def mean_error(self) -> float:
        """Mean relative error of the filters that have one."""
        return float(self.error.nanmean())

    @property
    def mean_least_error(self) -> float:
        """Mean of `least_error` over the filters that have one."""
        return float(self.least_error.nanmean())


def agreement(real: Tensor, approximate: Tensor) -> Agreement:
    """Cosine and relative error of every filter's map, computed in float64: both maps are (N, OH, OW)."""
    r, a = real.flatten(1).double(), approximate.flatten(1).double()
    length = r.norm(dim=1)
    cosine = (r * a).sum(1) / (length * a.norm(dim=1))
    return Agreement(cosine, (r - a).norm(dim=1) / torch.where(length == 0, torch.nan, length))


def approximate_conv(layer: BinaryConv2d, x: Tensor) -> ConvApproximation:
    """Approximation (sign(x) ⊛ sign(W)) ⊙ K·α of x ∗ W, W the latent weights (XNOR-Net, section 3.2, eq. 11).

    The layer's bias is left out. Its input binarizer and the value of its border are kept.

    Args:
        layer: any binary convolution. Its weights are taken by their signs, whatever its weight binarizer.
        x: (1, C, H, W), the layer's input.

    Raises:
        ValueError: x has another shape.
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
