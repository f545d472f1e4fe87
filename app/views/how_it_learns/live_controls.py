"""The second part of "How it learns": a small network that is trained while the visitor watches, and its controls."""

import streamlit as st
from shared import address, layout, number_field

from views.how_it_learns import live_charts, live_run
from views.how_it_learns.estimators import WIDEST_RANGE
from views.how_it_learns.live_run import LiveRun
from xnorlab.binarize import ESTIMATORS
from xnorlab.figures import style
from xnorlab.training.live_training import BATCH, INPUT_ESTIMATORS, LAYERS, SCHEMES, LiveSettings

RATES = ("0.001", "0.003", "0.01", "0.02", "0.05", "0.2")
WIDTHS = {n: n for n in ("4", "8", "16", "32")}
PACES = {"slow": 3.0, "medium": 15.0, "full": float("inf")}  # steps per second
PACES_IN_WORDS = {"slow": "3 steps/s", "medium": "15", "full": "full speed"}
SEEDS = (0, 999)
MOST_EARLIER_RUNS = 6
REDRAW_SECONDS = 1.0
WAITING_REDRAW_SECONDS = 4.0

PUBLISHED = ("live", "live_estimator", "live_range", "rate", "width", "pace", "live_layer")
RUN, EARLIER_RUNS = "live: run", "live: earlier runs"


def show() -> None:
    """Controls, buttons, and the run; the address holds the settings."""
    st.markdown(
        f"A small network, three binary convolutions, learns to read {len(live_run.DIGITS.train[0]):,} drawn digits "
        "while you watch. Train one scheme, then another: earlier runs stay in the charts."
    )
    with st.container(border=True):
        _controls()
        settings = _chosen_settings()
        address.publish(**{key: st.session_state[key] for key in PUBLISHED})
        address.publish(seed=None if settings is None else int(st.session_state["seed"]))
        run = _current_run(settings)
        if run is None:
            return
        changed = run.settings != settings
        _buttons(run, changed=changed, startable=settings is not None)
        if changed and settings is not None:
            st.info(
                "Settings changed: **Start** trains with them; what is on show stays as a faint line.",
                icon=":material/sync_problem:",
            )
    every = _redraw_seconds(run)
    with st.container(key="live-run"):
        st.fragment(_draw, run_every=every)(run, every, st.session_state["live_layer"])
    st.caption(
        f"Data: digits drawn here with the font that Pillow carries inside, {live_run.DIGITS.test_count} others for "
        "testing; shifted, turned, sheared and noisy, but printed: no handwriting, no photographs. "
        f"{BATCH} pictures per step, Adam, cosine schedule. All numbers are measured here, now; the same settings give "
        "the same curve. "
        "Training takes turns with everybody else in slices of some 40 ms and waits while a speed is being measured."
    )


def _controls() -> None:
    options = {s: f"{style.SCHEMES[s].glyph} {style.SCHEMES[s].label}" for s in SCHEMES}
    scheme = address.pills("Scheme", options, key="live", default="xnor")
    binary_inputs = LiveSettings(scheme=scheme).uses_estimator
    address.take("live_estimator", INPUT_ESTIMATORS, "clipped")
    address.take_number("live_range", 0.1, WIDEST_RANGE, 1.0)
    address.take("rate", RATES, "0.02")
    address.take_number("seed", *SEEDS, 0, typed=True)
    first, second = st.columns(2)  # wide enough for the longest name of an estimator
    estimator = first.selectbox(
        "Estimator",
        INPUT_ESTIMATORS,
        key="live_estimator",
        persist_state="session",
        format_func=lambda e: ESTIMATORS[e].title,
        disabled=not binary_inputs,
        help=None if binary_inputs else "This scheme keeps its inputs real: there is no sign to pass through.",
    )
    second.slider(
        "Clip range t",
        0.1,
        WIDEST_RANGE,
        step=0.1,
        key="live_range",
        persist_state="session",
        disabled=not (binary_inputs and ESTIMATORS[estimator].ranged),
    )
    rate_place, seed_place = layout.pairs(2)
    rate_place.select_slider("Learning rate", RATES, key="rate", persist_state="session")
    seed = number_field.draw(seed_place, "Seed", *SEEDS, key="seed")
    number_field.say([seed.problem] if seed.problem else [])
    left, middle, right = st.columns(3, gap="medium")
    with left:
        address.segments("Filters in the first layer", WIDTHS, key="width", default="16")
    with middle:
        address.segments("Pace", PACES_IN_WORDS, key="pace", default="full")
    with right:
        # Not beside the charts that it changes: those are drawn anew each second, and a click there could be lost.
        address.segments("Layer on show", {name: name for name in LAYERS}, key="live_layer", default="conv2")


