"""Start: 58× is a formula, and here is what it is on your CPU."""

import streamlit as st
from shared import address, cached, conv_timing, network_choice, networks, photos, widgets

from xnorlab import units
from xnorlab.benchmark import describe
from xnorlab.figures import performance
from xnorlab.figures.style import SCHEMES
from xnorlab.paper.cost_model import PUBLISHED_SPEEDUP

COUNTS = " or ".join(f"{len(known)} things ({networks.data_title(data)})" for data, known in networks.worlds().items())
KNOWN = f" They know {COUNTS}." if COUNTS else ""
TOUR = (
    (
        "views/filters/page.py",
        "1. See a filter lose its bits",
        ":material/grid_on:",
        "One bit a weight, one number a filter. Find the number that loses least.",
    ),
    (
        "views/classify/page.py",
        "2. Ask the networks",
        ":material/photo_camera:",
        f"Real weights, binary weights, binary everything: the same photo, an answer each.{KNOWN}",
    ),
    (
        "views/speed_lab/page.py",
        "3. Time it on this machine",
        ":material/speed:",
        "XNOR and popcount against a good float library, with every run on show.",
    ),
)
RESULT = "start: result"
FILTER = 11  # of the float network's first layer: horizontal bars

st.title("58× is a formula. Here is what it is on your CPU.")
notes = st.container()
st.markdown(
    "XNOR-Net promises networks whose weights and activations are single bits: 32 times smaller, 58 times faster. "
    "xnorlab lets you see what those bits keep, ask networks built from them, and time them on the machine you sit at."
)

machine = describe()
with st.container(horizontal=True, vertical_alignment="center", key="machine"):
    st.badge(widgets.plain(machine.cpu), icon=":material/memory:", color="gray")
    st.badge(machine.instructions, icon=":material/bolt:", color="gray", help="What the kernels are compiled to.")
    st.badge(f"{machine.cores} threads", icon=":material/account_tree:", color="gray")
    pressed = st.button(
        "Measure it here",
        type="primary",
        icon=":material/timer:",
        key="measure",
        help="Times one layer for about two seconds. Nothing heavy runs unasked.",
    )
waiting = st.empty()
if pressed:
    try:
        st.session_state[RESULT] = conv_timing.measure(conv_timing.Settings(conv_timing.PAPER_SHAPE), waiting)
    except ValueError as error:
        widgets.no_time(waiting, error)
if RESULT in st.session_state:
    bench = st.session_state[RESULT]
    computed, published, naive, library = widgets.pairs(4, border=True)
    computed.metric("formula, computed", units.times(conv_timing.PAPER_SHAPE.predicted_speedup))
    published.metric("the authors, published", units.times(PUBLISHED_SPEEDUP))
    naive.metric("naive loops, measured here", units.times(bench.speedup("naive")))
    best = bench.best_float
    library.metric("oneDNN, measured here", "–" if best is None else units.times(bench.speedup(best)))
    st.caption(
        "How many times faster than a float convolution, by four ways to say so. "
        f"{conv_timing.PAPER_SHAPE}: 256 channels and filters, 3 × 3, 14 × 14. Packed XNOR and popcount took "
        f"{units.duration(bench.timings['binary'].median_s)} with packing, one thread, median of "
        f"{len(bench.timings['binary'].samples_s)} runs at {bench.machine.taken[11:19]} UTC."
    )

    widgets.not_timed({performance.CONTENDERS[n].label: why for n, why in bench.left_out.items()})
    widgets.noisy(
        {performance.CONTENDERS[n].label: bench.timings[n].spread for n in ("binary", best, "naive") if n is not None}
    )

for place, (page, title, icon, text) in zip(st.columns(3, border=True), TOUR, strict=True):
    with place:
        st.page_link(page, label=f"**{title}**", icon=icon)
        st.caption(text)

st.subheader("One filter, five schemes")
network = networks.name(networks.DEFAULT_FAMILY, "float")
try:
    filters = cached.conv_weights(network)["conv1"]
except ValueError as error:
    widgets.cannot_use(error, networks.advice(networks.DEFAULT_FAMILY, "float"))
    address.show_notes(notes)
    st.stop()

left, right = st.columns([5, 2], gap="large", vertical_alignment="bottom")
with left:
    sample = address.pills("Photo", photos.SAMPLES, key="strip_photo", default="pavilion")
    address.publish(strip_photo=sample)
with right:
    index = network_choice.filter_index(len(filters), default=FILTER, key="edge", label="Filter of the first layer")

with st.spinner("Loading torch, once…"):
    found = cached.responses(sample, network, index)
widgets.cards(
    widgets.filter_card(
        scheme,
        r.weights,
        r.map,
        said=r.said,
        footnotes=[widgets.line(units.significant(r.cosine), "cosine"), widgets.line(units.percent(r.error), "error")],
    )
    for scheme, r in found.items()
)
widgets.numbers(
    {
        "scheme": [SCHEMES[s].label for s in found],
        "weights": [r.said[0] for r in found.values()],
        "inputs": [r.said[1] for r in found.values()],
        "cosine to the real response": [units.significant(r.cosine) for r in found.values()],
        "‖error‖ / ‖real response‖": [units.percent(r.error) for r in found.values()],
    },
    key="strip",
)
st.caption(
    f"Above: filter of the first layer of the float {networks.title(networks.DEFAULT_FAMILY)}, its three colours added "
    "up, as each scheme keeps it. Below: its response to the photo in grey; every panel on its own scale. Cosine: is "
    "it the same picture? Error: are the numbers right too? α repairs the numbers (BC against BWN), not the picture. "
    "XNOR is the paper's, with K. Computed here; in the real networks the first layer stays real."
)
address.show_notes(notes)
