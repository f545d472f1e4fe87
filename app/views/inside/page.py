"""Inside: one photo on its way through a packed network, layer by layer, down to the bits behind every sum."""

import streamlit as st
from shared import address, network_choice, networks, notices, own_networks, photo_choice

from xnorlab.figures import style

_WEIGHTS_ALONE = {1: ", whose weights alone are signs", 2: ", whose weights alone are −1, 0 and +1"}

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
    from views.inside import one_layer, twin, walks

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
one_layer.show(walk, photo, name, family, scheme)
st.subheader("Down to the answer")
twin.answers(walk, scheme)
st.caption(
    "Everything on this page is computed here, from the packed files. Own photos are uploaded on the page Classify."
)
address.show_notes(notes)
