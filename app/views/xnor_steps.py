"""XNOR and popcount, step by step: 64 multiplies are one XOR and one count."""

import secrets
import time

import address
import bit_steps
import bits_board
import numpy as np
import parts
import photos
import streamlit as st
from bits_board import BYTE

from xnorlab import dot_product
from xnorlab.figures import units

MOST = 128  # bits of a vector on the board
WORDS = {str(bits): f"{bits} bits" for bits in dot_product.WORD_SIZES}
SOURCES = {"own": "By hand", "network": "From a network"}
START = {"x": "5f0c93a6e81b724dd2c94f7a38b1e605", "w": "1d4e97a2c81f6a4cb6d0437e59a1f24b"}
BEAT_S = 0.9  # between two steps of a play
PLAYING, LAST, OF = "steps: playing", "steps: time of the last", "steps: of"


def hexadecimal(text: str) -> bool:
    return 0 < len(text) <= MOST // 4 and all(c in "0123456789abcdef" for c in text)


def values(name: str, n: int) -> int:
    """The first n bits of "x" or "w"."""
    return int(st.session_state[name], 16) & ((1 << n) - 1)


def put(**bits: int) -> None:
    st.session_state.update({name: f"{value:x}" for name, value in bits.items()})


def flip(name: str, byte: int) -> None:
    """Take over what was clicked in one byte of one row."""
    low = byte * BYTE
    kept = int(st.session_state[name], 16) & ~(((1 << BYTE) - 1) << low)
    put(**{name: kept | sum(1 << bit for bit in st.session_state[f"{name}-{byte}"])})


def randomize() -> None:
    put(x=secrets.randbits(MOST), w=secrets.randbits(MOST))


def relate(different: bool) -> None:
    """Make the weights' bits the inputs' own, or their opposites."""
    x = int(st.session_state["x"], 16)
    put(w=x ^ ((1 << MOST) - 1) if different else x)


def go(step: int) -> None:
    st.session_state["step"] = step
    st.session_state[PLAYING] = False


def play(last: int) -> None:
    st.session_state[PLAYING] = not st.session_state.get(PLAYING, False)
    st.session_state[LAST] = time.monotonic()
    if st.session_state["step"] >= last:
        st.session_state["step"] = 0


def from_network(n: int) -> None:
    """Choose a photo, a layer and a filter; where they change, their bits come onto the board."""
    import real_bits

    titles = {key: parts.label(title) for key, title in photos.titles().items()}
    photo = address.pills("Photo", titles, key="photo", default="pavilion")
    try:
        layers = real_bits.layers()
    except ValueError as error:
        st.warning(parts.plain(str(error)), icon=":material/inventory_2:")
        return
    address.take("layer", list(layers), next(iter(layers)))
    left, right = st.columns(2, gap="medium")
    layer = left.selectbox(
        "Layer of the XNOR network", list(layers), key="layer", persist_state="session",
        format_func=lambda name: f"{name}: {layers[name].weight.shape[1]} channels",
    )  # fmt: skip
    count, channels = layers[layer].weight.shape[:2]
    address.take_number("filter", 0, count - 1, 0)
    index = right.slider("Filter", 0, count - 1, key="filter", persist_state="session")
    address.publish(photo=photo if photo in photos.SAMPLES else None, layer=layer, filter=index)
    identity = f"{photo} {layer} {index}"
    if st.session_state.get("bits of") != identity and (st.session_state.get("bits of") or "x" not in st.query_params):
        real = real_bits.take(photos.get(photo), layer, index, MOST)
        put(**{name: sum(1 << i for i, v in enumerate(part) if v >= 0) for name, part in zip("xw", real, strict=True)})
    st.session_state["bits of"] = identity
    shown = min(n, channels, MOST)
    st.caption(
        f"The middle pixel of what {layer} is given against the middle tap of filter {index}: channels 0 to "
        f"{shown - 1} of {channels}. The whole sum runs over {layers[layer].weight[0].numel():,} such products."
    )


st.title("XNOR and popcount, step by step")
notes = st.container()
st.markdown(
    "With inputs and weights of −1 and +1, a product is +1 where their bits agree. So 64 multiplies are one XOR, and "
    "their sum is one count. Click the bits and see."
)

with st.container(border=True):
    for name, default in START.items():
        address.take_text(name, default, valid=hexadecimal, rule=f"a hexadecimal number of at most {MOST} bits")
    address.take_number("n", 1, MOST, 64)
    first, second, third = st.columns([4, 5, 5], gap="medium")
    with first:
        bits = int(address.segments("Word", WORDS, key="word", default="64"))
    n = second.slider(
        "n, the length of the vectors", 1, MOST, key="n", persist_state="session",
        help="Where n is no multiple of the word, the last word has a tail.",
    )  # fmt: skip
    with third:
        form = address.segments("Form", bit_steps.FORMS, key="form", default="xnor")
    where, tools = st.columns([4, 10], gap="medium", vertical_alignment="bottom")
    with where:
        source = address.segments("Bits", SOURCES, key="bits", default="own")
    if source == "network":
        with st.spinner("Loading torch, once…"):
            from_network(n)
    else:
        with tools, st.container(horizontal=True):
            st.button("Randomize", on_click=randomize, key="randomize", icon=":material/casino:")
            st.button("All agree", on_click=relate, args=(False,), key="agree")
            st.button("All differ", on_click=relate, args=(True,), key="differ")
    address.publish(word=str(bits), n=n, form=form, bits=source)


