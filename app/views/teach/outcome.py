"""What came of teaching: accuracy of every scheme, confusion, wrong photos, the live camera, the file."""

import html
import math
from collections.abc import Mapping

import numpy as np
import streamlit as st
from shared import address, cards, charts, markup, networks, notices, theme

from views.teach.lessons_learnt import Outcome
from xnorlab import units
from xnorlab.figures import teaching
from xnorlab.figures.style import look
from xnorlab.images import ImageError, read_image
from xnorlab.teach import Taught, how_to_run

MOST_WRONG = 24
TOP = 3  # classes on a card of the camera


def accuracy_cards(outcome: Outcome) -> None:
    """One card per scheme: its accuracy with the error, and the bytes of its file."""
    shown = []
    for scheme, taught in outcome.learnt.items():
        validated = taught.cross_validation
        right = int(validated.confusion.trace())
        shown.append(
            cards.card(
                scheme,
                f"<div class='xl-answer'>{100 * validated.accuracy:.1f} ± {100 * validated.error:.1f} %</div>"
                f"<div class='xl-bars'><span class='xl-track'>{cards.bar(scheme, validated.accuracy)}</span></div>",
                [
                    cards.footnote(f"{right} of {len(validated.targets)}", "photos right when they were left out"),
                    cards.footnote(units.memory(len(taught.network.to_bytes())), "the file"),
                ],
            )
        )
    if shown:
        cards.show(shown)
    for scheme, problem in outcome.taught.items():
        if not isinstance(problem, Taught):
            notices.cannot_use(problem, f"{look(scheme).label} is left out.")


def what_a_bit_costs(learnt: Mapping[str, Taught], classes: int) -> None:
    """Say how far each binary scheme is from the float one on these photos, photo by photo."""
    chance = f"Chance is {100 / classes:.0f} %."
    if "float" not in learnt or len(learnt) < 2:
        st.caption(chance)
        return
    real = learnt["float"].cross_validation
    sentences = []
    for scheme, taught in learnt.items():
        if scheme == "float":
            continue
        own = taught.cross_validation
        difference = (own.answers == own.targets).astype(float) - (real.answers == real.targets)
        mean, error = difference.mean(), difference.std(ddof=1) / math.sqrt(len(difference))
        within = ", within the error" if abs(mean) <= 2 * error or not difference.any() else ""
        sentences.append(f"{look(scheme).label}: {units.points(100 * mean)} ± {100 * error:.1f} points{within}")
    st.markdown(f"**What a bit costs on these classes**, against full precision: {'; '.join(sentences)}.")
    st.caption(
        f"{chance} Accuracy: cross-validated, each photo answered by a classifier that was learnt without it. "
        "± is the standard error of this many photos; other photos may be harder."
    )


def one_network(outcome: Outcome) -> None:
    """The confusion, the wrong photos, the file and the camera of the scheme that the visitor chooses."""
    learnt = outcome.learnt
    words = {scheme: networks.with_glyph(scheme) for scheme in learnt}
    st.subheader("Look closer")
    default = "xnor" if "xnor" in learnt else next(iter(learnt))
    scheme = address.pills("Network", words, key="closer", default=default)
    address.publish(closer=scheme)
    taught = learnt[scheme]
    left, right = st.columns(2, gap="large")
    with left:
        _confusion(outcome, scheme, taught)
    with right:
        _wrong_photos(outcome, taught)
    _file(scheme, taught)


def _confusion(outcome: Outcome, scheme: str, taught: Taught) -> None:
    labels, table = list(outcome.lesson.labels), taught.cross_validation.confusion
    wrong = [
        f"{table[a, b]} of {labels[a]} taken for {labels[b]}"
        for a, b in zip(*np.nonzero(table - np.diag(np.diag(table))), strict=True)
    ]
    st.markdown("**What was taken for what**")
    charts.show(
        teaching.confusion(labels, table, dark=theme.dark()),
        alt=f"Confusion of {look(scheme).label}: {'; '.join(wrong) or 'no photo was taken for another class'}.",
        table={
            "photos of": labels,
            **{f"taken for {name}": column for name, column in zip(labels, table.T, strict=True)},
        },
        key="confusion",
    )


def _wrong_photos(outcome: Outcome, taught: Taught) -> None:
    validated, lesson = taught.cross_validation, outcome.lesson
    wrong = validated.wrong
    st.markdown(f"**Wrong photos: {len(wrong)} of {len(lesson.targets)}**")
    if not len(wrong):
        st.caption("None: every photo was answered rightly when it was left out.")
        return
    figures = []
    for index in wrong[:MOST_WRONG]:
        photo = outcome.photos[lesson.names[index]]
        answer, true = lesson.labels[validated.answers[index]], lesson.labels[lesson.targets[index]]
        sure = units.percent(float(validated.probabilities[index].max()))
        figures.append(
            f"<figure><img src='{photo.thumbnail}' alt='{html.escape(photo.title)}'>"
            f"<figcaption><b>{html.escape(answer)}</b> {sure}<br>"
            f"<span class='xl-dim'>is {html.escape(true)}</span></figcaption></figure>"
        )
    st.html(f"<div class='xl-wrongs'>{''.join(figures)}</div>")
    more = f" The surest {MOST_WRONG} are on show." if len(wrong) > MOST_WRONG else ""
    st.caption(f"The answer that each got when it was left out, the surest mistake first.{more}")


def _file(scheme: str, taught: Taught) -> None:
    file = f"taught-{scheme}.safetensors"
    data = taught.network.to_bytes()
    st.subheader("Take it with you")
    st.markdown(
        f"One file of {units.memory(len(data))}: the network, your class names and the preprocessing. Your photos are "
        "not in it. It runs with `pip install xnorlab`, without torch:"
    )
    st.code(how_to_run(file), language="python")
    st.download_button(
        f"Download {file}",
        data,
        file,
        "application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        key="download-taught",
        type="primary",
    )


def live_camera(outcome: Outcome) -> None:
    """A camera whose shots every taught network answers."""
    st.subheader("Try it live")
    if not address.toggle("Camera", key="live_camera", default=False):
        st.caption("Show the camera something and see which class each network takes it for.")
        return
    shot = st.camera_input("Show it something", key="live-shot")
    if shot is None:
        return
    try:
        pixels = read_image(shot.getvalue(), name="The shot").pixels
    except ImageError as error:
        st.error(markup.plain(str(error)), icon=":material/broken_image:")
        return
    shown = []
    for scheme, taught in outcome.learnt.items():
        best = taught.network.predict([pixels], top=TOP)[0]
        bars = "".join(
            f"<li><span>{html.escape(p.label)}</span><span class='xl-number'>{units.percent(p.probability)}</span>"
            f"<span class='xl-track'>{cards.bar(scheme, p.probability)}</span></li>"
            for p in best
        )
        shown.append(
            cards.card(
                scheme, f"<div class='xl-answer'>{html.escape(best[0].label)}</div><ol class='xl-bars'>{bars}</ol>"
            )
        )
    cards.show(shown)
    st.caption("They know these classes only: anything else gets the name of one of them.")