def _chosen_settings() -> LiveSettings | None:
    """What the controls say now, None where it cannot be trained; from the session: the buttons' callbacks ask, too."""
    state = st.session_state
    if number_field.problem("Seed", state["seed"], *SEEDS):
        return None
    return LiveSettings(
        scheme=state["live"],
        estimator=state["live_estimator"],
        clip_range=state["live_range"],
        rate=float(state["rate"]),
        width=int(state["width"]),
        seed=int(state["seed"]),
    ).effective()


def _current_run(settings: LiveSettings | None) -> LiveRun | None:
    """The run on show, at the chosen pace; one that has not begun follows `settings`, if these can be trained."""
    run = st.session_state.get(RUN)
    if settings is not None and (run is None or (run.state == "ready" and run.settings != settings)):
        with st.spinner("Drawing digits, once…"):
            run = st.session_state[RUN] = LiveRun(settings)
    if run is None:
        return None
    run.steps_per_second = PACES[st.session_state["pace"]]
    return run


def _start() -> None:
    """Train with what the controls say now: go on with the run on show, or begin another; one that trains goes on."""
    settings, run = _chosen_settings(), st.session_state.get(RUN)
    if settings is None:
        return
    if run is None or run.settings != settings or run.state in ("done", "failed"):
        if run is not None and run.settings != settings:
            _keep_curves(run)
        run = st.session_state[RUN] = LiveRun(settings, PACES[st.session_state["pace"]])
    if not run.running:
        run.start()


def _reset() -> None:
    run = st.session_state.pop(RUN, None)  # gone where a button is pressed twice before the page is there again
    if run is not None:
        run.stop()
    st.session_state[EARLIER_RUNS] = []


def _keep_curves(run: LiveRun) -> None:
    """Stop `run` and keep its curves as an earlier one's; those of an older run of the same settings are replaced."""
    run.stop()
    curves = run.watch().curves
    if curves.step:
        earlier = [old for old in st.session_state.get(EARLIER_RUNS, []) if old[0] != run.settings]
        st.session_state[EARLIER_RUNS] = [*earlier, (run.settings, curves)][-MOST_EARLIER_RUNS:]


def _buttons(run: LiveRun, *, changed: bool, startable: bool) -> None:
    label = "Resume" if run.state in ("stopped", "left", "late") and not changed else "Start"
    with st.container(horizontal=True, gap="small"):
        # Enabled even where it has nothing to do: a seed that is being typed would enable it too late for the click
        # that follows.
        st.button(
            label, type="primary", icon=":material/play_arrow:", key="start", on_click=_start, disabled=not startable
        )
        st.button("Stop", icon=":material/stop:", key="stop", on_click=run.stop, disabled=not run.running)
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            key="reset",
            on_click=_reset,
            help="Back to random weights; earlier runs are forgotten.",
        )


def _redraw_seconds(run: LiveRun) -> float | None:
    """Seconds between two drawings; more while a speed is measured, which drawing would disturb; None at rest."""
    if not run.running:
        return None
    return WAITING_REDRAW_SECONDS if run.waiting else REDRAW_SECONDS


def _draw(run: LiveRun, every: float | None, layer: str) -> None:
    """The run as it stands; called again after each `every` seconds while it trains."""
    snapshot = run.watch()
    if every != _redraw_seconds(run):
        st.rerun()
    live_charts.show_progress(run, snapshot)
    live_charts.show_latest(snapshot)
    live_charts.show_curves(run, snapshot, st.session_state.get(EARLIER_RUNS, []))
    live_charts.show_flips_and_weights(run, snapshot, layer)
    left, right = st.columns(2, gap="large")
    with left:
        live_charts.show_answers(snapshot)
    with right:
        live_charts.show_filters(snapshot)
