"""The live part of "How it learns": controls, and a picture of the run that is renewed while it trains."""

import streamlit as st
from shared import address, widgets

from views.how_it_learns import live_charts, live_run
from views.how_it_learns.estimators import WIDEST
from views.how_it_learns.live_run import LiveRun
from xnorlab.binarize import ESTIMATORS
from xnorlab.figures import style
from xnorlab.training.live_training import BATCH, INPUT_ESTIMATORS, LAYERS, SCHEMES, LiveSettings

RATES = ("0.001", "0.003", "0.01", "0.02", "0.05", "0.2")
WIDTHS = {"4": "4", "8": "8", "16": "16", "32": "32"}
PACES = {"slow": 3.0, "medium": 15.0, "full": float("inf")}
PACE_WORDS = {"slow": "3 steps a second", "medium": "15", "full": "as fast as it goes"}
MOST_EARLIER = 6
REDRAW_SECONDS = 1.0
WAITING_REDRAW_SECONDS = 4.0

RUN, EARLIER = "live: run", "live: earlier runs"


def show() -> None:
    """Controls, buttons, and the run; the address holds the settings."""
    live_charts.style_sheet()
    st.markdown(
        f"A small network, three binary convolutions, learns to read {len(live_run.DIGITS.train[0]):,} drawn digits "
        "while you watch. Train one scheme, then another: earlier runs stay in the charts."
    )
    with st.container(border=True):
        _controls()
        settings = _chosen()
        run = _current(settings)
        changed = run.settings != settings
        _buttons(run, changed=changed)
        if changed:
            st.info(
                "Settings changed: **Start** trains with them; what is on show stays as a faint line.",
                icon=":material/sync_problem:",
            )
    every = _redraw_seconds(run)
    with st.container(key="live-run"):
        st.fragment(_news, run_every=every)(run, every, st.session_state["live_layer"])
    st.caption(
        f"Data: digits drawn here with the font that Pillow carries inside, {live_run.DIGITS.test_count} others for "
        "testing; shifted, turned, sheared and noisy, but printed: no handwriting, no photographs. "
        f"{BATCH} pictures a step, Adam, cosine schedule. All numbers are measured here, now; the same settings give "
        "the same curve. "
        "Training takes turns with everybody else in slices of some 40 ms and waits while a speed is being measured."
    )


def _controls() -> None:
    options = {s: f"{style.SCHEMES[s].glyph} {style.SCHEMES[s].label}" for s in SCHEMES}
    scheme = address.pills("Scheme", options, key="live", default="xnor")
    uses = LiveSettings(scheme=scheme).uses_estimator
    address.take("live_estimator", INPUT_ESTIMATORS, "clipped")
    address.take_number("live_range", 0.1, WIDEST, 1.0)
    address.take("rate", RATES, "0.02")
    address.take_number("seed", 0, 999, 0)
    first, second, third, fourth = widgets.pairs(4)
    estimator = first.selectbox(
        "Estimator",
        INPUT_ESTIMATORS,
        key="live_estimator",
        persist_state="session",
        format_func=lambda e: ESTIMATORS[e].title,
        disabled=not uses,
        help=None if uses else "This scheme keeps its inputs real: there is no sign to pass through.",
    )
    ranged = uses and ESTIMATORS[estimator].ranged
    second.slider("Clip range t", 0.1, WIDEST, step=0.1, key="live_range", persist_state="session", disabled=not ranged)
    third.select_slider("Learning rate", RATES, key="rate", persist_state="session")
    fourth.number_input("Seed", 0, 999, key="seed", persist_state="session")
    left, middle, right = st.columns(3, gap="medium")
    with left:
        address.segments("Filters in the first layer", WIDTHS, key="width", default="16")
    with middle:
        address.segments("Pace", PACE_WORDS, key="pace", default="full")
    with right:
        # Not beside the charts that it changes: those are drawn anew each second, and a click there could be lost.
        address.segments("Layer on show", {name: name for name in LAYERS}, key="live_layer", default="conv2")


def _chosen() -> LiveSettings:
    """What the controls say now; published, and read by the buttons' callbacks, too."""
    state = st.session_state
    keys = ("live", "live_estimator", "live_range", "rate", "width", "seed", "pace", "live_layer")
    values = {key: state[key] for key in keys}
    address.publish(**values)
    return LiveSettings(
        scheme=values["live"],
        estimator=values["live_estimator"],
        clip_range=values["live_range"],
        rate=float(values["rate"]),
        width=int(values["width"]),
        seed=values["seed"],
    ).effective()


def _current(settings: LiveSettings) -> LiveRun:
    """The run on show; one that has not begun follows the settings."""
    run = st.session_state.get(RUN)
    if run is None or (run.state == "ready" and run.settings != settings):
        with st.spinner("Drawing digits, once…"):
            run = st.session_state[RUN] = LiveRun(settings)
    run.steps_per_second = PACES[st.session_state["pace"]]
    return run


def _start() -> None:
    """Train with what the controls say now: go on with the run on show, or begin another; one that trains goes on."""
    settings, run = _chosen(), st.session_state.get(RUN)
    if run is None or run.settings != settings or run.state in ("done", "failed"):
        if run is not None and run.settings != settings:
            _put_away(run)
        run = st.session_state[RUN] = LiveRun(settings, PACES[st.session_state["pace"]])
    if not run.running:
        run.start()


def _reset() -> None:
    run = st.session_state.pop(RUN, None)  # gone where a button is pressed twice before the page is there again
    if run is not None:
        run.stop()
    st.session_state[EARLIER] = []


def _put_away(run: LiveRun) -> None:
    """Keep the run's curves as an earlier one; an older run of the same settings is replaced."""
    run.stop()
    if run.watch().curves.step:
        earlier = [old for old in st.session_state.get(EARLIER, []) if old[0] != run.settings]
        st.session_state[EARLIER] = [*earlier, (run.settings, run.watch().curves)][-MOST_EARLIER:]


def _buttons(run: LiveRun, *, changed: bool) -> None:
    label = "Resume" if run.state in ("stopped", "left", "late") and not changed else "Start"
    with st.container(horizontal=True, gap="small"):
        # Never disabled: a seed that is being typed would enable it too late for the click that follows.
        st.button(label, type="primary", icon=":material/play_arrow:", key="start", on_click=_start)
        st.button("Stop", icon=":material/stop:", key="stop", on_click=run.stop, disabled=not run.running)
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            key="reset",
            on_click=_reset,
            help="Back to random weights; earlier runs are forgotten.",
        )


def _redraw_seconds(run: LiveRun) -> float | None:
    """Until the pictures are drawn again: rarely while a speed is measured, which drawing would disturb."""
    if not run.running:
        return None
    return WAITING_REDRAW_SECONDS if run.waiting else REDRAW_SECONDS


def _news(run: LiveRun, every: float | None, layer: str) -> None:
    """The run as it stands; called again and again, `every` seconds, while it trains."""
    snapshot = run.watch()
    if every != _redraw_seconds(run):
        st.rerun()
    live_charts.progress(run, snapshot)
    live_charts.headline(snapshot)
    live_charts.curves(run, snapshot, st.session_state.get(EARLIER, []))
    live_charts.weights(run, snapshot, layer)
    live_charts.answers(snapshot)
