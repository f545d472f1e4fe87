"""XNOR and popcount, step by step: 64 multiplications are one XOR and one popcount."""

import streamlit as st
from shared import address

from views.xnor_steps import bit_source, bits_board, dot_product_steps, result, session_bits, stepper
from views.xnor_steps.session_bits import MOST
from xnorlab.kernels import cpu
from xnorlab.paper import dot_product

WORDS = {str(bits): f"{bits} bits" for bits in dot_product.WORD_SIZES}
SOURCES = {"own": "By hand", "network": "From a network"}

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
    address.publish(word=str(bits), n=n, form=form, bits=source)
    if source == "network":
        with st.spinner("Loading torch, once…"):
            n = bit_source.from_network(n)
    else:
        with right:
            bit_source.by_hand()

session_bits.onto_widgets(n)
x, w = session_bits.signs("x", n), session_bits.signs("w", n)
pair = dot_product.pack_pair(x, w, bits)
steps = dot_product_steps.plan(pair, form)
step = stepper.take(len(steps), (n, bits, form))
address.publish(step=step, **session_bits.published(n))
done = steps[:step]
latest = done[-1] if done else None
counts = dot_product_steps.counts(pair, form)
counted = [word for word, stage in done if stage == "count"]

stepper.buttons(step, len(steps))
with st.container(key="sentence"):
    st.markdown(dot_product_steps.sentence(pair, form, latest))
bits_board.show(
    pair,
    dot_product_steps.rows(pair, form),
    done=set(done),
    latest=latest,
    flip=session_bits.flip,
    footers={word: f"popcount {counts[word]}" for word in counted},
)
st.caption(
    "Bits are buttons: click them, or reach a byte with Tab, move with the arrow keys, flip with Space. 1 is +1, 0 "
    "is −1; the first channel is the lowest bit." + (" Hatched: no channel." if pair.tail else "")
)
result.show(x, w, pair, form, counted, finished=step == len(steps))

st.markdown(
    "**Why XOR?** The paper writes $x \\cdot w = 2\\,\\mathrm{popcount}(\\mathrm{xnor}(x, w)) - n$ (section 3.2). "
    "Counting what differs gives the same: $x \\cdot w = n - 2\\,\\mathrm{popcount}(\\mathrm{xor}(x, w))$. Processors "
    "have an XOR instruction, and the tail needs no mask: its bits are 0 on both sides and never differ. So the "
    f"kernels of this library count what differs: on this machine they {cpu.sums_of_signs()}."
)
st.page_link("views/speed_lab/page.py", label="What it is worth on this machine: Speed lab", icon=":material/speed:")
address.show_notes(notes)
stepper.play(len(steps))
