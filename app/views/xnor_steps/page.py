"""XNOR and popcount, step by step: 64 multiplies are one XOR and one count."""

import time

import numpy as np
import streamlit as st
from shared import address, network_choice, networks, photo_choice, widgets

from views.xnor_steps import bits_board, dot_product_steps, session_bits
from views.xnor_steps.session_bits import MOST
from xnorlab import units
from xnorlab.paper import dot_product

WORDS = {str(bits): f"{bits} bits" for bits in dot_product.WORD_SIZES}
SOURCES = {"own": "By hand", "network": "From a network"}
BEAT_S = 0.9  # between two steps of a play
PLAYING, OF, SOURCE = "steps: playing", "steps: of", "steps: source of the bits"
LAST, PRESSED = "steps: since when the last is on show", "steps: pressed"


def press(button: str) -> None:
    """Remember a press; the run answers it. How many steps there are is not known here: n may have come with it."""
    st.session_state.setdefault(PRESSED, []).append(button)


def go(button: str, last: int) -> None:
    """Do what `button` of the stepper says; last: the number of steps."""
    step = st.session_state["step"]
    playing = button == "play" and not st.session_state.get(PLAYING, False)
    if button == "play":
        st.session_state[LAST] = None
        to = 0 if step >= last else step
    else:
        to = {"first": 0, "back": max(0, step - 1), "next": min(last, step + 1), "last": last}[button]
    st.session_state["step"], st.session_state[PLAYING] = to, playing


def from_network(n: int) -> int:
    """Choose a photo, an XNOR network, a layer and a filter; where they change, their bits come onto the board.

    Returns how many of the n bits wished for there are.
    """
    from views.xnor_steps import bit_source

    photo = photo_choice.choose("pavilion")
    family = network_choice.family(key="bits_network", label="XNOR network", scheme="xnor", control=address.pills)
    name = networks.name(family, "xnor")
    try:
        layers = bit_source.layers(name)
    except ValueError as error:
        widgets.cannot_use(error, networks.advice(family, "xnor"))
        return n
    left, right = st.columns(2, gap="medium")
    with left:
        layer = network_choice.layer(
            {own: f"{own}: {module.weight.shape[1]} channels" for own, module in layers.items()}
        )
    count, channels = layers[layer].weight.shape[:2]
    with right:
        index = network_choice.filter_index(count)
    identity = f"{photo.key} {name} {layer} {index}"
    if st.session_state.get(SOURCE) != identity and (SOURCE in st.session_state or "x" not in st.query_params):
        real = bit_source.take(photo, name, layer, index, MOST)
        session_bits.put_signs(*real)
    st.session_state[SOURCE] = identity
    shown = min(n, channels)
    st.caption(
        f"The middle pixel of what {layer} is given against the middle tap of filter {index}: channels 0 to "
        f"{shown - 1} of {channels}. The whole sum runs over {layers[layer].weight[0].numel():,} such products."
    )
    return shown


st.title("XNOR and popcount, step by step")
notes = st.container()
st.markdown(
    "With inputs and weights of −1 and +1, a product is +1 where their bits agree. So 64 multiplies are one XOR, and "
    "their sum is one count. Click the bits and see."
)

with st.container(border=True):
    session_bits.take()
    address.take_number("n", 1, MOST, 64)
    with st.container(horizontal=True, gap="medium"):
        bits = int(address.segments("Word", WORDS, key="word", default="64"))
        form = address.segments("Form", dot_product_steps.FORMS, key="form", default="xnor")
        source = address.segments("Bits", SOURCES, key="bits", default="own")
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    n = left.slider(
        "n, the length of the vectors",
        1,
        MOST,
        key="n",
        persist_state="session",
        help="Where n is no multiple of the word, the last word has a tail.",
    )
    if source == "network":
        with st.spinner("Loading torch, once…"):
            shown = from_network(n)
    else:
        shown = n
        st.session_state[SOURCE] = "own"
        with right, st.container(horizontal=True):
            st.button("Randomize", on_click=session_bits.randomize, key="randomize", icon=":material/casino:")
            st.button("All agree", on_click=session_bits.relate, args=(False,), key="agree")
            st.button("All differ", on_click=session_bits.relate, args=(True,), key="differ")
    address.publish(word=str(bits), n=n, form=form, bits=source)
    n = shown


def stepper(step: int, last: int) -> None:
    """Buttons to walk through the steps, with keys of their own."""
    playing = st.session_state.get(PLAYING, False)
    with st.container(horizontal=True, vertical_alignment="center", key="stepper"):
        for key, label, icon, end in (
            ("first", "To the start", "first_page", 0),
            ("back", "A step back", "chevron_left", 0),
            ("next", "A step on", "chevron_right", last),
            ("last", "To the result", "last_page", last),
        ):
            st.button(label, icon=f":material/{icon}:", on_click=press, args=(key,), key=key, disabled=step == end)
        st.button(
            "Stop" if playing else "Play",
            on_click=press,
            args=("play",),
            key="play",
            type="primary",
            icon=":material/stop:" if playing else ":material/play_arrow:",
        )
        st.caption(f"step {step} of {last}", width="content")


@st.fragment(run_every=BEAT_S)
def beat(last: int) -> None:
    """While it plays: a step on at every beat."""
    now = time.monotonic()
    if st.session_state[LAST] is None:
        st.session_state[LAST] = now  # run with the page, which shows this step from now on, however long it took
        return
    if now - st.session_state[LAST] < 0.5 * BEAT_S:
        return
    st.session_state["step"] = min(last, st.session_state["step"] + 1)
    st.session_state[LAST] = None
    st.session_state[PLAYING] = st.session_state["step"] < last
    st.rerun()


