"""Classify: the same photo, classified by every network of a family."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from shared import address, cached, charts, markup, network_choice, networks, photo_choice, photos, theme, turns
from streamlit.delta_generator import DeltaGenerator

from views.classify import all_photos, answer_cards, classifications, upload
from views.classify.classifications import Classification
from xnorlab import units
from xnorlab.figures import classification
from xnorlab.figures.classification import MOST_CLASSES
from xnorlab.figures.style import look
from xnorlab.images.preprocessing import Preprocessing

RUNS = 7  # runs of a network behind the time on its card
IN_WORDS = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), start=1))


def list_of_classes(title: str, names: Sequence[str]) -> None:
    """A button that opens a list of `names` in alphabetical order."""
    items = "".join(f"<li>{html.escape(name)}</li>" for name in sorted(names, key=str.casefold))
    with st.popover(title, icon=":material/list:"):
        st.html(f"<div class='xl-listed' tabindex='0'><ul class='xl-names'>{items}</ul></div>")


def side_by_side(answers: Mapping[str, Classification]) -> None:
    """The chart of every class under every scheme; answers: scheme → its network's, at least one."""
    rows = {scheme: {p.label: p.probability for p in answer.predictions} for scheme, answer in answers.items()}
    labels = sorted(next(iter(rows.values())), key=lambda label: -max(row[label] for row in rows.values()))
    shares = {scheme: np.array([row[label] for label in labels]) for scheme, row in rows.items()}
    charts.show(
        classification.answers(labels, shares, dark=theme.dark()),
        alt=f"Probability of {'every class' if len(labels) <= MOST_CLASSES else 'the likeliest classes'} under every "
        "scheme. "
        + "; ".join(f"{look(s).short}: {a.best.label} {units.percent(a.best.probability)}" for s, a in answers.items()),
        table={"class": labels, **{look(s).label: [units.percent(p) for p in row] for s, row in shares.items()}},
        key="side-by-side",
    )
    if len(labels) > MOST_CLASSES:
        st.caption(f"{MOST_CLASSES} of {len(labels)} classes: what each network finds likeliest. The numbers have all.")


def say_where_from(
    place: DeltaGenerator, answers: Mapping[str, Classification], times: Mapping[str, tuple[float, str]]
) -> None:
    """Say in `place` where the numbers on the cards come from."""
    clock = max((when for _, when in times.values()), default="…")
    things = len(next(iter(answers.values())).predictions) if answers else "a few"
    place.caption(
        f"Times: median of {RUNS} runs of one photo on one thread, in turns, measured here at {markup.plain(clock)}; "
        "reading and cropping left out. Accuracy: top-1 on the validation set, measured at training. These networks "
        f"know {things} things only, listed above; what they have never seen gets the nearest of these names."
    )


st.title("Classify")
notes, intro = st.container(), st.container()
left, right = st.columns([6, 7], gap="large")
seen_by_visitor, seen_by_networks = right.columns([4, 3], gap="medium", wrap=False)
scheme_place, slide = st.columns(2, gap="large", vertical_alignment="bottom")

with slide:
    family_place, top_place = st.columns([5, 2], vertical_alignment="bottom")
    with family_place:
        family = network_choice.family(label="Model", words=networks.with_count)
    address.take_number("top", 1, 10, 5)
    top = top_place.slider("Answers per card", 1, 10, key="top", persist_state="session")
offered = networks.schemes(family)
address.take_many("schemes", offered, offered)
chosen = scheme_place.pills(
    "Schemes",
    offered,
    selection_mode="multi",
    key="schemes",
    persist_state="session",
    wrap=True,
    format_func=networks.with_glyph,
)
schemes = [scheme for scheme in offered if scheme in chosen]
address.publish(schemes=schemes or None, top=top)
with intro:
    count = IN_WORDS.get(len(offered), str(len(offered)))
    st.markdown(
        f"One photo, {count} networks of the same shape: real weights, binary weights, binary everything."
        if len(offered) > 1
        else f"One photo, one network: {networks.title(family)} has no other yet."
    )

with left:
    photo_place = st.container()
    upload.show()
    with st.container(horizontal=True, gap="small"):
        for data, classes in networks.classes_by_data_set().items():
            list_of_classes(f"{networks.data_title(data)}: {len(classes)} things", classes)
with photo_place:
    photo = photo_choice.choose("golf-ball")
classifications.forget_all_but(photos.titles())
with seen_by_visitor:
    with st.container(key="photo-shown"):
        st.image(photo.pixels, width="stretch", alt=f"The photo {photo.title}")
    st.caption(markup.plain("; ".join([photo.title, *photo.notes])))
with seen_by_networks, st.container(key="pixelated"):
    crop, crop_caption = st.empty(), st.empty()

address.show_notes(notes)
if not schemes:
    st.info("Choose at least one scheme above.", icon=":material/arrow_upward:")
    address.end_page()

names = {scheme: networks.name(family, scheme) for scheme in schemes}
results: dict[str, answer_cards.Result] = dict.fromkeys(schemes)
agreement, answers_place = st.empty(), st.empty()
if not all(cached.is_warm(name) for name in names.values()):
    # Something of the right size where the answers will be, so that the page does not jump when they are there.
    answer_cards.reserve_line(agreement)
    crop.image(np.broadcast_to(photo.pixels.mean((0, 1)).astype(np.uint8), (1, 1, 3)), width="stretch", alt="")
    crop_caption.caption("exactly what the networks will see")
for scheme, name in names.items():
    if not cached.is_warm(name):
        answer_cards.show(answers_place, family, results, {}, top=top)
    try:
        results[scheme] = classifications.classify(photo, name)
    except ValueError as error:
        results[scheme] = error
answers = {scheme: result for scheme, result in results.items() if isinstance(result, Classification)}
names = {scheme: names[scheme] for scheme in answers}

preprocessing = cached.preprocessing(next(iter(names.values()))) if names else Preprocessing()
crop.image(
    preprocessing.crop_image(photo.pixels),
    width="stretch",
    alt=f"The middle of the photo at {preprocessing.crop} by {preprocessing.crop} pixels",
)
crop_caption.caption(f"{preprocessing.crop} × {preprocessing.crop} pixels: exactly what the networks saw")

answer_cards.say_whether_they_agree(agreement, list(answers.values()))
times = classifications.times(photo, names.values())
answer_cards.show(answers_place, family, results, times, top=top)
queue, provenance = st.empty(), st.empty()
say_where_from(provenance, answers, times)
if answers:
    st.button("Time again", key="time-again", on_click=classifications.forget_times, icon=":material/timer:")
    st.subheader("Side by side")
    side_by_side(answers)
    own = photos.kept()
    st.subheader("All your photos" if own else "All samples")
    all_photos.show(list(own.values()) or [photos.sample(key) for key in photos.SAMPLES], family, list(answers))

# Last, so that nothing on the page waits for another visitor's measurement.
if len(times) < len(names):
    with turns.turn(queue):
        classifications.time_together(photo, names.values(), RUNS)
    times = classifications.times(photo, names.values())
    answer_cards.show(answers_place, family, results, times, top=top)
    say_where_from(provenance, answers, times)
