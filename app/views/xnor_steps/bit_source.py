"""Where the bits on the board come from: buttons that set them, or a photo in a layer of an XNOR network."""

import numpy as np
import streamlit as st
from shared import address, layer_values, network_choice, networks, notices, photo_choice
from shared.photos import Photo

from views.xnor_steps import session_bits

SOURCE = "steps: source of the bits"


def by_hand() -> None:
    """Draw buttons that set all bits at once."""
    session_bits.came_with_the_address()
    st.session_state[SOURCE] = "own"
    with st.container(horizontal=True):
        st.button("Randomize", on_click=session_bits.randomize, key="randomize", icon=":material/casino:")
        st.button("All agree", on_click=session_bits.relate, args=(False,), key="agree")
        st.button("All differ", on_click=session_bits.relate, args=(True,), key="differ")


def from_network(n: int) -> int:
    """Draw the choice of photo, XNOR network, layer and filter; where it changes, put its bits onto the board.

    Args:
        n: How many bits are asked for.

    Returns:
        How many of them the layer has: `n`, or its number of channels where that is less.
    """
    photo = photo_choice.choose("pavilion")
    family = network_choice.family(key="bits_network", label="XNOR network", scheme="xnor", control=address.pills)
    name = networks.name(family, "xnor")
    try:
        layers = layer_values.binary_layers(name)
    except ValueError as error:
        notices.cannot_use(error, networks.advice(family, "xnor"))
        return n
    left, right = st.columns(2, gap="medium")
    with left:
        layer = network_choice.layer(
            {own: f"{own}: {module.weight.shape[1]} channels" for own, module in layers.items()}
        )
    count, channels = layers[layer].weight.shape[:2]
    with right:
        index = network_choice.filter_index(count)
    identity = f"{photo.key} {name} {layer} {index}"
    if not session_bits.came_with_the_address() and st.session_state.get(SOURCE) != identity:
        session_bits.put_signs(*_signs(photo, name, layer, index, session_bits.MOST))
    st.session_state[SOURCE] = identity
    shown = min(n, channels)
    st.caption(
        f"The middle pixel of the input of {layer}, and the middle weights of filter {index}: channels 0 to "
        f"{shown - 1} of {channels}. The whole sum runs over {layers[layer].weight[0].numel():,} such products."
    )
    return shown


def _signs(photo: Photo, name: str, layer: str, index: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The middle pixel of a layer's binarized input and the middle weights of a filter: their first `most` channels."""
    module = layer_values.binary_layers(name)[layer]
    x = layer_values.layer_input(photo, name, layer)
    signs = module.input_binarizer(x) if module.input_binarizer is not None else x
    _, _, height, width = x.shape
    kh, kw = module.kernel_size
    weights = module.weight.detach()[index, :, kh // 2, kw // 2]
    return signs[0, :most, height // 2, width // 2].numpy(), weights[:most].numpy()
