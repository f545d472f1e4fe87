"""Classify: the same photo, an answer of every network of a family."""

import collections
import statistics

import numpy as np
import streamlit as st
from shared import address, cached, networks, photo_choice, photos, turns, widgets
from streamlit.delta_generator import DeltaGenerator

from views.classify import classifications
from xnorlab import units
from xnorlab.figures import classification
from xnorlab.figures.classification import MOST_CLASSES
from xnorlab.figures.style import look
from xnorlab.images import SUFFIXES
from xnorlab.images.preprocessing import Preprocessing

RUNS = 7  # runs of a network behind the time on its card
BRING = {"files": "Files", "folder": "A folder", "camera": "Camera"}
MOST_REASONS = 6  # reasons on show for files that could not be used
COUNTS = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), start=1))
ASKED = "classify: family"  # whose schemes are chosen


def bring() -> None:
    """The ways to bring photos; what comes is read, and the page starts again with it."""
    how = address.segments("Your own photos", BRING, key="bring", default="files")
    address.publish(bring=how)
    place = st.empty()
    if how == "camera":
        shot = st.camera_input("Take a photo", key=f"camera-{photos.uploader_key()}", label_visibility="collapsed")
        files = [] if shot is None else [shot]
    else:
        files = st.file_uploader(
            "As many as you like" if how == "files" else "All photos in a folder, its folders included",
            accept_multiple_files="directory" if how == "folder" else True,
            max_upload_size=50,
            type=sorted(SUFFIXES) if how == "folder" else None,
            key=f"{how}-{photos.uploader_key()}",
            help="JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, HEIC. They stay on this machine, in the memory of your "
            "session.",
        )
    if files:
        photos.take(files, place)
        st.rerun()
    reasons = photos.refused()
    for reason in reasons[:MOST_REASONS]:
        st.error(widgets.plain(reason), icon=":material/broken_image:")
    if len(reasons) > MOST_REASONS:
        st.error(f"{len(reasons) - MOST_REASONS} more files could not be used.", icon=":material/broken_image:")
    if photos.dropped():
        st.warning(
            f"The oldest {photos.dropped()} photos were let go: yours may take "
            f"{units.memory(photos.MAX_BYTES)} of memory.",
            icon=":material/auto_delete:",
        )
    if photos.kept():
        st.button("Forget my photos", on_click=photos.forget, key="forget", icon=":material/delete:")


def open_row(keys: list[str]) -> None:
    rows = st.session_state["photo-table"]["selection"]["rows"]
    if rows:
        st.session_state["photo"] = keys[rows[0]]


st.title("Classify")
notes = st.container()
families = networks.families()
address.take("model", families, families[0])
family: str = st.session_state["model"]
options = networks.schemes(family)
if st.session_state.get(ASKED, family) != family:
    st.session_state.pop("schemes", None)  # another family has other schemes: all of them are asked again
st.session_state[ASKED] = family
address.take_many("schemes", options, options)
address.take_number("top", 1, 10, 5)
count = COUNTS.get(len(options), str(len(options)))
st.markdown(
    f"One photo, {count} networks of the same shape: real weights, binary weights, binary everything."
    if len(options) > 1
    else f"One photo, one network: {networks.title(family)} has no other yet."
)

choose, shown_beside = st.columns([6, 7], gap="large")
see, crop = shown_beside.columns([4, 3], gap="medium", wrap=False)
with choose:
    pick = st.container()
    bring()
    with st.container(horizontal=True, gap="small"):
        for data, known in networks.worlds().items():
            widgets.listed(f"{networks.data_title(data)}: {len(known)} things", known)
with pick:
    photo = photo_choice.choose("golf-ball")
classifications.forget_all_but(photos.titles())

with crop, st.container(key="pixelated"):
    seen, seen_said = st.empty(), st.empty()
with see:
    with st.container(key="photo-shown"):
        st.image(photo.pixels, width="stretch", alt=f"The photo {photo.title}")
    st.caption(widgets.plain("; ".join([photo.title, *photo.notes])))

pick, slide = st.columns(2, gap="large", vertical_alignment="bottom")
with pick:
    schemes = st.pills(
        "Schemes",
        options,
        selection_mode="multi",
        key="schemes",
        persist_state="session",
        wrap=True,
        format_func=networks.with_glyph,
    )
with slide:
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    left.selectbox("Model", families, key="model", persist_state="session", format_func=networks.with_count)
    top = right.slider("Answers a card", 1, 10, key="top", persist_state="session")
schemes = [s for s in options if s in schemes]
address.publish(model=family, schemes=schemes or None, top=top)
address.show_notes(notes)
if not schemes:
    st.info("Choose at least one scheme above.", icon=":material/arrow_upward:")
    st.stop()

problems: dict[str, str] = {}
verdicts: dict[str, classifications.Answer] = {}


def show(place: DeltaGenerator, times: dict[str, tuple[float, str]]) -> None:
    """The cards; a network that was not asked yet is named as waiting, a time not measured yet is a dash."""
    shown = []
    for scheme in schemes:
        if scheme in problems:
            shown.append(widgets.advice_card(scheme, problems[scheme], networks.advice(family, scheme)))
            continue
        if scheme not in verdicts:
            shown.append(widgets.waiting_card(scheme))
            continue
        entry = networks.entry(family, scheme)
        timed = times.get(networks.name(family, scheme))
        lines = (
            ("– ms" if timed is None else units.duration(timed[0]), "measured here"),
            (units.memory(entry["bytes"]), "packed file"),
            (f"{100 * entry['top1']:.1f} %", f"right among {len(entry['labels'])} classes, at training"),
        )
        shown.append(
            widgets.answer_card(scheme, verdicts[scheme], top=top, footnotes=[widgets.line(*x) for x in lines])
        )
    with place:
        widgets.cards(shown)


