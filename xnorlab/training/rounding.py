"""From trained weights to weights that are shipped: the same network in fewer bits, rounded before it is measured.

Rounding comes first and every accuracy is measured after it, so what is shipped is exactly what was measured.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from xnorlab.conventions import EXACT_SUMS, PICTURE_LIMIT
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.pretrained import STEP
from xnorlab.training.task import binary_layers

GRID_LIMIT = 2047
"""Largest grid number of a weight: 11 bits, what a float16 holds exactly."""

BYTE_LIMIT = 127
"""Largest grid number of a latent weight that is stored in 8 bits."""

SMALLEST_HALF = 2.0**-24
"""Smallest positive float16."""


def fixed_point(weight: Tensor) -> Tensor:
    """The nearest weights j·2^p, p a filter, on the finest grid whose sums over pictures stay exact in float32.

    weight: (N, ...) float32, a filter a row. Per filter the smallest p >= −24 with |j| <= 2,047 and
    128·Σ|j| < 2^24. Inputs are i/64 with |i| <= 128, so every partial sum is a multiple of 2^p/64 below 2^24 of
    them: float32 adds them exactly in any order, and the torch and the packed network agree bit for bit.
    Every such weight is a float16 too. Raises ValueError where a weight is not finite or too large for float16.
    """
    if not torch.isfinite(weight).all():
        raise ValueError("weight must be finite to be rounded to a grid")
    rows = weight.detach().double().flatten(1)
    # The least step by each rule; rounding up can still break one, so the exponent then grows until both hold.
    needed = torch.maximum(rows.abs().amax(1) / GRID_LIMIT, rows.abs().sum(1) * (PICTURE_LIMIT / EXACT_SUMS))
    exponent = torch.ceil(torch.log2(needed.clamp(min=SMALLEST_HALF)))
    while True:
        grid = torch.round(rows / torch.exp2(exponent)[:, None])
        breaks = (grid.abs().amax(1) > GRID_LIMIT) | (PICTURE_LIMIT * grid.abs().sum(1) >= EXACT_SUMS)
        if not breaks.any():
            break
        exponent += breaks
    rounded = (grid * torch.exp2(exponent)[:, None]).view_as(weight).float()
    return _checked_half(rounded).float()


def eight_bits_with_signs(weight: Tensor) -> Tensor:
    """The nearest weights j·2^p, |j| <= 127, p a filter, each with its weight's sign in the sense of x >= 0.

    weight: (N, ...) float32, a filter a row. A network that binarizes them sees their signs and, through α, their mean
    magnitude; a negative weight that would round to 0, and so to the sign +1, becomes −2^p instead. Raises ValueError
    where a weight is not finite or too large for float16.
    """
    rows = _checked_half(weight.detach()).double().flatten(1)
    rows = torch.where((rows == 0) & (weight.flatten(1) < 0), -SMALLEST_HALF, rows)
    step = _steps(rows)
    grid = torch.round(rows / step)
    grid = torch.where((rows < 0) & (grid == 0), -1.0, grid)
    return (grid * step).view_as(weight).float()


def _steps(rows: Tensor) -> Tensor:
    """2^p a filter, the smallest with |j| <= 127 and p >= −24: (N, n) → (N, 1) float64."""
    largest = rows.double().abs().amax(1, keepdim=True)
    return torch.exp2(torch.ceil(torch.log2((largest / BYTE_LIMIT).clamp(min=SMALLEST_HALF))))


def _checked_half(weight: Tensor) -> Tensor:
    half = weight.half()
    if not torch.isfinite(half).all():
        raise ValueError(f"weight has values up to {weight.abs().max().item():.3g}; float16 ends at 65,504")
    return half


def first_real_convolution(model: nn.Module) -> nn.Conv2d | None:
    """The convolution over the pictures, or None where that layer is a binary one."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module
        if isinstance(module, (BinaryConv2d, BinaryLinear)):
            return None
    return None


def round_weights_(model: nn.Module) -> nn.Module:
    """Round a trained model in place to what is shipped; returns it.

    The first real convolution goes to a fixed-point grid (see `fixed_point`), every other weight of two or more
    dimensions to float16, but the latent weights of binary layers to 8 bits, keeping their signs. Norms, biases,
    thresholds and slopes stay float32.
    """
    first = first_real_convolution(model)
    latent = {id(layer.weight) for _, layer in _only_signs(model)}
    with torch.no_grad():
        for parameter in model.parameters():
            if first is not None and parameter is first.weight:
                parameter.copy_(fixed_point(parameter))
            elif id(parameter) in latent:
                parameter.copy_(eight_bits_with_signs(parameter))
            elif parameter.dim() > 1:
                parameter.copy_(_checked_half(parameter))
    return model


def _only_signs(model: nn.Module) -> Iterator[tuple[str, BinaryConv2d | BinaryLinear]]:
    """The layers that see no more of a weight than its sign and its filter's scale, in evaluation too."""
    for name, layer in binary_layers(model):
        if layer.weight_binarizer is not None and not layer.weight_binarizer.real_in_eval:
            yield name, layer


def shipped_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state of a rounded model as it is stored; `pretrained.unpacked` is the way back.

    Latent weights of binary layers: int8 beside "<name>.step", float32 (N,). Other weights of two or more dimensions:
    float16. The rest: float32. BatchNorm's counter of batches only serves training and is left out. Raises ValueError
    where that loses something, which is where the model was not rounded.
    """
    found = {}
    latent = {f"{name}.weight" for name, _ in _only_signs(model)}
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name in latent:
            step = _steps(value.flatten(1)).view(-1, *([1] * (value.dim() - 1)))
            stored = torch.round(value / step).to(torch.int8)
            back = (stored * step).to(value.dtype)
            found[name + STEP] = step.flatten().float()
        else:
            stored = value.half() if value.dim() > 1 else value.float()
            back = stored.to(value.dtype)
        if not torch.equal(back, value):
            raise ValueError(f"{name} is not rounded: storing would change it; call round_weights_ first")
        found[name] = stored.contiguous()
    return found
