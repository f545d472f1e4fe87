"""The choice of a filter: one of a shipped network, or nine weights by hand."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from shared import address, cached, network_choice, networks, notices, number_field, own_networks

PRESETS = {
    "Edge": [1.0, 0.0, -1.0, 2.0, 0.0, -2.0, 1.0, 0.0, -1.0],
    "Spot": [-0.3, -0.2, -0.3, -0.2, 1.4, -0.2, -0.3, -0.2, -0.3],
    "Nearly binary": [0.9, -1.1, 1.0, -1.0, 1.1, -0.9, 1.0, -1.0, 0.95],
    "All zero": [0.0] * 9,
}
LIMIT = 10.0
"""The largest weight by hand, in magnitude."""


@dataclass(frozen=True)
class ChosenFilter:
    """A filter with its name.

    Attributes:
        weights: (C, kh, kw) float32.
        identity: A text that no other filter has.
        real_layers: Which layers of its network stay real, in words; "" without a network.
    """

    weights: np.ndarray
    identity: str
    real_layers: str = ""


def own() -> ChosenFilter | None:
    """Draw the controls for nine weights by hand; the filter has one channel.

    Returns:
        The filter; None where a weight is out of range, after the page has said so.
    """
    address.take_numbers("own", 9, -LIMIT, LIMIT, PRESETS["Edge"])
    with st.container(horizontal=True, gap="small"):
        for preset in PRESETS:
            st.button(preset, on_click=_fill, args=(preset,), key=f"preset-{preset}")
    st.caption(f"Nine weights, each from −{LIMIT:g} to {LIMIT:g}")
    typed = []
    with st.container(key="own-grid"):
        for row in range(3):
            for column, place in enumerate(st.columns(3, gap="small", wrap=False)):
                name, key = f"Row {row}, column {column}", f"own-{3 * row + column}"
                typed.append(number_field.draw(place, name, -LIMIT, LIMIT, key=key, step=0.1, whole=False, shown=False))
    problems = [weight.problem for weight in typed if weight.problem]
    number_field.say(problems)
    if problems:
        return None
    numbers = [f"{weight.number:g}" for weight in typed]
    address.publish(own=numbers)
    return ChosenFilter(np.array([w.number for w in typed], np.float32).reshape(1, 3, 3), " ".join(numbers))


def trained() -> ChosenFilter | None:
    """Draw the choice of a filter among the latent weights of a shipped network, or those that the visitor's own has.

    Returns:
        The filter; None where the network cannot be used, after the page has said so with advice.
    """
    family = network_choice.family(own=True)
    if own_networks.is_own(family):
        return _packed(family)
    scheme = network_choice.scheme(networks.schemes(family), default="float")
    try:
        layers = cached.conv_weights(networks.name(family, scheme))
    except ValueError as error:
        notices.cannot_use(error, networks.advice(family, scheme))
        st.info("A filter of your own needs no network: choose it above.")
        return None
    names = list(layers)
    layer, index = _place(layers, default=names[min(1, len(names) - 1)])
    real_layers = "the first and the last layer"
    if any(name.startswith("shortcut") for name in names):
        real_layers += " and the convolutions on shortcuts"
    return ChosenFilter(layers[layer][index], f"{family} {scheme} {layer} {index}", real_layers)


def _packed(name: str) -> ChosenFilter | None:
    """The choice of a filter of the visitor's own network, whose file has real weights where layers stay real."""
    layers = cached.conv_weights(name)
    packed = any(op.weight_bits in (1, 2) for op in cached.network(name).ops)
    if not layers:
        kept = "of its binary layers only signs and factors" if packed else "no convolution"
        st.info(
            f"There is no real filter to binarize: a packed file keeps {kept}. The weights from which they were "
            "trained stay with the checkpoint. A filter of your own needs no network: choose it above.",
            icon=":material/visibility_off:",
        )
        return None
    layer, index = _place(layers, default=next(iter(layers)))
    if packed:
        st.caption(
            "On offer are the convolutions that stay real. Of the binary ones a packed file keeps signs and factors "
            "alone; the weights from which they were trained stay with the checkpoint."
        )
    return ChosenFilter(layers[layer][index], f"{name} {layer} {index}")


def _place(layers: Mapping[str, np.ndarray], *, default: str) -> tuple[str, int]:
    """Draw the choice of a layer and of one of its filters; layers: name → (N, C, kh, kw)."""
    options = network_choice.filters_in_words({name: weights.shape for name, weights in layers.items()})
    layer = network_choice.layer(options, default=default)
    return layer, network_choice.filter_index(len(layers[layer]))


def _fill(preset: str) -> None:
    for index, weight in enumerate(PRESETS[preset]):
        st.session_state[f"own-{index}"] = weight