vote, place = st.empty(), st.empty()
if not all(cached.is_warm(networks.name(family, s)) for s in schemes):
    # Something of the right size where the answers will be, so that the page does not jump when they are there.
    widgets.verdict(vote, "…", unanimous=True)
    seen.image(np.broadcast_to(photo.pixels.mean((0, 1)).astype(np.uint8), (1, 1, 3)), width="stretch", alt="")
    seen_said.caption("exactly what the networks will see")
for scheme in schemes:
    if not cached.is_warm(networks.name(family, scheme)):
        show(place, {})
    try:
        verdicts[scheme] = classifications.ask(photo, networks.name(family, scheme))
    except ValueError as error:
        problems[scheme] = str(error)

preprocessing = (
    classifications.preprocessing(networks.name(family, next(iter(verdicts)))) if verdicts else Preprocessing()
)
seen.image(
    preprocessing.crop_image(photo.pixels),
    width="stretch",
    alt=f"The middle of the photo at {preprocessing.crop} by {preprocessing.crop} pixels",
)
seen_said.caption(f"{preprocessing.crop} × {preprocessing.crop} pixels: exactly what the networks saw")

votes = collections.Counter(verdict.labels[0] for verdict in verdicts.values())
if len(votes) == 1 and len(verdicts) > 1:
    widgets.verdict(vote, f"All {len(verdicts)} agree: {next(iter(votes))}", unanimous=True)
elif len(votes) > 1:
    said = ", ".join(f"{count} × {label}" for label, count in votes.most_common())
    widgets.verdict(vote, f"They disagree: {said}", unanimous=False)
else:
    vote.empty()


def explain(place: DeltaGenerator, times: dict[str, tuple[float, str]]) -> None:
    """Where the numbers on the cards come from."""
    clock = max((when for _, when in times.values()), default="…")
    things = len(next(iter(verdicts.values())).labels) if verdicts else "a few"
    place.caption(
        f"Times: median of {RUNS} runs of one photo on one thread, in turns, measured here at {widgets.plain(clock)}; "
        "reading and cropping left out. Accuracy: top-1 on the validation set, measured at training. These networks "
        f"know {things} things only, listed above; what they have never seen gets the nearest of these names."
    )


names = {scheme: networks.name(family, scheme) for scheme in verdicts}
times = classifications.times(photo, names.values())
show(place, times)
queue, provenance = st.empty(), st.empty()
explain(provenance, times)
if verdicts:
    st.button("Time again", key="time-again", on_click=classifications.forget_times, icon=":material/timer:")

if verdicts:
    given = {s: dict(zip(v.labels, v.probabilities, strict=True)) for s, v in verdicts.items()}
    labels = sorted(next(iter(given.values())), key=lambda label: -max(row[label] for row in given.values()))
    shares = {s: np.array([row[label] for label in labels]) for s, row in given.items()}
    st.subheader("Side by side")
    widgets.chart(
        classification.answers(labels, shares, dark=widgets.dark()),
        alt=f"Probability of {'every class' if len(labels) <= MOST_CLASSES else 'the likeliest classes'} under every "
        "scheme. "
        + "; ".join(f"{look(s).short}: {v.labels[0]} {units.percent(v.probabilities[0])}" for s, v in verdicts.items()),
        table={"class": labels, **{look(s).label: [units.percent(p) for p in row] for s, row in shares.items()}},
        key="side-by-side",
    )
    if len(labels) > MOST_CLASSES:
        st.caption(f"{MOST_CLASSES} of {len(labels)} classes: what each network finds likeliest. The numbers have all.")

    shown = photos.kept() or {k: photos.sample(k) for k in photos.SAMPLES}
    st.subheader("All your photos" if photos.kept() else "All samples")
    table = classifications.ask_all(list(shown.values()), family, list(verdicts))
    st.dataframe(
        {
            "picture": [p.thumbnail for p in shown.values()],
            "photo": [p.title for p in shown.values()],
            **(
                {
                    "answers": [
                        "agree" if len({c[i].labels[0] for c in table.values()}) == 1 else "differ"
                        for i in range(len(shown))
                    ]
                }
                if len(table) > 1
                else {}
            ),
            **{
                look(s).short: [f"{a.labels[0]}, {units.percent(a.probabilities[0])}" for a in column]
                for s, column in table.items()
            },
        },
        key="photo-table",
        on_select=lambda: open_row(list(shown)),
        selection_mode="single-row",
        hide_index=True,
        row_height=56,
        column_config={"picture": st.column_config.ImageColumn("", width="small")},
        alt="Every photo with the best answer of every scheme; choose a row to open its photo above.",
    )
    named = {networks.name(family, s): column for s, column in table.items()}
    st.download_button(
        "Download as CSV",
        classifications.as_csv([p.title for p in shown.values()], named),
        "answers.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="csv",
    )
    read = statistics.median(p.read_s for p in shown.values())
    asked = statistics.median(map(sum, zip(*([a.seconds for a in column] for column in table.values()), strict=True)))
    st.caption(
        f"What you waited for, a photo: {units.duration(read)} until it was read and upright, {units.duration(asked)} "
        f"for {len(table)} answer{'s' if len(table) > 1 else ''}, cropping included "
        "(medians over these photos, taken while they were answered)."
    )

# Last, so that nothing on the page waits for another visitor's measurement.
if len(times) < len(names):
    with turns.turn(queue):
        classifications.time_together(photo, names.values(), RUNS)
    times = classifications.times(photo, names.values())
    show(place, times)
    explain(provenance, times)