def result(x: np.ndarray, w: np.ndarray, met: dot_product.Meeting, counted: list[int], finished: bool) -> None:
    """The count so far, and the same number by three ways."""
    counts, by_bits = dot_product_steps.counts(met, form), dot_product_steps.value(met, form)
    products = dot_product.by_multiplying(x, w)
    kernel = dot_product.by_kernel(x, w)
    formula = "n − 2·popcount" if form == "xor" else "2·popcount − n"
    a, b, c, d = widgets.pairs(4, border=True)
    a.metric("popcount so far", f"{sum(counts[word] for word in counted)}")
    b.metric(formula, f"{by_bits}".replace("-", "−") if finished else "…")
    c.metric(
        "float multiply-adds", f"{products[-1]:.0f}".replace("-", "−"), help="The dot product of −1s and +1s, float32."
    )
    d.metric("the packed kernel", f"{kernel:.0f}".replace("-", "−"), help="The one that the networks run on.")
    if not finished:
        st.caption("At the last step the count becomes the sum.")
    elif by_bits == products[-1] == kernel:
        st.caption(":material/check: The three ways give the same number: no rounding, no approximation.")
    else:
        st.error("The three differ, which must not be: please report this page's address.", icon=":material/report:")
    left, right = st.columns([7, 6], gap="large")
    ends = [min(n, (word + 1) * bits) for word in range(len(met.words))]
    sums = [2 * sum(met.agreeing[: word + 1]) - ends[word] for word in range(len(met.words))]
    with left:
        from xnorlab.figures import bits as bit_figures

        widgets.chart(
            bit_figures.running_sums(products, [(ends[word], sums[word]) for word in counted], dark=widgets.dark()),
            alt=f"The sum after each of {n} float products, a line that ends at {products[-1]:.0f}; the sums after "
            f"{len(counted)} counted words lie on it.",
            table={
                "word": list(range(len(met.words))),
                "x": [f"0x{word.x:0{bits // 4}x}" for word in met.words],
                "w": [f"0x{word.w:0{bits // 4}x}" for word in met.words],
                "XOR": [f"0x{word.xor:0{bits // 4}x}" for word in met.words],
                "XNOR & mask": [f"0x{word.agreeing:0{bits // 4}x}" for word in met.words],
                "differ": list(met.differing),
                "agree": list(met.agreeing),
                "sum so far": sums,
            },
            key="sums",
        )
    with right:
        words = len(met.words)
        st.table(
            {
                "instructions": ["multiplies", "XORs", "popcounts", "adds", "in all"],
                "float, one by one": [n, 0, 0, n, 2 * n],
                f"words of {bits} bits": [0, words, words, words, 3 * words],
            },
            border="horizontal",
            hide_index=True,
        )
        st.caption(
            f"Computed: {units.times(2 * n / (3 * words))} fewer. A word costs its XOR, its count and one add, however "
            f"many of its bits are used: {bits + 1} channels cost what {2 * bits} do. The last step, from the count to "
            "the sum, comes once."
        )


session_bits.onto_widgets(n)
x, w = session_bits.signs("x", n), session_bits.signs("w", n)
met = dot_product.meet(x, w, bits)
steps = dot_product_steps.plan(met, form)
address.take_number("step", 0, len(steps), len(steps))
if st.session_state.get(OF) not in (None, (n, bits, form)):
    st.session_state["step"] = len(steps)
st.session_state[OF] = (n, bits, form)
for button in st.session_state.pop(PRESSED, []):
    go(button, len(steps))
step = st.session_state["step"]
address.publish(step=step, **session_bits.published(n))
now, done = steps[step - 1] if step else None, set(steps[:step])
counts = dot_product_steps.counts(met, form)
counted = [word for word in range(len(met.words)) if (word, "count") in done]

stepper(step, len(steps))
with st.container(key="sentence"):
    st.markdown(dot_product_steps.sentence(met, form, now))
bits_board.show(
    met,
    dot_product_steps.rows(met, form),
    done=done,
    now=now,
    flip=session_bits.flip,
    feet={word: f"popcount {counts[word]}" for word in counted},
)
st.caption(
    "Bits are buttons: click them, or reach a byte with Tab, move with the arrow keys, flip with Space. 1 is +1, 0 "
    "is −1; the first channel is the lowest bit." + (" Hatched: no channel." if met.tail else "")
)
result(x, w, met, counted, step == len(steps))

st.markdown(
    "**Why XOR?** The paper writes $x \\cdot w = 2\\,\\mathrm{popcount}(\\mathrm{xnor}(x, w)) - n$ (section 3.2). "
    "Counting what differs gives the same: $x \\cdot w = n - 2\\,\\mathrm{popcount}(\\mathrm{xor}(x, w))$. Processors "
    "have an XOR instruction, and the tail needs no mask: its bits are 0 on both sides and never differ. So the kernel "
    "of this library takes this form, 8 words of 64 bits in one vector instruction where the processor has AVX-512."
)
st.page_link("views/speed_lab/page.py", label="What it is worth on this machine: Speed lab", icon=":material/speed:")
address.show_notes(notes)
if st.session_state.get(PLAYING):
    beat(len(steps))
