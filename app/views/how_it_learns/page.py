"""How it learns: flat forward, sloped backward."""

import streamlit as st
from shared import address

PARTS = {"trick": "The trick", "live": "Train live", "shipped": "Shipped networks"}

st.title("How it learns")
notes = st.container()
st.markdown(
    "The sign is flat: its slope is 0 wherever it has one, so nothing could be learnt through it. Binary networks "
    "learn because the backward pass uses another slope than the forward pass has, and moves real weights whose signs "
    "are all the network ever sees."
)
part = address.segments("Show", PARTS, key="part", default="trick")
address.publish(part=part)

with st.spinner("Loading torch, once…"):
    from views.how_it_learns import estimators, live_controls, shipped_histories

{"trick": estimators.show, "live": live_controls.show, "shipped": shipped_histories.show}[part]()
address.show_notes(notes)
