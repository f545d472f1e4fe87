"""One layer at a time: its maps, one sum bit by bit, and how alike the float twin's layer is.

Another layer, filter, channel or pixel runs this part of the page alone: what it does not change stays as it stands.
"""

import html

import streamlit as st
from shared import address, cached, history, network_choice, number_field, own_networks
from shared.photos import Photo

from views.inside import layer_maps, pixel, strips, twin, way
from views.inside.layer_maps import Click
from views.inside.walks import Walk
from xnorlab.figures import style
from xnorlab.runtime.binary_layer import BinaryLayer
from xnorlab.runtime.pixel_sum import PixelSum

CLICK = "inside: clicked pixel"  # which the next run answers, when it knows the layer


@st.fragment
def show(walk: Walk, photo: Photo, name: str, family: str, scheme: str) -> None:
    """Draw the overview to choose a layer from, the controls, and the chosen layer.

    Args:
        walk: The photo's way through the network, which has binary layers.
        photo: What was shown to it.
        name: The network's.
        family: `<data set>/<model>`, or the key of a visitor's own network.
        scheme: The network's.
    """
    with history.part():
        _overview(walk, photo, name)
        chosen = _choice(walk)
        if chosen is None:
            return
        layer_name, channel, sum_ = chosen
        layer = walk.recording.layer(walk.layers[layer_name])
        _entering(walk, layer, layer_name, channel, sum_)
        _leaving(layer, layer_name, sum_)
        st.subheader(f"Bit by bit: filter {sum_.filter} at row {sum_.pixel[0]}, column {sum_.pixel[1]}")
        pixel.show(walk, layer, sum_)
        _links(family, scheme, layer_name, sum_.filter)
        st.subheader("Beside the float twin")
        twin.layers(walk, scheme, layer_name)


def _choose_layer(layer: str) -> None:
    st.session_state["layer"] = layer


def _choose_channel(channel: int) -> None:
    st.session_state["channel"] = channel


def _choose_filter(index: int) -> None:
    st.session_state["filter"] = index


def _click(place: Click) -> None:
    st.session_state[CLICK] = place


def _overview(walk: Walk, photo: Photo, name: str) -> None:
    address.take("layer", list(walk.layers), next(iter(walk.layers)))
    st.subheader("Layer by layer")
    way.show(walk, photo, cached.preprocessing(name), chosen=st.session_state["layer"], choose=_choose_layer)
    st.caption(
        "What enters each layer, all channels in one picture: the pattern over the photo on which this network's signs "
        "and the real numbers of its float twin agree most, as each of the two has it. Alike, 0 to 1: how far they "
        "agree altogether, explained below. Click a layer."
        if walk.twin is not None
        else "What enters each layer, all channels in one picture: the pattern over the photo that most of them share. "
        "Click a layer."
    )


