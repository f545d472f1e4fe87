"""The stepper: buttons that go through the steps, and a clock that goes through them by itself.

The session holds the present step under "step", from 0, before the first, to the number of steps.
"""

import time

import streamlit as st
from shared import address

SECONDS_PER_STEP = 0.9
PLAYING = "steps: playing"
ON_SHOW_SINCE = "steps: since when the last is on show"
PRESSED = "steps: pressed"
VECTORS = "steps: of"


def take(last: int, vectors: tuple[int, int, str]) -> int:
    """The present step: the address's, moved by the buttons pressed since; the last one where the vectors changed.

    Args:
        last: The number of steps.
        vectors: What the steps depend on: n, bits per word, form.
    """
    asked = address.asked("step") is not None
    address.take_number("step", 0, last, last)
    if not asked and st.session_state.get(VECTORS) not in (None, vectors):
        st.session_state["step"] = last
    st.session_state[VECTORS] = vectors
    for button in st.session_state.pop(PRESSED, []):
        _go(button, last)
    return st.session_state["step"]


def buttons(step: int, last: int) -> None:
    """Draw the buttons and the number of the present step."""
    playing = st.session_state.get(PLAYING, False)
    with st.container(horizontal=True, vertical_alignment="center", key="stepper"):
        for key, label, icon, end in (
            ("first", "To the start", "first_page", 0),
            ("back", "A step back", "chevron_left", 0),
            ("next", "A step on", "chevron_right", last),
            ("last", "To the result", "last_page", last),
        ):
            st.button(label, icon=f":material/{icon}:", on_click=_press, args=(key,), key=key, disabled=step == end)
        st.button(
            "Stop" if playing else "Play",
            on_click=_press,
            args=("play",),
            key="play",
            type="primary",
            icon=":material/stop:" if playing else ":material/play_arrow:",
        )
        st.caption(f"step {step} of {last}", width="content")


def play(last: int) -> None:
    """Go on by one step after another, if Play was pressed; to be called last on the page."""
    if st.session_state.get(PLAYING):
        _clock(last)


@st.fragment(run_every=SECONDS_PER_STEP)
def _clock(last: int) -> None:
    now = time.monotonic()
    if st.session_state[ON_SHOW_SINCE] is None:
        st.session_state[ON_SHOW_SINCE] = now  # the page has just shown this step, however long that took
        return
    if now - st.session_state[ON_SHOW_SINCE] < 0.5 * SECONDS_PER_STEP:
        return
    st.session_state["step"] = min(last, st.session_state["step"] + 1)
    st.session_state[ON_SHOW_SINCE] = None
    st.session_state[PLAYING] = st.session_state["step"] < last
    st.rerun()


def _press(button: str) -> None:
    """Note a press for the run to answer: the number of steps is not known here, n may have changed with the click."""
    st.session_state.setdefault(PRESSED, []).append(button)


def _go(button: str, last: int) -> None:
    """Do what the button with the key `button` says."""
    step = st.session_state["step"]
    playing = button == "play" and not st.session_state.get(PLAYING, False)
    if button == "play":
        st.session_state[ON_SHOW_SINCE] = None
        to = 0 if step >= last else step
    else:
        to = {"first": 0, "back": max(0, step - 1), "next": min(last, step + 1), "last": last}[button]
    st.session_state["step"], st.session_state[PLAYING] = to, playing