def signs(name: str) -> np.ndarray:
    return np.array([1.0 if values(name, n) >> i & 1 else -1.0 for i in range(n)], np.float32)


def board() -> None:
    """Steps, bits and results; a part of its own, so that a click redraws nothing else."""
    for name in "xw":
        value = values(name, n)
        for byte in range(-(-n // BYTE)):
            st.session_state[f"{name}-{byte}"] = [
                bit for bit in range(byte * BYTE, min(n, byte * BYTE + BYTE)) if value >> bit & 1
            ]
    x, w = signs("x"), signs("w")
    met = dot_product.meet(x, w, bits)
    steps = bit_steps.plan(met, form)
    last = len(steps)
    address.take_number("step", 0, last, last)
    if st.session_state.get(OF) not in (None, (n, bits, form)):
        st.session_state["step"] = last
    st.session_state[OF] = (n, bits, form)
    playing = st.session_state.get(PLAYING, False)
    if playing and time.monotonic() - st.session_state[LAST] > 0.8 * BEAT_S:
        st.session_state["step"] = min(last, st.session_state["step"] + 1)
        st.session_state[LAST] = time.monotonic()
    step = st.session_state["step"]
    address.publish(step=step, x=f"{values('x', n):x}", w=f"{values('w', n):x}")

    with st.container(horizontal=True, vertical_alignment="center", key="stepper"):
        st.button("", icon=":material/first_page:", on_click=go, args=(0,), key="first", help="To the start",
                  disabled=step == 0)  # fmt: skip
        st.button("", icon=":material/chevron_left:", on_click=go, args=(max(0, step - 1),), key="back",
                  help="A step back", disabled=step == 0)  # fmt: skip
        st.button("", icon=":material/chevron_right:", on_click=go, args=(min(last, step + 1),), key="next",
                  help="A step on", disabled=step == last)  # fmt: skip
        st.button("", icon=":material/last_page:", on_click=go, args=(last,), key="last", help="To the result",
                  disabled=step == last)  # fmt: skip
        pressed = st.button(
            "Stop" if playing else "Play", on_click=play, args=(last,), key="play", type="primary",
            icon=":material/stop:" if playing else ":material/play_arrow:",
        )  # fmt: skip
        st.caption(f"step {step} of {last}", width="content")
    now = steps[step - 1] if step else None
    with st.container(key="sentence"):
        st.markdown(bit_steps.sentence(met, form, now))

    done = set(steps[:step])
    counts = bit_steps.counts(met, form)
    counted = [word for word in range(len(met.words)) if (word, "count") in done]
    bits_board.show(
        met, bit_steps.rows(met, form), done=done, now=now,
        feet={word: f"popcount {counts[word]}" for word in counted}, flip=flip,
    )  # fmt: skip
    st.caption(
        "Bits are buttons: click them, or reach a byte with Tab, move with the arrow keys, flip with Space. 1 is +1, 0 "
        "is −1; the first channel is the lowest bit." + (" Hatched: no channel." if met.tail else "")
    )
    result(x, w, met, counted, step == last)
    if pressed or (playing and step == last):
        st.session_state[PLAYING] = playing and step < last
        st.rerun()


def result(x: np.ndarray, w: np.ndarray, met: dot_product.Meeting, counted: list[int], finished: bool) -> None:
    """The count so far, and the same number by three ways."""
    counts, by_bits = bit_steps.counts(met, form), bit_steps.value(met, form)
    products = dot_product.by_multiplying(x, w)
    kernel = dot_product.by_kernel(x, w)
    formula = "n − 2·popcount" if form == "xor" else "2·popcount − n"
    a, b, c, d = parts.pairs(4, border=True)
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

        parts.chart(
            bit_figures.running_sums(products, [(ends[word], sums[word]) for word in counted], dark=parts.dark()),
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
        )  # fmt: skip
    with right:
        words = len(met.words)
        st.table(
            {
                "instructions": ["multiplies", "adds", "XORs", "popcounts", "in all"],
                "float, one by one": [n, n, "", "", 2 * n],
                f"words of {bits} bits": ["", words, words, words, 3 * words],
            },
            border="horizontal", hide_index=True,
        )  # fmt: skip
        st.caption(
            f"Computed: {units.times(2 * n / (3 * words))} fewer. A word costs its XOR, its count and one add, however "
            "many of its bits are used: 65 channels cost what 128 do. The last step, from the count to the sum, comes "
            "once."
        )


st.fragment(board, run_every=BEAT_S if st.session_state.get(PLAYING, False) else None)()

st.markdown(
    "**Why XOR?** The paper writes $x \\cdot w = 2\\,\\mathrm{popcount}(\\mathrm{xnor}(x, w)) - n$ (section 3.2). "
    "Counting what differs gives the same: $x \\cdot w = n - 2\\,\\mathrm{popcount}(\\mathrm{xor}(x, w))$. Processors "
    "have an XOR instruction, and the tail needs no mask: its bits are 0 on both sides and never differ. So the kernel "
    "of this library takes this form, 8 words of 64 bits in one vector instruction where the processor has AVX-512."
)
st.page_link("views/speed_lab.py", label="What it is worth on this machine: Speed lab", icon=":material/speed:")
address.show_notes(notes)
