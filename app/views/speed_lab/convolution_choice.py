"""The Speed lab's controls for what is convolved: six numbers by hand, or a layer with what a photo sends into it."""

import numpy as np
import streamlit as st
from shared import address, conv_timing, networks, photo_choice, widgets

from xnorlab.benchmark import ConvShape

PRESETS = {"64 @ 56": (64, 56), "128 @ 28": (128, 28), "256 @ 14": (256, 14), "512 @ 7": (512, 7)}
KERNELS = {n: f"{n} × {n}" for n in ("1", "3", "5", "7", "11")}
STRIDES = {n: n for n in ("1", "2", "4")}


def preset(channels: int, size: int) -> None:
    st.session_state.update(channels=channels, filters=channels, size=size, kernel="3", stride="1", batch=1)


def shape_by_hand() -> ConvShape:
    """The six numbers of a convolution; its border is half the kernel."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Layers of ResNet-18, channels @ size", width="content")
        for label, (channels, size) in PRESETS.items():
            st.button(label, on_click=preset, args=(channels, size), key=f"preset-{channels}")
    for key, high, default in (("channels", 2048, 256), ("size", 224, 14), ("filters", 2048, 256), ("batch", 16, 1)):
        address.take_number(key, 1, high, default)
    c, s, f, b = widgets.pairs(4)
    channels = c.number_input(
        "Channels", 1, 2048, key="channels", persist_state="session", help="64 fit one word: 65 cost as much as 128."
    )
    size = s.number_input("Height, width", 1, 224, key="size", persist_state="session")
    filters = f.number_input("Filters", 1, 2048, key="filters", persist_state="session")
    batch = b.number_input("Batch", 1, 16, key="batch", persist_state="session")
    with st.container(horizontal=True, gap="large"):
        kernel = address.segments("Kernel", KERNELS, key="kernel", default="3")
        stride = address.segments("Stride", STRIDES, key="stride", default="1")
    address.publish(channels=channels, size=size, kernel=kernel, stride=stride, filters=filters, batch=batch)
    return ConvShape(channels=channels, size=size, filters=filters, kernel=int(kernel), stride=int(stride), batch=batch)


def shape_of_photo() -> tuple[ConvShape, np.ndarray, str]:
    """A layer of the XNOR network with what a photo sends into it; stops with advice where there is no network."""
    photo = photo_choice.choose("pavilion")
    families = {f: networks.title(f) for f in networks.families("xnor")}
    family = address.pills("XNOR network", families, key="lab_network", default=networks.DEFAULT_FAMILY)
    try:
        layers = conv_timing.feature_maps(photo, family)
    except ValueError as error:
        widgets.cannot_use(error, networks.advice(family, "xnor"))
        st.stop()
    words = {name: f"{name}: {shape}" for name, (shape, _) in layers.items()}
    layer = address.pills("Layer", words, key="lab_layer", default=next(iter(layers)))
    address.publish(lab_network=family, lab_layer=layer)
    st.caption("Own photos are uploaded on the page Classify. The filters stay random; a time does not depend on them.")
    shape, x = layers[layer]
    return shape, x, f"{photo.title}, {layer} of {networks.title(family)}"
