"""The Speed lab's controls for what is convolved: six numbers by hand, or a layer with what a photo sends into it."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from shared import (
    address,
    layout,
    markup,
    network_choice,
    networks,
    notices,
    number_field,
    photo_choice,
    speed_lab_link,
)
from shared.number_field import Typed
from streamlit.delta_generator import DeltaGenerator

from views.speed_lab.feature_maps import feature_maps
from xnorlab.benchmark import ConvShape

DATA = {"random": "Random", "photo": "A photo's feature maps"}
PRESETS = {"64 @ 56": (64, 56), "128 @ 28": (128, 28), "256 @ 14": (256, 14), "512 @ 7": (512, 7)}
DEFAULTS = {"channels": 256, "size": 14, "filters": 256, "batch": 1}


@dataclass(frozen=True)
class Convolution:
    """What is timed.

    Attributes:
        shape: Its geometry.
        inputs: Float32 (batch, height, width, channels); None for random values.
        data: "random", or which photo at which layer the inputs are from.
    """

    shape: ConvShape
    inputs: np.ndarray | None = None
    data: str = "random"


def choose() -> tuple[Convolution | None, list[str]]:
    """The chosen convolution, or None and why the choice cannot be timed, in sentences."""
    data = address.segments("Data", DATA, key="data", default="random")
    address.publish(data=data)
    return (_from_photo(), []) if data == "photo" else _by_hand()


def _set_preset(channels: int, size: int) -> None:
    numbers = {"channels": channels, "filters": channels, "size": size, "batch": 1}
    st.session_state.update({key: float(number) for key, number in numbers.items()}, kernel="3", stride="1")


def _by_hand() -> tuple[Convolution | None, list[str]]:
    """The six numbers of a convolution; its padding is half the kernel."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Layers of ResNet-18, channels @ size", width="content")
        for label, (channels, size) in PRESETS.items():
            st.button(label, on_click=_set_preset, args=(channels, size), key=f"preset-{channels}")
    columns = layout.pairs(4)
    typed = {
        "channels": _number(
            columns[0], "Channels", "channels", help="64 signs fill a word: 65 need as much memory as 128."
        ),
        "size": _number(columns[1], "Height, width", "size"),
        "filters": _number(columns[2], "Filters", "filters"),
        "batch": _number(columns[3], "Batch", "batch"),
    }
    with st.container(horizontal=True, gap="large"):
        kernels = {n: f"{n} × {n}" for n in speed_lab_link.KERNELS}
        kernel = address.segments("Kernel", kernels, key="kernel", default="3")
        stride = address.segments("Stride", {n: n for n in speed_lab_link.STRIDES}, key="stride", default="1")
    address.publish(kernel=kernel, stride=stride)
    if problems := [field.problem for field in typed.values() if field.problem]:
        return None, problems
    try:
        numbers = {name: int(field.number) for name, field in typed.items()}
        return Convolution(ConvShape(**numbers, kernel=int(kernel), stride=int(stride))), []
    except ValueError as error:
        return None, [markup.plain(str(error))]


def _number(place: DeltaGenerator, label: str, key: str, help: str | None = None) -> Typed:
    most = speed_lab_link.LIMITS[key]
    address.take_number(key, 1, most, DEFAULTS[key], typed=True)
    typed = number_field.draw(place, label, 1, most, key=key, help=help)
    address.publish(**{key: None if typed.problem else int(typed.number)})
    return typed


def _from_photo() -> Convolution:
    """A layer of the XNOR network with what a photo sends into it; stops with advice where there is no network."""
    photo = photo_choice.choose("pavilion")
    family = network_choice.family(key="lab_network", label="XNOR network", scheme="xnor", control=address.pills)
    try:
        layers = feature_maps(photo, family)
    except ValueError as error:
        notices.cannot_use(error, networks.advice(family, "xnor"))
        address.end_page()
    words = {name: f"{name}: {shape}" for name, (shape, _) in layers.items()}
    layer = network_choice.layer(words, key="lab_layer", control=address.pills)
    st.caption("Own photos are uploaded on the page Classify. The filters stay random; a time does not depend on them.")
    shape, inputs = layers[layer]
    return Convolution(shape, inputs, f"{photo.title}, {layer} of {networks.title(family)}")
