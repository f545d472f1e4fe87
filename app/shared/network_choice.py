"""The controls that say which network, layer and filter a page shows; each stands in the address under its key."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import streamlit as st

from shared import address, networks, own_network_upload, own_networks


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
    own: bool = False,
) -> str:
    """The chosen family of networks, `<data set>/<model>`, or the key of a visitor's own network.

    Args:
        key: Of the control and of the address.
        label: What stands above the control.
        scheme: Only families with a shipped network under this scheme are on offer; None offers all.
        default: What is chosen at first.
        words: How a family is written in the control.
        control: Which kind of control it is.
        own: Whether the visitor's own networks are on offer, too, and a control to bring one stands below.
    """
    place = st.container()
    if own:
        own_network_upload.show(key)
    options = {name: words(name) for name in [*networks.families(scheme), *(own_networks.kept() if own else ())]}
    asked = address.asked(key)
    if own and asked is not None and own_networks.is_own(asked) and asked not in options:
        lost = own_networks.LOST.format(title=networks.title(default))
        address.refuse(key, lost, along=own_networks.SCHEME)
    with place:
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
    """The number of the chosen filter, 0 to `count` − 1, by a slider; the only one needs none.

    Args:
        count: Filters of the layer, at least one.
        default: What is chosen at first.
        key: Of the slider and of the address.
        label: What stands above the slider.
    """
    address.take_number(key, 0, count - 1, default)
    if count == 1:
        st.caption(f"{label}: the only one")
        address.publish(**{key: 0})
        return 0
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
