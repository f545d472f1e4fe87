"""The network beside its float twin: how alike their layers are, and what both answer."""

import math
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from shared import charts, markup, own_networks, theme

from views.inside.walks import Walk
from xnorlab import units
from xnorlab.figures import classification, similarity, style
from xnorlab.figures.similarity import CONTROL, REAL, SIGNS
from xnorlab.figures.style import look
from xnorlab.runtime.records import softmax

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CLEARLY = 0.05
"""A score is above another one where it is higher by so much."""


def layers(walk: Walk, scheme: str, chosen: str) -> None:
    """Draw how alike each layer's input is to that of the float twin's layer."""
    names, scores = walk.similarity
    if not names:
        st.info(
            "A packed file holds no float twin of its network: there is nothing to compare yours with."
            if scheme == own_networks.SCHEME
            else "No float network of this architecture and data set is shipped: there is nothing to compare with."
        )
        return
    at = names.index(chosen) if chosen in names else 0
    own, real, control = (scores[part][at] for part in (SIGNS, REAL, CONTROL))
    st.markdown(
        f"**{names[at]}: {_score(own)}.** So far do this network's signs and the float twin's real numbers agree about "
        f"the photo where they enter {names[at]}; before the sign it is {_score(real)}. If the twin looks at another "
        f"photo, “{walk.control_title}”, the score is {_score(control)}: so much any two photos share. "
        f"{_verdict(own, control)}"
    )
    if chosen in names:
        st.html(_mark(at, len(names)))
    charts.show(
        _similarity(walk, scheme, dark=theme.dark()),
        alt="How alike each layer's input is to the float twin's, from 0 to 1. "
        + "; ".join(f"{name} {score:.2f}" for name, score in zip(names, scores[SIGNS], strict=True) if score == score),
        table={"layer": names, **{name: np.round(row, 3) for name, row in scores.items()}},
        key="similarity",
    )
    st.caption(
        "Filters of two networks do not correspond, so no map is subtracted from another. The score asks which places "
        "of the photo a layer holds alike, and whether both networks hold the same ones alike: linear CKA (Kornblith "
        "et al., 2019) over the places of this one photo, by the unbiased estimate (Song et al., 2012), since deep "
        "layers have more channels than places. 1: the same up to a rotation of the channels; 0: as unrelated ones."
    )


def _similarity(walk: Walk, scheme: str, *, dark: bool) -> "Figure":
    """The chart, which is the same for every layer: a browser leaves it as it is, where a new one takes it long."""
    names, scores = walk.similarity
    return walk.drawn(("similarity", dark), lambda: similarity.twin_similarity(names, scores, scheme, dark=dark))


def _mark(at: int, count: int) -> str:
    """The HTML that marks layer `at` of `count` on the chart."""
    left, right, top, bottom = (similarity.MARGIN[side] for side in "lrtb")
    place = f"calc({left}px + (100% - {left + right}px) * {(at + 0.5) / count:.4f} - 4px)"
    return (
        "<style>.st-key-similarity { position: relative; } .st-key-similarity::before { content: ''; width: 8px; "
        f"position: absolute; left: {place}; top: {top}px; height: {similarity.HEIGHT - top - bottom}px; opacity: .25; "
        f"background: light-dark({style.muted(False)}, {style.muted(True)}); pointer-events: none; }}</style>"
    )


def _score(score: float) -> str:
    return "–" if math.isnan(score) else f"{score:.2f}".replace("-", "−")


def _verdict(own: float, control: float) -> str:
    """What the score says beside that of another photo."""
    if own > control + CLEARLY:
        return "What is above that is about this photo."
    return "Here the score tells no more about this photo than about any other."


def answers(walk: Walk, scheme: str) -> None:
    """Draw what the network and its float twin answer."""
    if walk.recording.output.ndim != 1:
        shape = " × ".join(map(str, walk.recording.output.shape))
        st.info(f"The network answers with a map of {shape} values: no list of classes to draw.")
        return
    recordings = {scheme: walk.recording, **({"float": walk.twin} if walk.twin is not None else {})}
    outputs = {name: recording.output for name, recording in recordings.items()}
    shares = {name: softmax(output[None])[0] for name, output in outputs.items()}
    labels = walk.recording.network.labels or [str(i) for i in range(len(shares[scheme]))]
    dark = theme.dark()
    best = {name: f"{labels[int(row.argmax())]} ({units.percent(float(row.max()))})" for name, row in shares.items()}
    charts.show(
        walk.drawn(("answers", dark), lambda: classification.answers(labels, shares, dark=dark)),
        alt="Probability of the likeliest classes. " + "; ".join(f"{look(s).short}: {b}" for s, b in best.items()),
        table={
            "class": list(map(markup.plain, labels)),
            **{look(s).label: [units.percent(p) for p in row] for s, row in shares.items()},
        },
        key="answers",
    )
