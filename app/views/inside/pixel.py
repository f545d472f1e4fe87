"""One sum, bit by bit: the patch of the input against the filter, what agrees, and the check against the network."""

import html
from pathlib import Path

import numpy as np
import streamlit as st
from shared import charts, image_address, layout, theme

from views.inside import stages
from views.inside.stages import whole
from views.inside.walks import Walk
from xnorlab import units
from xnorlab.figures import pictures, style
from xnorlab.runtime.binary_layer import BinaryLayer
from xnorlab.runtime.pixel_sum import PixelSum

MOST_NUMBERED = 25  # taps of a filter; the numbers of more would not fit
_CSS = f"<style>{Path(__file__).with_name('pixel.css').read_text('utf-8')}</style>"


def show(walk: Walk, layer: BinaryLayer, pixel: PixelSum) -> None:
    """Draw the bits, their count, the check, and the way from the sum to the next bit."""
    _boards(pixel)
    numbers = layout.pairs(4, border=True)
    numbers[0].metric("bits that agree", f"{pixel.agreements:,}", help="Input and weight have the same sign: +1 each.")
    numbers[1].metric("bits that differ", f"{pixel.disagreements:,}", help="Opposite signs: −1 each.")
    numbers[2].metric("sum = agree − differ", whole(pixel.sum), help="What XNOR and popcount give.")
    numbers[3].metric("the network's value", units.significant(pixel.own), help="After the layer's own factors.")
    if pixel.outside:
        st.caption(
            f"{pixel.outside:,} weights lie beyond the edge of the map, where the border is 0: they add nothing."
        )
    _check(walk, layer, pixel)
    rows = stages.chain(layer, pixel)
    st.markdown("**From the sum to the next bit**" if layer.next_rule else "**From the sum onward**")
    st.table(
        {title: [row[i] for row in rows] for i, title in enumerate(("step", "here", "value"))},
        border="horizontal",
        hide_index=True,
    )


def _check(walk: Walk, layer: BinaryLayer, pixel: PixelSum) -> None:
    if pixel.agrees and layer.differing == 0 and walk.recording.agrees:
        st.success(
            f"Checked just now: these bits give exactly the packed network's own value, and so do all "
            f"{layer.sums.size:,} sums of this layer. The network's fast run gives the same answer, bit for bit.",
            icon=":material/check:",
        )
        return
    st.error(
        f"The check fails: {units.significant(pixel.scaled)} follows from these bits, the packed network has "
        f"{units.significant(pixel.own)}; {layer.differing:,} of {layer.sums.size:,} values of this layer differ, and "
        f"the fast run's answer is {'the same' if walk.recording.agrees else 'another'}. Please report this page's "
        "address.",
        icon=":material/report:",
    )


def _boards(pixel: PixelSum) -> None:
    dark = theme.dark()
    tones = (style.two_tone(dark)[0][1], style.two_tone(dark)[-1][1])
    agree = ("#3A3F4B" if dark else "#D9DCE4", style.SCHEMES["xnor"].colour(dark))
    kh, kw, channels = pixel.patch.shape
    size = f"{kh} × {kw} × {channels}"
    boards = [
        ("the input's bits", f"Patch of {size} bits of the input", pixel.patch, tones, ""),
        ("the filter's bits", f"{size} bits of filter {pixel.filter}", pixel.weights, tones, ""),
        (
            "where they agree",
            f"{pixel.agreements:,} pairs agree, {pixel.disagreements:,} differ",
            pixel.products,
            agree,
            _tap_sums(pixel) if kh * kw <= MOST_NUMBERED else "",
        ),
    ]
    figures = [
        f"<figure><figcaption>{html.escape(title)}</figcaption><div class='xl-board'><img alt='{html.escape(alt)}' "
        f"src='{image_address.png(pictures.bit_board(bits, two, dark=dark))}'>{over}</div></figure>"
        for title, alt, bits, two, over in boards
    ]
    st.html(f"{_CSS}<div class='xl-boards'>{''.join(figures)}</div>")
    st.caption(
        f"One tile per place under the filter, {kh} × {kw} of them; one cell per channel, {channels} in a tile."
        + (
            " The numbers are each tile's agreements − disagreements; together they are the sum."
            if boards[2][4]
            else ""
        )
    )
    taps = list(np.ndindex(kh, kw))
    products = [pixel.products[tap] for tap in taps]
    charts.numbers(
        {
            "row of the input": [int(pixel.rows[y]) for y, _ in taps],
            "column of the input": [int(pixel.columns[x]) for _, x in taps],
            "agree": [int((part > 0).sum()) for part in products],
            "differ": [int((part < 0).sum()) for part in products],
            "agree − differ": [whole(int(part.sum())) for part in products],
            "input's bits": [_bits(pixel.patch[tap]) for tap in taps],
            "filter's bits": [_bits(pixel.weights[tap]) for tap in taps],
        },
        key="boards",
    )


def _tap_sums(pixel: PixelSum) -> str:
    kh, kw, _ = pixel.patch.shape
    sums = [
        f"<span>{whole(int(part.sum())) if part.any() else 'border'}</span>"
        for part in pixel.products.reshape(kh * kw, -1)
    ]
    columns = f"grid-template-columns:repeat({kw},1fr);grid-template-rows:repeat({kh},1fr)"
    return f"<div class='xl-taps' style='{columns}' aria-hidden='true'>{''.join(sums)}</div>"


def _bits(signs: np.ndarray) -> str:
    """Bits as a text of 1 for +1, 0 for −1 and · for none."""
    return "".join({1: "1", -1: "0"}.get(int(sign), "·") for sign in signs)
