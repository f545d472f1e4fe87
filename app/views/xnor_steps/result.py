"""The result of the steps: one dot product by bits, by multiplying and by the kernel, and the instructions it takes."""

import numpy as np
import streamlit as st
from shared import charts, layout, theme

from views.xnor_steps import dot_product_steps
from xnorlab import units
from xnorlab.figures import bits as bit_figures
from xnorlab.paper import dot_product
from xnorlab.paper.dot_product import PackedPair


def show(x: np.ndarray, w: np.ndarray, pair: PackedPair, form: str, counted: list[int], *, finished: bool) -> None:
    """Draw the count so far, the dot product by bits, by multiplying and by the kernel, the sums and the instructions.

    Args:
        x: (n,) signs.
        w: (n,) signs.
        pair: Both, packed.
        form: A key of `dot_product_steps.FORMS`.
        counted: The words whose bits are counted already.
        finished: Whether the last step is done.
    """
    counts, by_bits = dot_product_steps.counts(pair, form), dot_product_steps.value(pair, form)
    products, kernel = dot_product.by_multiplying(x, w), dot_product.by_kernel(x, w)
    so_far, by_count, by_products, by_kernel = layout.pairs(4, border=True)
    so_far.metric("popcount so far", f"{sum(counts[word] for word in counted)}")
    by_count.metric(dot_product_steps.FORMULAS[form], _whole(by_bits) if finished else "…")
    by_products.metric("float multiply-adds", _whole(products[-1]), help="The dot product of −1s and +1s in float32.")
    by_kernel.metric("the packed kernel", _whole(kernel), help="The kernel that the networks run on.")
    if not finished:
        st.caption("At the last step the count becomes the sum.")
    elif by_bits == products[-1] == kernel:
        st.caption(":material/check: All three give the same number: no rounding, no approximation.")
    else:
        st.error("The three differ, which must not be: please report this page's address.", icon=":material/report:")
    left, right = st.columns([7, 6], gap="large")
    with left:
        _sums(pair, products, counted)
    with right:
        _instructions(pair)


def _sums(pair: PackedPair, products: np.ndarray, counted: list[int]) -> None:
    ends = [min(pair.n, (word + 1) * pair.bits) for word in range(len(pair.words))]
    sums = [2 * sum(pair.agreeing[: word + 1]) - ends[word] for word in range(len(pair.words))]
    digits = pair.bits // 4
    charts.show(
        bit_figures.running_sums(products, [(ends[word], sums[word]) for word in counted], dark=theme.dark()),
        alt=f"The sum after each of {pair.n} float products, a line that ends at {products[-1]:.0f}; the sums after "
        f"{len(counted)} counted words lie on it.",
        table={
            "word": list(range(len(pair.words))),
            "x": [f"0x{word.x:0{digits}x}" for word in pair.words],
            "w": [f"0x{word.w:0{digits}x}" for word in pair.words],
            "XOR": [f"0x{word.xor:0{digits}x}" for word in pair.words],
            "XNOR & mask": [f"0x{word.agreeing:0{digits}x}" for word in pair.words],
            "differ": list(pair.differing),
            "agree": list(pair.agreeing),
            "sum so far": sums,
        },
        key="sums",
    )


def _instructions(pair: PackedPair) -> None:
    n, bits, words = pair.n, pair.bits, len(pair.words)
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


def _whole(number: float) -> str:
    """A whole number, with a real minus sign."""
    return f"{number:.0f}".replace("-", "−")
