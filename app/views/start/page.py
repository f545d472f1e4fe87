"""Start: the authors measured 58×, their formula gives 62.3×, and here is what it is on your CPU."""

import streamlit as st
from shared import (
    address,
    cached,
    conv_timing,
    layout,
    markup,
    network_choice,
    networks,
    notices,
    photos,
    speed_up_origins,
    timing_choice,
)

from views.start import filter_responses
from xnorlab import units
from xnorlab.benchmark import ConvBench, describe
from xnorlab.figures.performance import CONTENDERS
from xnorlab.paper.cost_model import PUBLISHED_SPEEDUP

TOUR = (
    (
        "views/filters/page.py",
        "1. See a filter lose its bits",
        ":material/grid_on:",
        "One bit per weight, one number per filter. Find the number that loses least.",
    ),
    (
        "views/classify/page.py",
        "2. Ask the networks",
        ":material/photo_camera:",
        "Real weights, binary weights, binary everything: the same photo, one answer each.{known}",
    ),
    (
        "views/speed_lab/page.py",
        "3. Time it on this machine",
        ":material/speed:",
        "XNOR and popcount against a good float library, with every run on show.",
    ),
)
BENCH = "start: result"
FILTER = 11  # of the float network's first layer: horizontal bars


def speed_ups(bench: ConvBench) -> None:
    """How many times faster than a float convolution, by four comparisons; bench: of the paper's layer."""
    shape, best, ours = conv_timing.PAPER_SHAPE, bench.best_float, bench.timings["binary"]
    computed, published, naive, library = layout.pairs(4, border=True)
    computed.metric("formula, computed", units.times(shape.predicted_speedup))
    published.metric("the authors, published", units.times(PUBLISHED_SPEEDUP))
    naive.metric("naive loops, measured here", units.times(bench.speedup("naive")))
    library.metric("oneDNN, measured here", "–" if best is None else units.times(bench.speedup(best)))
    st.caption(
        "How many times faster than a float convolution, by four comparisons. "
        f"{shape}: 256 channels and filters, 3 × 3, 14 × 14. Packed XNOR and popcount took "
        f"{units.duration(ours.median_s)} with packing, one thread, median of {len(ours.samples_s)} runs at "
        f"{bench.machine.taken[11:19]} UTC."
    )
    notices.not_timed({CONTENDERS[name].label: reason for name, reason in bench.left_out.items()})
    compared = [name for name in ("binary", best, "naive") if name is not None]
    notices.noisy({CONTENDERS[name].label: bench.timings[name].spread for name in compared})


st.title(f"The authors measured {PUBLISHED_SPEEDUP:.0f}×. Here is what it is on your CPU.")
notes = st.container()
st.markdown(
    "XNOR-Net promises networks whose weights and activations are single bits: 32 times smaller, "
    f"{PUBLISHED_SPEEDUP:.0f} times faster. "
    "xnorlab lets you see what those bits keep, ask networks built from them, and time them on the machine you sit at."
)

machine = describe()
with st.container(horizontal=True, vertical_alignment="center", key="machine"):
    st.badge(markup.plain(machine.cpu), icon=":material/memory:", color="gray")
    st.badge(machine.instructions, icon=":material/bolt:", color="gray", help="What the kernels are compiled to.")
    st.badge(timing_choice.on_threads(machine.cores), icon=":material/account_tree:", color="gray")
    pressed = st.button(
        "Measure it here",
        type="primary",
        icon=":material/timer:",
        key="measure",
        help="Times one layer. Nothing heavy runs unasked.",
    )
progress = st.empty()
if pressed:
    try:
        st.session_state[BENCH] = conv_timing.measure(conv_timing.Settings(conv_timing.PAPER_SHAPE), progress)
    except ValueError as error:
        notices.no_time(progress, error)
origins = speed_up_origins.in_print(conv_timing.PAPER_SHAPE)
if BENCH in st.session_state:
    speed_ups(st.session_state[BENCH])
    origins += speed_up_origins.measured(st.session_state[BENCH])
else:
    origins.append("**Yours:** press **Measure it here**.")
st.markdown(speed_up_origins.as_list(origins))

counts = [
    f"{len(known)} things ({networks.data_title(data)})" for data, known in networks.classes_by_data_set().items()
]
known = f" They know {' or '.join(counts)}." if counts else ""
for place, (page, title, icon, text) in zip(st.columns(3, border=True), TOUR, strict=True):
    with place:
        st.page_link(page, label=f"**{title}**", icon=icon)
        st.caption(text.format(known=known))

st.subheader("One filter, five schemes")
network = networks.name(networks.DEFAULT_FAMILY, "float")
try:
    filters = cached.conv_weights(network)["conv1"]
except ValueError as error:
    notices.cannot_use(error, networks.advice(networks.DEFAULT_FAMILY, "float"))
    address.show_notes(notes)
    address.end_page()

left, right = st.columns([5, 2], gap="large", vertical_alignment="bottom")
with left:
    sample = address.pills("Photo", photos.SAMPLES, key="strip_photo", default="pavilion")
    address.publish(strip_photo=sample)
with right:
    index = network_choice.filter_index(len(filters), default=FILTER, key="edge", label="Filter of the first layer")

with st.spinner("Loading torch, once…"):
    by_scheme = filter_responses.responses(sample, filters, index)
filter_responses.show(by_scheme)
st.caption(
    f"Above: filter of the first layer of the float {networks.title(networks.DEFAULT_FAMILY)}, its three colours added "
    "up, as each scheme keeps it. Below: its response to the photo in grey; every panel on its own scale. Cosine: is "
    "it the same picture? Error: are the numbers right too? α repairs the numbers (BC against BWN), not the picture. "
    "XNOR is the paper's, with K. Computed here; in the real networks the first layer stays real."
)
address.show_notes(notes)
