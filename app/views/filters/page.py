"""Binarize a filter: α = mean of |W| is the bottom of a parabola."""

import math

import numpy as np
import streamlit as st
from shared import address, cached, network_choice, networks, widgets

from xnorlab import units

SOURCES = {"trained": "A trained filter", "own": "My own 3×3"}
PRESETS = {
    "Edge": [1.0, 0.0, -1.0, 2.0, 0.0, -2.0, 1.0, 0.0, -1.0],
    "Spot": [-0.3, -0.2, -0.3, -0.2, 1.4, -0.2, -0.3, -0.2, -0.3],
    "Nearly binary": [0.9, -1.1, 1.0, -1.0, 1.1, -0.9, 1.0, -1.0, 0.95],
    "All zero": [0.0] * 9,
}
OWN_LIMIT = 10.0
START_RATIO = 1.7  # α starts this many times too large, so that there is something to find
SNAP = "filters: snap to the optimum"


def snap() -> None:
    """Ask for the optimum. Which number that is, the run knows: a weight typed just before came with this click."""
    st.session_state[SNAP] = True


def fill(preset: str) -> None:
    for index, value in enumerate(PRESETS[preset]):
        st.session_state[f"own-{index}"] = value


def own_filter() -> tuple[np.ndarray, str]:
    """Nine numbers by hand, as (1, 3, 3), and what names them."""
    address.take_numbers("own", 9, -OWN_LIMIT, OWN_LIMIT, PRESETS["Edge"])
    with st.container(horizontal=True, gap="small"):
        for preset in PRESETS:
            st.button(preset, on_click=fill, args=(preset,), key=f"preset-{preset}")
    values = []
    with st.container(key="own-grid"):
        for row in range(3):
            for column, place in enumerate(st.columns(3, gap="small", wrap=False)):
                value = place.number_input(
                    f"row {row}, column {column}",
                    -OWN_LIMIT,
                    OWN_LIMIT,
                    step=0.1,
                    format="%.2f",
                    key=f"own-{3 * row + column}",
                    label_visibility="collapsed",
                    persist_state="session",
                )
                values.append(value)
    numbers = [f"{v:g}" for v in values]
    address.publish(own=numbers)
    return np.array(values, np.float32).reshape(1, 3, 3), " ".join(numbers)


def trained_filter() -> tuple[np.ndarray, str, str]:
    """One filter of a shipped network's latent weights, as (C, kh, kw); stops with advice where there is none.

    Returns it, what names it, and which layers of its network stay real.
    """
    family = network_choice.family()
    scheme = network_choice.scheme(networks.schemes(family), default="float")
    try:
        layers = cached.conv_weights(networks.name(family, scheme))
    except ValueError as error:
        widgets.cannot_use(error, networks.advice(family, scheme))
        st.info("A filter of your own needs no network: choose it above.")
        st.stop()
    names = list(layers)
    options = network_choice.filters_in_words({name: weights.shape for name, weights in layers.items()})
    layer = network_choice.layer(options, default=names[min(1, len(names) - 1)])
    index = network_choice.filter_index(len(layers[layer]))
    real = "the first and the last layer"
    if any(name.startswith("shortcut") for name in names):
        real = "the first and the last layer and the convolutions on shortcuts"
    return layers[layer][index], f"{family} {scheme} {layer} {index}", real


st.title("Binarize a filter")
notes = st.container()
st.markdown(
    "A binary filter keeps one bit a weight, $B = \\mathrm{sign}(W)$, and one number for all of them, $\\alpha$. "
    "Which $\\alpha$ loses least? Slide it, watch the error, then snap to the answer."
)
left, right = st.columns([5, 7], gap="large")

with left:
    source = address.segments("Filter", SOURCES, key="from", default="trained")
    address.publish(**{"from": source})
    kept_real = ""
    if source == "own":
        weights, identity = own_filter()
    else:
        weights, identity, kept_real = trained_filter()

    with st.spinner("Loading torch, once…"):
        import torch

        from xnorlab import binarize
        from xnorlab.figures import approximation

    w = torch.from_numpy(weights)[None]
    signs = binarize.sign(w)
    optimum = float(binarize.weight_scale(w))
    top = 2.5 * optimum if optimum > 0 else 1.0
    start = START_RATIO * optimum if optimum > 0 else 0.5

    address.take_number("alpha", 0.0, top, start)
    if st.session_state.pop(SNAP, False):
        st.session_state["alpha"] = optimum
    elif st.session_state.get("alpha of") not in (None, identity):
        st.session_state["alpha"] = start
    st.session_state["alpha of"] = identity
    alpha = st.slider(
        "α, the one number of the filter",
        0.0,
        top,
        key="alpha",
        persist_state="session",
        format="%.4g",
        step=10.0 ** (math.floor(math.log10(top)) - 2),
    )
    st.button("Snap to the optimum", type="primary", on_click=snap, key="snap")
    address.publish(alpha=alpha)

scaled = alpha * signs
grid = torch.linspace(0.0, top, 121)
curve = binarize.approximation_error(w, grid[:, None])[:, 0].numpy()
error, least = (float(binarize.approximation_error(w, torch.tensor([a]))) for a in (alpha, optimum))
norm = float(w.square().sum())
n, zeros = weights.size, int((weights == 0).sum())

with left:
    numbers = st.columns(2)
    numbers[0].metric("‖W − αB‖²", units.significant(error), help="Computed here from the weights on show.")
    numbers[1].metric(
        "lost of ‖W‖²",
        units.percent(error / norm) if norm else "–",
        help="Computed: ‖W − αB‖² / ‖W‖². At the optimum it is 1 − (mean|W|)² / mean(W²).",
    )
    if norm == 0:
        st.info("Every weight is zero: the best α is 0, and any other α adds n·α² of error.")
    elif math.isclose(alpha, optimum, rel_tol=1e-6):
        st.success(f"The bottom of the parabola: α = mean|W| = {units.significant(optimum)}.", icon=":material/check:")
    widgets.chart(
        approximation.error_parabola(
            grid.numpy(), curve, chosen=(alpha, error), optimum=(optimum, least), dark=widgets.dark()
        ),
        alt=f"‖W − αB‖² against α: a parabola with its lowest point {units.significant(least)} at "
        f"α = {units.significant(optimum)}; yours is {units.significant(error)} at α = {units.significant(alpha)}.",
        table={"α": grid.tolist(), "‖W − αB‖²": curve.tolist()},
        key="parabola",
    )

with right:
    real, sign_map = weights, signs[0].numpy()
    scaled_map, residual = scaled[0].numpy(), (w - scaled)[0].numpy()
    channel, row, column = (axis.ravel() for axis in np.indices(weights.shape))
    widgets.chart(
        approximation.filter_maps(real, sign_map, scaled_map, residual, dark=widgets.dark()),
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
    positive = float((sign_map > 0).mean())
    widgets.chart(
        approximation.weight_histogram(weights, alpha, dark=widgets.dark()),
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
    f"sign(0) = +1 everywhere in xnorlab: the rule is x ≥ 0. {zeros:,} of these {n:,} weights "
    f"{'is' if zeros == 1 else 'are'} exactly 0. All numbers on this page are computed here from the weights on show. "
    + (f"In the networks {kept_real} stay real; their filters are shown for comparison." if kept_real else "")
)
address.show_notes(notes)
