"""How near sums of signs come to a network's convolution of a photo, with and without α and K."""

from collections.abc import Mapping

import numpy as np
from shared import cached, layer_values, networks
from shared.photos import Photo

from xnorlab import units
from xnorlab.nn import Agreement, ConvApproximation, approximate_conv, get_scheme

FACTORS = {"signs only": (False, False), "α": (True, False), "K": (False, True), "α and K": (True, True)}
"""Label → whether α is on, whether K is on."""


def binary_schemes(family: str) -> list[str]:
    """The schemes under which `family` is shipped with binary weights; only XNOR where there are none.

    Stochastic BinaryConnect is left out: its signs are drawn in training, and it runs with its real weights. So are
    ternary weights, whose zeros no sign approximates.
    """
    makers = {scheme: get_scheme(scheme).weights for scheme in networks.schemes(family)}
    binarizers = {scheme: make(1) for scheme, make in makers.items() if make}
    return [s for s, own in binarizers.items() if not own.real_in_eval and not own.gives_zeros] or ["xnor"]


def place_of_inputs(scheme: str) -> str:
    """At which point of the network a layer's inputs are taken, in words; "" where no sign is taken of them."""
    own = get_scheme(scheme)
    if own.inputs is None:
        return ""
    return " (after the norm, before the sign)" if own.order == "norm-sign-conv" else " (before the sign)"


def crop(photo: Photo, name: str) -> np.ndarray:
    """The part of `photo` that the network `name` sees, uint8 (crop, crop, 3)."""
    return cached.preprocessing(name).crop_image(photo.pixels)


def approximate(photo: Photo, name: str, layer: str) -> ConvApproximation:
    """The convolution `layer` of the network `name`, on its input when the network classifies `photo`.

    Raises:
        ValueError: The network cannot be loaded.
    """
    return approximate_conv(layer_values.binary_layers(name)[layer], layer_values.layer_input(photo, name, layer))


def agreements(approximation: ConvApproximation) -> dict[str, Agreement]:
    """How near the approximation comes with each of FACTORS; those with K only where the layer's inputs are binary."""
    return {
        label: approximation.agreement(alpha=alpha, k=k)
        for label, (alpha, k) in FACTORS.items()
        if not k or approximation.input_scale is not None
    }


def behind_a_norm(approximation: ConvApproximation) -> dict[str, Agreement]:
    """How near each of FACTORS comes where a norm follows on both sides; those with K only where inputs are binary."""
    return {
        label: approximation.behind_a_norm(alpha=alpha, k=k)
        for label, (alpha, k) in FACTORS.items()
        if not k or approximation.input_scale is not None
    }


def finding(by_factors: Mapping[str, Agreement]) -> str:
    """What α and K do here, one sentence per factor as Markdown, from the mean errors over the layer's filters.

    Args:
        by_factors: As `agreements` gives them.
    """
    plain, alpha = by_factors["signs only"].mean_error, by_factors["α"].mean_error
    text = (
        f"**α {_effect(plain, alpha)}**: on average over the filters the error goes from {units.percent(plain)} to "
        f"{units.percent(alpha)} of the true map."
    )
    if "α and K" not in by_factors:
        return text
    both = by_factors["α and K"].mean_error
    return f"{text} **K {_effect(alpha, both)}**: with it the error is {units.percent(both)}."


def _effect(before: float, after: float) -> str:
    """What a factor does that changes the error so, in words."""
    if after < before / 2:
        return "fixes the size"
    if after < 0.9 * before:
        return "helps"
    return "changes little" if after <= 1.1 * before else "does not help here"
