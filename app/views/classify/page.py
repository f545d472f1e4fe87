"""Classify: the same photo, classified by every network of a family."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from shared import (
    address,
    binary_weights,
    cached,
    charts,
    markup,
    network_choice,
    network_times,
    networks,
    own_networks,
    photo_choice,
    photos,
    theme,
)
from shared.network_times import NetworkTime

from views.classify import all_photos, answer_cards, classifications, labelled, labels, upload, what_was_seen
from views.classify.classifications import Classification
from xnorlab import units
from xnorlab.figures import classification
from xnorlab.figures.classification import MOST_CLASSES
from xnorlab.figures.style import look
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.pretrained import ShippedNetwork

WAITED = "classify: waits for times"
MOST_LISTED = 20  # classes that are listed in a line; more are behind a button


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
        table={
            "class": list(map(markup.plain, labels)),
            **{look(s).label: [units.percent(p) for p in row] for s, row in shares.items()},
        },
        key="side-by-side",
    )
    if len(labels) > MOST_CLASSES:
        st.caption(f"{MOST_CLASSES} of {len(labels)} classes: what each network finds likeliest. The numbers have all.")


def answers_with_times(
    family: str, results: Mapping[str, answer_cards.Result], names: Mapping[str, str], top: int
) -> None:
    """The cards, with the networks' times as soon as this process has them; names: scheme → network that answered."""
    if own_networks.is_own(family):
        answer_cards.show(st.empty(), family, results, {}, top=top)
        st.caption(what_is_not_known(family, results))
        return

    @st.fragment(run_every=network_times.LOOK_SECONDS if network_times.ask(list(names.values())) else None)
    def show() -> None:
        times = network_times.known(names.values())
        cards_place = st.empty()
        answer_cards.show(cards_place, family, results, times, top=top)
        for sentence in what_binary_weights_do(names, times):
            st.markdown(sentence)
        st.caption(where_from(results, times, [networks.entry(family, scheme) for scheme in names]))
        if network_times.ask(list(names.values())):
            st.session_state[WAITED] = True
        elif st.session_state.pop(WAITED, False):
            st.rerun()  # the whole page, which then looks for no more times

    show()


def what_binary_weights_do(names: Mapping[str, str], times: Mapping[str, NetworkTime]) -> list[str]:
    """A sentence of Markdown on the time of BWN, where it and its float twin were measured; names: scheme → network."""
    timed = {scheme: times[name].timing for scheme, name in names.items() if name in times}
    if "float" not in timed or "bwn" not in timed:
        return []
    speed_up = timed["float"].median_s / timed["bwn"].median_s
    spread = max(timed["float"].spread, timed["bwn"].spread)
    return [binary_weights.only_weights_are_packed(look("bwn").label, 1, speed_up, spread)]


def what_is_not_known(family: str, results: Mapping[str, answer_cards.Result]) -> str:
    """What the page cannot show of a visitor's own network."""
    text = (
        "A packed file tells neither how often its network is right nor of twins under other schemes, so that none "
        "stand beside it. Labels on your photos (“This is a …”) count how often it is right here; the page Network "
        "timing times it."
    )
    if any(isinstance(result, Classification) and result.is_unknown is None for result in results.values()):
        text += " It was not calibrated to refuse what it does not know: whatever it sees gets one of its names."
    return text


def where_from(
    results: Mapping[str, answer_cards.Result], times: Mapping[str, NetworkTime], shipped: Sequence[ShippedNetwork]
) -> str:
    """Where the numbers on the cards come from; shipped: what the manifest says of the networks."""
    clock = max((time.taken for time in times.values()), default=None)
    when = "" if clock is None else f", the last at {clock[11:16]} UTC"
    known = next((len(r.predictions) for r in results.values() if isinstance(r, Classification)), None)
    things = "a few" if known is None else str(known)
    these = "These networks know" if len(shipped) != 1 else "This network knows"
    they = "these networks notice" if len(shipped) != 1 else "this network notices"
    text = (
        f"Times: median of {network_times.RUNS} runs of one picture on one thread, in turns, measured once in this "
        f"process{markup.plain(when)}; reading and cropping left out. Accuracy: top-1 on the validation set, measured "
        f"at training. {these} {things} things only, listed above; anything else gets the nearest of these names."
    )
    if any(record.scheme == "binaryconnect-stochastic" for record in shipped):
        text += (
            " BinaryConnect, stochastic draws its signs in training only and runs with its real weights: so its file "
            "is as large as full precision's."
        )
    foreign = [record.refused for s in shipped if s.calibration for record in s.calibration.foreign]
    if foreign:
        low, high = f"{100 * min(foreign):.0f}", f"{100 * max(foreign):.0f}"
        span = low if low == high else f"{low} to {high}"
        text += (
            " “Perhaps none of mine” stands below a threshold that nine in ten pictures of a network's own classes "
            f"reach. Of pictures of other classes {they} {span} % so; the rest gets a wrong name without a word."
        )
    return text


