"""What the Scaling factors page shows: a photo's own values at one layer, approximated with and without α and K."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from shared import cached, networks
from shared.photos import Photo

from views.classify import classifications
from xnorlab import units
from xnorlab.nn import Agreement, BinaryConv2d, ConvApproximation, approximate_conv, get_scheme, layer_inputs

if TYPE_CHECKING:
    from torch import Tensor

WAYS = {"signs only": (False, False), "α": (True, False), "K": (False, True), "α and K": (True, True)}
"""Label → whether α is on, whether K is on."""


def binary_schemes(family: str) -> list[str]:
    """The schemes on offer under which `family` runs with binary weights; where it has none, XNOR is looked for.

    Stochastic BinaryConnect is none of them: its signs are drawn in training, and it runs with its real weights.
    """
    binarizers = {scheme: get_scheme(scheme).weights for scheme in networks.schemes(family)}
    return [s for s, binarizer in binarizers.items() if binarizer and not binarizer(1).real_in_eval] or ["xnor"]


def before(scheme: str) -> str:
    """Where on their way the inputs of a binary layer are looked at, in words; none where they meet no sign."""
    found = get_scheme(scheme)
    if found.inputs is None:
        return ""
    return " (after the norm, before the sign)" if found.order == "norm-sign-conv" else " (before the sign)"


def layers(name: str) -> dict[str, BinaryConv2d]:
    """The layers with binary weights of the network `name`; raises ValueError where it cannot be loaded."""
    return cached.torch_network(name)[1]


def crop(photo: Photo, name: str) -> np.ndarray:
    """The part of `photo` that the network `name` sees, uint8 (crop, crop, 3)."""
    return classifications.preprocessing(name).crop_image(photo.pixels)


def layer_input(photo: Photo, name: str, layer: str) -> "Tensor":
    """What reaches the convolution `layer` of the network `name` when it looks at `photo`: (1, C, H, W)."""
    import torch

    model, found = cached.torch_network(name)
    pixels = classifications.preprocessing(name)([photo.pixels])
    return layer_inputs(model, torch.from_numpy(pixels).permute(0, 3, 1, 2))[found[layer]]


def approximate(photo: Photo, name: str, layer: str) -> ConvApproximation:
    """The convolution `layer` of the network `name` on the values that `photo` sends into it."""
    return approximate_conv(layers(name)[layer], layer_input(photo, name, layer))


def ways(approximation: ConvApproximation) -> dict[str, Agreement]:
    """How near each of WAYS comes, as far as it exists: without K where the layer's inputs stay real."""
    return {
        label: approximation.agreement(alpha=alpha, k=k)
        for label, (alpha, k) in WAYS.items()
        if not k or approximation.input_scale is not None
    }


def finding(found: Mapping[str, Agreement]) -> str:
    """What α and K do here, in a sentence a factor, from the mean errors over the layer's filters."""
    plain, alpha = found["signs only"].mean_error, found["α"].mean_error
    text = (
        f"**α {_verdict(plain, alpha)}**: on average over the filters the error goes from {units.percent(plain)} to "
        f"{units.percent(alpha)} of the true map."
    )
    if "α and K" not in found:
        return text
    both = found["α and K"].mean_error
    return f"{text} **K {_verdict(alpha, both)}**: with it the error is {units.percent(both)}."


def _verdict(before: float, after: float) -> str:
    if after < before / 2:
        return "fixes the size"
    if after < 0.9 * before:
        return "helps"
    return "changes little" if after <= 1.1 * before else "does not help here"
