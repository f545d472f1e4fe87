"""Binarize a filter: the error is a parabola in α, and its lowest point is at α = mean|W|."""

import math

import numpy as np
import streamlit as st
from shared import address, charts, theme

from views.filters import filter_choice, live_parabola
from xnorlab import units

SOURCES = {"trained": "A trained filter", "own": "My own 3×3"}
START_RATIO = 1.7  # α starts this many times too large, so that there is something to find
SNAP, ALPHA_OF = "filters: snap to the optimum", "filters: filter that α was chosen for"


def snap() -> None:
    """Ask for the optimum. Its value is known in the next run only: a weight may have changed with this click."""
    st.session_state[SNAP] = True


st.title("Binarize a filter")
notes = st.container()
st.markdown(
    "A binary filter keeps one bit per weight, $B = \\mathrm{sign}(W)$, and one number for all of them, $\\alpha$. "
    "Which $\\alpha$ loses least? Slide it, watch the error, then snap to the answer."
)
left, right = st.columns([5, 7], gap="large")

with left:
    source = address.segments("Filter", SOURCES, key="from", default="trained")
    address.publish(**{"from": source})
    chosen = filter_choice.own() if source == "own" else filter_choice.trained()
    if chosen is None:
        address.show_notes(notes)
        address.end_page()
    weights = chosen.weights

    with st.spinner("Loading torch, once…"):
        import torch

        from xnorlab import binarize
        from xnorlab.figures import approximation

    w = torch.from_numpy(weights)[None]
    signs = binarize.sign(w)
    optimum = float(binarize.weight_scale(w))
    top = 2.5 * optimum if optimum > 0 else 1.0
    start = START_RATIO * optimum if optimum > 0 else 0.5

    asked = address.asked("alpha") is not None
    address.take_number("alpha", 0.0, top, start)
    if st.session_state.get(SNAP):  # until the page is through: a run that is cut short has not snapped
        st.session_state["alpha"] = optimum
    elif not asked and st.session_state.get(ALPHA_OF) not in (None, chosen.identity):
        st.session_state["alpha"] = start
    st.session_state[ALPHA_OF] = chosen.identity
    step = 10.0 ** (math.floor(math.log10(top)) - 2)
    alpha = st.slider(
        "α, the one number of the filter", 0.0, top, key="alpha", persist_state="session", format="%.4g", step=step
    )
    st.button("Snap to the optimum", type="primary", on_click=snap, key="snap")
    address.publish(alpha=alpha)

scaled = alpha * signs
norm, total = float(w.double().square().sum()), float(w.double().abs().sum())
n, zeros = weights.size, int((weights == 0).sum())
zeros_in_words = f"{zeros:,}" if zeros else "None"  # "x ≥ 0. 0 of these" reads as a decimal

with left, st.container(key="said-of-alpha"):
    if norm == 0:
        st.info("Every weight is zero: the best α is 0, and any other α adds n·α² of error.")
    elif math.isclose(alpha, optimum, rel_tol=1e-6):
        st.success(f"The bottom of the parabola: α = mean|W| = {units.significant(optimum)}.", icon=":material/check:")
with right:
    live_parabola.show(slider="alpha", step=step, alpha=alpha, top=top, n=n, norm=norm, total=total)

left, right = st.columns([7, 5], gap="large")
with left:
    real, sign_map = weights, signs[0].numpy()
    scaled_map, residual = scaled[0].numpy(), (w - scaled)[0].numpy()
    channel, row, column = (axis.ravel() for axis in np.indices(weights.shape))
    charts.show(
        approximation.filter_maps(real, sign_map, scaled_map, residual, dark=theme.dark()),
        alt=f"Four maps of one filter with {n:,} weights: the real weights, their signs, the signs times α, and the "
        "difference, the last on the same colour scale as the first.",
        table={
            "channel": channel,
            "row": row,
            "column": column,
            "W": real.ravel(),
            "sign(W)": sign_map.ravel(),
            "α·sign(W)": scaled_map.ravel(),
            "W − α·sign(W)": residual.ravel(),
        },
        key="maps",
    )
with right:
    positive = float((sign_map > 0).mean())
    charts.show(
        approximation.weight_histogram(weights, alpha, dark=theme.dark()),
        alt=f"Histogram of the {n:,} weights, and the two values that replace them: "
        f"{units.percent(1 - positive)} at −α, {units.percent(positive)} at +α.",
        table={"value": [-alpha, alpha], "share of the weights, %": [100 * (1 - positive), 100 * positive]},
        key="histogram",
    )

st.markdown(
    f"**Why the mean?** $\\|W - \\alpha B\\|^2 = \\|W\\|^2 - 2\\alpha\\,\\|W\\|_1 + n\\,\\alpha^2$ with $B = "
    f"\\mathrm{{sign}}(W)$: a parabola in $\\alpha$ whose bottom is at $\\alpha = \\|W\\|_1 / n$, the mean of $|W|$ "
    f"(XNOR-Net, section 3.1). Here $n$ = {n:,}. &nbsp; **Storage, computed:** {units.memory(4 * n)} as float32 → "
    f"{units.memory(math.ceil(n / 8))} of bits and 4 B for α, {units.times(4 * n / (math.ceil(n / 8) + 4))} smaller."
)
st.caption(
    f"sign(0) = +1 everywhere in xnorlab: the rule is x ≥ 0. {zeros_in_words} of these {n:,} weights "
    f"{'are' if zeros > 1 else 'is'} exactly 0. All numbers on this page are computed here from the weights on show. "
    + (
        f"In the networks {chosen.real_layers} stay real; their filters are shown for comparison."
        if chosen.real_layers
        else ""
    )
)
address.show_notes(notes)
st.session_state[SNAP] = False
