"""Inside: one photo on its way through a packed network, layer by layer, down to the bits behind every sum."""

import html

import streamlit as st
from shared import address, cached, network_choice, networks, notices, number_field, own_networks, photo_choice

from xnorlab.figures import style

_WEIGHTS_ALONE = {1: ", whose weights alone are signs", 2: ", whose weights alone are −1, 0 and +1"}
CLICK = "inside: clicked pixel"  # which the next run answers, when it knows the layer


def choose_layer(layer: str) -> None:
    st.session_state["layer"] = layer


def choose_channel(channel: int) -> None:
    st.session_state["channel"] = channel


def choose_filter(index: int) -> None:
    st.session_state["filter"] = index


def click(place: tuple[str, tuple[int, int]]) -> None:
    st.session_state[CLICK] = place


def legend(words: tuple[str, str]) -> None:
    """What the two tones of a map mean."""
    (low, high), (low_dark, high_dark) = ((style.two_tone(t)[0][1], style.two_tone(t)[-1][1]) for t in (False, True))
    marks = zip((f"light-dark({low},{low_dark})", f"light-dark({high},{high_dark})"), words, strict=True)
    spans = [
        f"<span><span style='color:{c}' aria-hidden='true'>■</span> {html.escape(word)}</span>" for c, word in marks
    ]
    st.html(f"<div class='xl-legend'>{''.join(spans)}</div>")


st.title("Inside")
notes = st.container()
st.markdown(
    "A photo on its way through a whole network whose layers see nothing but signs. Choose a layer, a filter and a "
    "pixel, and see which bits were compared, what their count became, and where the network parts from its twin with "
    "real numbers."
)
with st.container(border=True):
    photo = photo_choice.choose("golf-ball")
    left, right = st.columns(2, gap="medium")
    with left:
        family = network_choice.family(own=True)
    own = own_networks.is_own(family)
    with right:
        scheme = (
            own_networks.SCHEME
            if own
            else network_choice.scheme(networks.schemes(family), default="xnor", key="trained")
        )
name = networks.name(family, scheme)
with st.spinner("Running the network, once…"):
    from views.inside import layer_maps, pixel, strips, twin, walks, way

    try:
        walk = walks.through(photo, name)
    except ValueError as error:
        notices.cannot_use(error, networks.advice(family, scheme))
        address.show_notes(notes)
        address.end_page()
if not walk.layers:
    st.info(
        f"Real numbers enter every layer of {'your network' if own else style.look(scheme).label}"
        + _WEIGHTS_ALONE.get(min(op.weight_bits or 32 for op in walk.recording.network.ops), "")
        + ": no two rows of bits are compared, so there is nothing to follow here. Choose a network whose inputs are "
        "signs as well, such as XNOR-Net, above.",
        icon=":material/visibility_off:",
    )
    address.show_notes(notes)
    address.end_page()
address.take("layer", list(walk.layers), next(iter(walk.layers)))

st.subheader("Layer by layer")
way.show(walk, photo, cached.preprocessing(name), chosen=st.session_state["layer"], choose=choose_layer)
st.caption(
    "What enters each layer, all channels in one picture: the pattern over the photo on which this network's signs and "
    "the real numbers of its float twin agree most, as each of the two has it. Alike, 0 to 1: how far they agree "
    "altogether, explained below. Click a layer."
    if walk.twin is not None
    else "What enters each layer, all channels in one picture: the pattern over the photo that most of them share. "
    "Click a layer."
)

with st.container(border=True):
    shapes = {layer: walk.recording.layer(op) for layer, op in walk.layers.items()}
    words = {
        layer: f"{layer}: {own.weights.shape[0]} filters of {own.weights.shape[3]} × {own.weights.shape[1]} × "
        f"{own.weights.shape[2]}"
        for layer, own in shapes.items()
    }
    first, second, third = st.columns([5, 5, 5], gap="medium", vertical_alignment="bottom")
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
    address.show_notes(notes)
    address.end_page()
row, column = int(typed_row.number), int(typed_column.number)
address.publish(row=row, column=column)

chosen = layer.pixel_sum(index, row, column)
st.subheader(f"What enters {layer_name}")
legend(("−1, below the threshold", "+1, above it"))
twin_map = walk.twin_map(layer_name)
entering = layer_maps.entering(layer, channel, chosen, twin_map)
layer_maps.show(entering, key="entering", click=click)
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
        choose=choose_channel,
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
        " Each channel has a threshold of its own: a norm or a learned shift just before the sign is one comparison."
        if layer.rule.threshold.any()
        else " The sign is taken at 0: nothing is subtracted just before it."
    )
)

st.subheader(f"What filter {index} makes of it")
legend(("negative, or bit −1", "positive, or bit +1"))
leaving = layer_maps.leaving(layer, index, chosen)
layer_maps.show(leaving, key="leaving", click=click)
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
    chosen=index,
    choose=choose_filter,
)

st.subheader(f"Bit by bit: filter {index} at row {row}, column {column}")
pixel.show(walk, layer, chosen)

st.subheader("Beside the float twin")
twin.layers(walk, scheme, layer_name)
st.subheader("Down to the answer")
twin.answers(walk, scheme)
with st.container(horizontal=True, gap="medium"):
    st.page_link("views/xnor_steps/page.py", label="How XNOR and popcount count", icon=":material/exposure_plus_1:")
    if not own:  # whose real weights are not in its file
        query = {"from": "trained", "model": family, "scheme": scheme, "layer": layer_name, "filter": str(index)}
        st.page_link(
            "views/filters/page.py",
            label=f"The real weights of filter {index}",
            icon=":material/grid_on:",
            query_params=query,
        )
st.caption(
    "Everything on this page is computed here, from the packed files. Own photos are uploaded on the page Classify."
)
address.show_notes(notes)
