"""Teach it: a shipped network learns the visitor's own classes from a few photos, and what a bit costs on them."""

import streamlit as st
from shared import address, markup, network_choice, networks

from views.teach import class_editor, class_photos, lessons_learnt, on_new_classes, outcome, sample_lesson
from views.teach.class_photos import FEWEST_CLASSES, MOST_CLASSES, MOST_PHOTOS, ClassPhotos
from xnorlab.teach import MIN_PHOTOS, LessonError
from xnorlab.teach.novel_classes import SCHEMES

LESSONS = {"own": "My photos", "samples": "Try it with cuts of the sample photos"}


def own_or_samples() -> list[ClassPhotos]:
    """The classes to learn: the visitor's, or those of the samples."""
    lesson = address.segments("Learn from", LESSONS, key="lesson", default="own")
    address.publish(lesson=lesson)
    if lesson == "own":
        return class_editor.show()
    classes = sample_lesson.classes()
    for column, one in zip(st.columns(3) * (len(classes) // 3), classes, strict=True):
        with column.container(border=True):
            st.markdown(f"**{markup.plain(one.name)}**")
            st.html(class_editor.thumbnails(one))
    st.caption(
        f"Each class is {sample_lesson.CUTS} cuts of one photo. That is an easy lesson, which shows what the page does "
        "and not what photos of your own will give."
    )
    return classes


def chosen_networks() -> tuple[str, list[str]]:
    """The family whose features are used, and the schemes to compare."""
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    with left:
        family = network_choice.family(key="features_of", label="Features of", default=networks.best_family(SCHEMES))
    offered = [scheme for scheme in networks.schemes(family) if scheme in SCHEMES]
    address.take_many("compared", offered, offered)
    chosen = right.pills(
        "Under",
        offered,
        selection_mode="multi",
        key="compared",
        persist_state="session",
        wrap=True,
        format_func=networks.with_glyph,
    )
    schemes = [scheme for scheme in offered if scheme in chosen]
    address.publish(compared=schemes or None)
    return family, schemes


st.title("Teach it")
notes = st.container()
st.markdown(
    "Name two to ten things and give each a few photos. The last layer of a shipped network is learnt anew on them, in "
    "seconds, and every other bit stays as it is. You see what a bit costs on **your** classes, and take the network "
    "along."
)
classes = own_or_samples()
family, schemes = chosen_networks()
missing = class_photos.problem(classes) if schemes else "Choose at least one scheme."
with st.container(horizontal=True, vertical_alignment="center"):
    pressed = st.button("Teach", key="teach", type="primary", icon=":material/school:", disabled=missing is not None)
    if missing is None:
        photos = sum(len(one.photos) for one in classes)
        st.caption(f"{photos} photos, {len(schemes)} networks.")
    else:
        st.caption(markup.plain(missing))
st.caption(
    f"{FEWEST_CLASSES} to {MOST_CLASSES} classes, {MIN_PHOTOS} to {MOST_PHOTOS} photos each; twenty are better than "
    "five. The central square of each photo counts."
)
progress = st.empty()
if pressed and missing is None:
    try:
        lessons_learnt.learn(classes, family, schemes, progress)
    except LessonError as error:
        st.error(markup.plain(str(error)), icon=":material/report:")
result = lessons_learnt.last()
if result is not None and result.learnt:
    if result.signature != lessons_learnt.signature(classes, family, schemes):
        st.info("The photos, names or networks have changed since: teach again.", icon=":material/history:")
    st.subheader("What they learnt")
    for note in result.lesson.notes:
        st.caption(markup.plain(note))
    outcome.accuracy_cards(result)
    outcome.what_a_bit_costs(result.learnt, len(result.lesson.labels))
    outcome.one_network(result)
    outcome.live_camera(result)
elif result is not None:
    outcome.accuracy_cards(result)
record = on_new_classes.read()
if record is not None:
    on_new_classes.show(record)
address.show_notes(notes)
