"""From trained weights to weights that are shipped: the same network in fewer bits, rounded before it is measured.

Rounding comes first and every accuracy is measured after it, so what is shipped is exactly what was measured.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from xnorlab.conventions import EXACT_SUMS, PICTURE_LIMIT
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.training.classification import binary_layers
from xnorlab.zoo.latent_weights import STEP, real_weights

GRID_LIMIT = 2047
"""Largest grid number of a weight: 11 bits, what a float16 holds exactly."""

BYTE_LIMIT = 127
"""Largest grid number of a latent weight that is stored in 8 bits."""

SMALLEST_HALF = 2.0**-24
"""Smallest positive float16."""

SMALLEST_STEP = 2.0**-126
"""Smallest float32 with all its digits."""


def fixed_point(weight: Tensor) -> Tensor:
    """The nearest weights j·2^p, one p per filter, on the finest grid whose sums over pictures stay exact in float32.

    Per filter p is the smallest one from −24 on with |j| <= 2,047 and 128·Σ|j| < 2^24. Inputs are i/64 with |i| <= 128,
    so every partial sum is a multiple of 2^p/64 below 2^24 of them: float32 adds them exactly in any order, and the
    torch and the packed network agree bit for bit. Every such weight is a float16 too.

    Args:
        weight: (N, ...) float32, one filter per row.

    Raises:
        ValueError: a weight is not finite or too large for float16.
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
    """Weights j·step, |j| <= 127, one float32 step per filter, with the signs (x >= 0) and the mean |W| of `weight`.

    A network that binarizes them sees their signs and α = mean|W|, and so stays the network that it was, to float32's
    rounding: steps that were powers of two moved α by up to 0.5 %, which gave 203 of 3,925 pictures another label in a
    ResNet-18 of signs. A negative weight that would round to 0, and so to the sign +1, becomes −step instead.

    Args:
        weight: (N, ...) float32, one filter per row.

    Raises:
        ValueError: a weight is not finite.
    """
    if not torch.isfinite(weight).all():
        raise ValueError("weight must be finite to be rounded to 8 bits")
    rows = weight.detach().double().flatten(1)
    largest = rows.abs().amax(1, keepdim=True)
    numbers = torch.round(rows / (largest / BYTE_LIMIT).clamp(min=SMALLEST_STEP))
    numbers = torch.where((rows < 0) & (numbers == 0), -1.0, numbers)
    total = numbers.abs().sum(1, keepdim=True)
    step = (rows.abs().sum(1, keepdim=True) / total.clamp(min=1)).clamp(min=SMALLEST_STEP).float()
    stays = _numbers_and_steps(weight.detach().flatten(1))[2]
    return torch.where(stays, weight.detach().flatten(1), numbers.float() * step).view_as(weight)


def _numbers_and_steps(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split filters (N, n) float32 into numbers j, the largest 127, and steps (N, 1) float32; and where that is exact.

    127·step is rounded to float32, so that the step is one of the few numbers next to its 127th part.
    """
    step = (rows.abs().amax(1, keepdim=True).double() / BYTE_LIMIT).clamp(min=SMALLEST_STEP).float()
    candidates = [step]
    for end in (0.0, float("inf")):
        near = step
        for _ in range(2):
            near = torch.nextafter(near, torch.tensor(end))
            candidates.append(near)
    numbers, exact = torch.round(rows / step), torch.zeros_like(step, dtype=torch.bool)
    for candidate in candidates:
        fits = (numbers * candidate == rows).all(1, keepdim=True)
        step = torch.where(fits & ~exact, candidate, step)
        exact |= fits
    return numbers, step, exact


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
    """The layers that see no more of a weight than its sign and its filter's scale, in evaluation too.

    Ternary layers are not among them: 8 bits could carry a weight over the threshold of its filter.
    """
    for name, layer in binary_layers(model):
        binarizer = layer.weight_binarizer
        if binarizer is not None and not binarizer.real_in_eval and not binarizer.gives_zeros:
            yield name, layer


def shipped_tensors(model: nn.Module, packed: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """The state of a rounded model as it is stored; `latent_weights.unpacked` reads it back.

    Latent weights of binary layers become int8 beside "<name>.step", float32 (N,), other weights of two or more
    dimensions float16, the rest float32. BatchNorm's counter of batches only serves training and is left out.

    Args:
        model: rounded by `round_weights_`.
        packed: the tensors of its packed file; a real weight that lies there is left out here.

    Raises:
        ValueError: storing would lose something, since the model was not rounded.
    """
    tensors = {}
    latent = {f"{name}.weight" for name, _ in _only_signs(model)}
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name in latent:
            numbers, step, _ = _numbers_and_steps(value.flatten(1))
            stored = numbers.to(torch.int8).view_as(value)
            back = (stored.flatten(1) * step).view_as(value)
            tensors[name + STEP] = step.flatten()
        else:
            stored = value.half() if value.dim() > 1 else value.float()
            back = stored.to(value.dtype)
        if not torch.equal(back, value):
            raise ValueError(f"{name} is not rounded: storing would change it; call round_weights_ first")
        tensors[name] = stored.contiguous()
    for name, value in real_weights(packed).items():
        if name in tensors and np.array_equal(value.astype(np.float32), tensors[name].float().numpy()):
            del tensors[name]
    return tensors