st.title("Classify")
notes, intro = st.container(), st.container()
left, right = st.columns([6, 7], gap="large")
seen_by_visitor, seen_by_networks = right.columns([4, 3], gap="medium", wrap=False)
scheme_place, slide = st.columns(2, gap="large")

with slide:
    family = network_choice.family(label="Model", words=networks.with_count, own=True)
    address.take_number("top", 1, 10, 5)
    top = st.slider("Answers per card", 1, 10, key="top", persist_state="session")
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
    count = answer_cards.IN_WORDS.get(len(offered), str(len(offered)))
    st.markdown(
        "One photo, one network: yours."
        if own_networks.is_own(family)
        else f"One photo, {count} networks of the same shape: {networks.kinds(offered)}."
        if len(offered) > 1
        else f"One photo, one network: {networks.title(family)} has no other yet."
    )

with left:
    photo_place = st.container()
    classes, who_knows = networks.labels(family), "It knows" if len(offered) == 1 else "They know"
    if 0 < len(classes) <= MOST_LISTED:
        st.caption(f"{who_knows} {len(classes)} things: {markup.plain(', '.join(classes))}.")
    elif classes:
        first = markup.plain(", ".join(classes[:MOST_LISTED]))
        st.caption(f"{who_knows} {len(classes)} things: {first} and so on; all are behind the button below.")
    upload.show()
    with st.container(horizontal=True, gap="small"):
        for data, known in networks.classes_by_data_set().items():
            list_of_classes(f"{networks.data_title(data)}: {len(known)} things", known)
        if own_networks.is_own(family):
            list_of_classes(networks.with_count(family), classes)
with photo_place:
    photo = photo_choice.choose("golf-ball")
classifications.forget_all_but(photos.titles())
with seen_by_visitor:
    with st.container(key="photo-shown"):
        st.image(photo.pixels, width="stretch", alt=f"The photo {photo.title}")
    st.caption(markup.plain("; ".join([photo.title, *photo.notes])))
    labels.choose(photo, classes)
with seen_by_networks, st.container(key="pixelated"):
    crop, crop_caption = st.empty(), st.empty()

address.show_notes(notes)
if not schemes:
    st.info("Choose at least one scheme above.", icon=":material/arrow_upward:")
    address.end_page()

names = {scheme: networks.name(family, scheme) for scheme in schemes}
who_sees = "the network" if len(offered) == 1 else "the networks"
results: dict[str, answer_cards.Result] = dict.fromkeys(schemes)
if (standing := photos.still_on_show()) is not None:
    st.warning(
        f"Nothing of what you brought could be used; these are still the answers to “{markup.plain(standing.title)}”.",
        icon=":material/history:",
    )
agreement, loading = st.container(key="agreement").empty(), st.empty()
answers_place = st.container()
if not all(cached.is_warm(name) for name in names.values()):
    # Something of the right size where the answers will be, so that the page does not jump when they are there.
    answer_cards.reserve_line(agreement)
    crop.image(np.broadcast_to(photo.pixels.mean((0, 1)).astype(np.uint8), (1, 1, 3)), width="stretch", alt="")
    crop_caption.caption(f"exactly what {who_sees} will see")
for scheme, name in names.items():
    if not cached.is_warm(name):
        answer_cards.show(loading, family, results, {}, top=top)
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
height, width = photo.pixels.shape[:2]
crop_caption.caption(what_was_seen.caption(height, width, preprocessing, who=who_sees) + ".")

loading.empty()
answer_cards.say_what_they_answer(agreement, list(answers.values()))
with answers_place:
    answers_with_times(family, results, names, top)
if answers:
    st.subheader("Side by side")
    side_by_side(answers)
    own = photos.kept()
    shown = list(own.values()) or [photos.sample(key) for key in photos.SAMPLES]
    st.subheader("All your photos" if own else "All samples")
    all_photos.show(shown, family, list(answers), answers_at="agreement")
    said = [(photo, label) for photo in shown if (label := labels.of(photo, classes)) is not None]
    if said:
        st.subheader("How often they are right")
        labelled.show(
            [label for _, label in said],
            classifications.classify_all([photo for photo, _ in said], family, list(answers)),
        )
