"""From trained weights to weights that are shipped: the same network in fewer bits, rounded before it is measured.

Rounding comes first and every accuracy is measured after it, so what is shipped is exactly what was measured.
"""

import torch
from torch import Tensor, nn

from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.training.task import binary_layers

GRID_LIMIT = 2047
"""Largest grid number of a weight: 11 bits, what a float16 holds exactly."""

INPUT_LIMIT = 128
"""Largest |input|·64: pictures enter as (value − 128)/64 with values 0..255."""

EXACT_SUM = 2**24
"""Integers below it are exact in float32."""

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
    needed = torch.maximum(rows.abs().amax(1) / GRID_LIMIT, rows.abs().sum(1) * (INPUT_LIMIT / EXACT_SUM))
    exponent = torch.ceil(torch.log2(needed.clamp(min=SMALLEST_HALF)))
    while True:
        grid = torch.round(rows / torch.exp2(exponent)[:, None])
        breaks = (grid.abs().amax(1) > GRID_LIMIT) | (INPUT_LIMIT * grid.abs().sum(1) >= EXACT_SUM)
        if not breaks.any():
            break
        exponent += breaks
    rounded = (grid * torch.exp2(exponent)[:, None]).view_as(weight).float()
    return _checked_half(rounded).float()


def half_with_signs(weight: Tensor) -> Tensor:
    """The nearest float16 values, as float32, of which each has its weight's sign in the sense of x >= 0.

    A negative weight that float16 would round to zero, and so to the sign +1, becomes −2^-24 instead.
    """
    half = _checked_half(weight.detach()).float()
    return torch.where((weight < 0) & (half == 0), -SMALLEST_HALF, half)


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
    dimensions to float16, keeping the signs of binary layers. Norms, biases, thresholds and slopes stay float32.
    """
    first = first_real_convolution(model)
    latent = {id(layer.weight) for _, layer in binary_layers(model)}
    with torch.no_grad():
        for parameter in model.parameters():
            if first is not None and parameter is first.weight:
                parameter.copy_(fixed_point(parameter))
            elif id(parameter) in latent:
                parameter.copy_(half_with_signs(parameter))
            elif parameter.dim() > 1:
                parameter.copy_(_checked_half(parameter))
    return model


def shipped_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state of a rounded model as it is stored: float16 for weights of two or more dimensions, else float32.

    BatchNorm's counter of batches only serves training and is left out. Raises ValueError where float16 loses
    something, that is where the model was not rounded.
    """
    found = {}
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        stored = value.half() if value.dim() > 1 else value.float()
        if not torch.equal(stored.to(value.dtype), value):
            raise ValueError(f"{name} is not rounded: float16 would change it; call round_weights_ first")
        found[name] = stored.contiguous()
    return found
