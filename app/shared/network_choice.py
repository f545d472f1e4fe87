"""The controls that say which network, layer and filter a page shows; each stands in the address under its key."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import streamlit as st

from shared import address, networks


class Control(Protocol):
    """A control with one choice among a few, such as `address.menu`, `address.pills` and `address.segments`."""

    def __call__(self, label: str, options: Mapping[str, str], *, key: str, default: str) -> str: ...


def family(
    *,
    key: str = "model",
    label: str = "Network",
    scheme: str | None = None,
    default: str = networks.DEFAULT_FAMILY,
    words: Callable[[str], str] = networks.title,
    control: Control = address.menu,
) -> str:
    """The chosen family of networks, `<data set>/<model>`.

    Args:
        key: Of the control and of the address.
        label: What stands above the control.
        scheme: Only families with a shipped network under this scheme are on offer; None offers all.
        default: What is chosen at first.
        words: How a family is written in the control.
        control: Which kind of control it is.
    """
    options = {name: words(name) for name in networks.families(scheme)}
    return _published(control, label, options, key, default)


def scheme(
    options: Sequence[str],
    *,
    default: str,
    key: str = "scheme",
    label: str = "Trained as",
    control: Control = address.menu,
) -> str:
    """The chosen scheme, one of `options`, which `networks.schemes(family)` lists for a whole family.

    Args:
        options: Schemes on offer, at least one.
        default: What is chosen at first; the first option where it is none of them.
        key: Of the control and of the address.
        label: What stands above the control.
        control: Which kind of control it is.
    """
    named = {option: networks.with_glyph(option) for option in options}
    return _published(control, label, named, key, default)


def layer(
    options: Mapping[str, str],
    *,
    default: str | None = None,
    key: str = "layer",
    label: str = "Layer",
    control: Control = address.menu,
) -> str:
    """The name of the chosen layer.

    Args:
        options: Layer's name → how it is written in the control, at least one; see `filters_in_words`.
        default: What is chosen at first; the first layer where it is none of them, or None.
        key: Of the control and of the address.
        label: What stands above the control.
        control: Which kind of control it is.
    """
    return _published(control, label, options, key, default)


def filter_index(count: int, *, default: int = 0, key: str = "filter", label: str = "Filter") -> int:
    """The number of the chosen filter, 0 to `count` − 1, by a slider.

    Args:
        count: Filters of the layer, at least two.
        default: What is chosen at first.
        key: Of the slider and of the address.
        label: What stands above the slider.
    """
    address.take_number(key, 0, count - 1, default)
    index = st.slider(label, 0, count - 1, key=key, persist_state="session")
    address.publish(**{key: index})
    return index


def filters_in_words(shapes: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Options for `layer` that say how many filters of which size each layer has.

    Args:
        shapes: Layer's name → the shape (N, C, kh, kw) of its weights.
    """
    return {name: "{}: {} filters of {} × {} × {}".format(name, *shape) for name, shape in shapes.items()}


def _published(control: Control, label: str, options: Mapping[str, str], key: str, default: str | None) -> str:
    if default is None or default not in options:
        default = next(iter(options))
    chosen = control(label, options, key=key, default=default)
    address.publish(**{key: chosen})
    return chosen