def _choice(walk: Walk) -> tuple[str, int, PixelSum] | None:
    """Draw the controls; the layer's name, the channel and the sum, or None where a field has no sensible number."""
    with st.container(border=True):
        shapes = {layer: walk.recording.layer(op) for layer, op in walk.layers.items()}
        words = {
            layer: f"{layer}: {own.weights.shape[0]} filters of {own.weights.shape[3]} × {own.weights.shape[1]} × "
            f"{own.weights.shape[2]}"
            for layer, own in shapes.items()
        }
        first, second, third = st.columns([7, 4, 4], gap="medium", vertical_alignment="bottom")
        with first:
            layer_name = network_choice.layer(words)
        layer = shapes[layer_name]
        (rows, columns, filters), channels = layer.value.shape, layer.x.shape[2]
        with second:
            channel = network_choice.filter_index(
                channels, default=layer_maps.most_telling(layer.signs), key="channel", label="Channel that enters"
            )
        with third:
            index = network_choice.filter_index(
                filters, default=layer_maps.most_telling(layer.sums if layer.next_signs is None else layer.next_signs)
            )
        place = st.session_state.pop(CLICK, None)
        if place is not None:
            clicked_row, clicked_column = layer_maps.clicked_pixel(layer, place)
            if not (0 <= clicked_row < rows and 0 <= clicked_column < columns):  # on a map that is no longer there
                clicked_row, clicked_column = rows // 2, columns // 2
            st.session_state["row"], st.session_state["column"] = float(clicked_row), float(clicked_column)
        address.take_number("row", 0, rows - 1, rows // 2, typed=True)
        address.take_number("column", 0, columns - 1, columns // 2, typed=True)
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            typed_row = number_field.draw(st.container(width=150), "Row", 0, rows - 1, key="row")
            typed_column = number_field.draw(st.container(width=150), "Column", 0, columns - 1, key="column")
            st.caption("of the filter's output. Or click any map below.", width="content")
        problems = [typed.problem for typed in (typed_row, typed_column) if typed.problem]
        number_field.say(problems)
    if problems:
        return None
    row, column = int(typed_row.number), int(typed_column.number)
    address.publish(row=row, column=column)
    return layer_name, channel, layer.pixel_sum(index, row, column)


def _entering(walk: Walk, layer: BinaryLayer, layer_name: str, channel: int, sum_: PixelSum) -> None:
    channels = layer.x.shape[2]
    st.subheader(f"What enters {layer_name}")
    _legend(("−1, below the threshold", "+1, above it"))
    twin_map = walk.twin_map(layer_name)
    entering = layer_maps.entering(layer, channel, sum_, twin_map)
    layer_maps.show(entering, key="entering", click=_click)
    layer_maps.numbers(layer, entering, key="entering")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**All {channels} channels**, real above, bit below")
        strips.show(
            [layer.rule.margin(layer.x), layer.signs],
            key="channels",
            word="channel",
            name=f"The {channels} channels that enter {layer_name}, each before its sign and as signs",
            chosen=channel,
            choose=_choose_channel,
        )
    if twin_map is not None:
        with right:
            st.markdown(f"**The float twin's {twin_map.shape[2]} channels**, in an order of their own")
            strips.show(
                [twin_map],
                key="twin-channels",
                word="the float twin's channel",
                name=f"The {twin_map.shape[2]} channels that enter {layer_name} of the float twin",
                chosen=layer_maps.nearest_channel(layer, channel, twin_map)[0],
            )
    st.caption(
        "A frame marks the patch of the input that the filter sees. Click a small map to enlarge it."
        + (
            " Each channel has a threshold of its own: a norm or a learned shift just before the sign is one "
            "comparison."
            if layer.rule.threshold.any()
            else " The sign is taken at 0: nothing is subtracted just before it."
        )
    )


def _leaving(layer: BinaryLayer, layer_name: str, sum_: PixelSum) -> None:
    filters = layer.value.shape[2]
    st.subheader(f"What filter {sum_.filter} makes of it")
    _legend(("negative, or bit −1", "positive, or bit +1"))
    leaving = layer_maps.leaving(layer, sum_.filter, sum_)
    layer_maps.show(leaving, key="leaving", click=_click)
    layer_maps.numbers(layer, leaving, key="leaving")
    if layer.next_signs is not None:
        st.markdown(f"**All {filters} filters**, sums above, the bit that they become below.")
    else:
        st.markdown(f"**All {filters} filters**: sums. No sign follows, the classifier takes real numbers.")
    strips.show(
        [layer.sums] if layer.next_signs is None else [layer.sums, layer.next_signs],
        key="filters",
        word="filter",
        name=f"The sums of the {filters} filters of {layer_name}, and the bits that they become",
        chosen=sum_.filter,
        choose=_choose_filter,
    )


def _legend(words: tuple[str, str]) -> None:
    """What the two tones of a map mean."""
    (low, high), (low_dark, high_dark) = ((style.two_tone(t)[0][1], style.two_tone(t)[-1][1]) for t in (False, True))
    marks = zip((f"light-dark({low},{low_dark})", f"light-dark({high},{high_dark})"), words, strict=True)
    spans = [
        f"<span><span style='color:{c}' aria-hidden='true'>■</span> {html.escape(word)}</span>" for c, word in marks
    ]
    st.html(f"<div class='xl-legend'>{''.join(spans)}</div>")


def _links(family: str, scheme: str, layer_name: str, index: int) -> None:
    with st.container(horizontal=True, gap="medium"):
        st.page_link("views/xnor_steps/page.py", label="How XNOR and popcount count", icon=":material/exposure_plus_1:")
        if not own_networks.is_own(family):  # whose real weights are not in its file
            query = {"from": "trained", "model": family, "scheme": scheme, "layer": layer_name, "filter": str(index)}
            st.page_link(
                "views/filters/page.py",
                label=f"The real weights of filter {index}",
                icon=":material/grid_on:",
                query_params=query,
            )
