"""The live part of "How it learns": controls, and a picture of the run that is renewed while it trains."""

import html
from collections.abc import Iterable
from functools import cache

import address
import live_run
import numpy as np
import parts
import streamlit as st
from live_run import LiveRun, Snapshot

from xnorlab.binarize import ESTIMATORS
from xnorlab.figures import learning, pictures, style, units
from xnorlab.training.live import INPUT_ESTIMATORS, LAYERS, RECORD_STEPS, SCHEMES, STEPS, LiveSettings

RATES = ("0.001", "0.003", "0.01", "0.02", "0.05", "0.2")
WIDTHS = {"4": "4", "8": "8", "16": "16", "32": "32"}
PACES = {"slow": 5.0, "medium": 30.0, "full": float("inf")}
PACE_WORDS = {"slow": "5 steps a second", "medium": "30", "full": "as fast as it goes"}
HISTOGRAM_BINS = 40
MOST_EARLIER = 6
REDRAW_SECONDS = 0.7

RUN, EARLIER = "live: run", "live: earlier runs"

ENDINGS = {
    "ready": "Not trained yet: the weights are random, the answers guesses. Press Start.",
    "stopped": "Stopped. Resume continues exactly where it stands.",
    "left": "Stopped, because the page was left or hidden. Resume continues exactly where it stands.",
    "late": f"Stopped after {live_run.LONGEST_SECONDS:.0f} seconds. Resume continues exactly where it stands.",
    "done": f"Done: {STEPS} steps, the learning rate has come down to 0.",
}

_CSS = """
<style>
.xl-digits, .xl-filters { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fill, minmax(64px, 1fr)); }
.xl-filters { grid-template-columns: repeat(auto-fill, minmax(52px, 1fr)); }
.xl-digits figure, .xl-filters figure { margin: 0; }
.xl-digits figure { border: 1.5px solid transparent; border-radius: 6px; padding: 3px; text-align: center; }
.xl-digits figure.xl-wrong { border: 1.5px dashed currentColor; }
.xl-digits img, .xl-filters img { width: 100%; image-rendering: pixelated; border-radius: 4px; display: block; }
.xl-digits figcaption { font-size: .84rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
</style>
"""


def show() -> None:
    """Controls, buttons, and the run; the address holds the settings."""
    st.html(_CSS)
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
            st.info("Settings changed: **Start** trains with them; what is on show stays as a faint line.",
                    icon=":material/sync_problem:")  # fmt: skip
    address.take("live_layer", LAYERS, "conv2")
    refresh = REDRAW_SECONDS if run.running else None
    st.fragment(_news, run_every=refresh)(run, redrawn=run.running)
    st.caption(
        f"Data: digits drawn here with the font that Pillow carries inside, {live_run.DIGITS.test_count} others for "
        "testing; shifted, turned, sheared and noisy, but printed: no handwriting, no photographs. 64 pictures a "
        "step, Adam, cosine schedule. All numbers are measured here, now; the same settings give the same curve. "
        "Training takes turns with everybody else in slices of some 40 ms and waits while a speed is being measured."
    )


def _controls() -> None:
    options = {s: f"{style.SCHEMES[s].glyph} {style.SCHEMES[s].label}" for s in SCHEMES}
    scheme = address.pills("Scheme", options, key="live", default="xnor")
    uses = LiveSettings(scheme=scheme).uses_estimator
    address.take("live_estimator", INPUT_ESTIMATORS, "clipped")
    address.take_number("live_range", 0.1, 4.0, 1.0)
    address.take("rate", RATES, "0.02")
    address.take_number("seed", 0, 999, 0)
    first, second, third, fourth = st.columns(4, gap="medium")
    estimator = first.selectbox(
        "Gradient of the inputs' sign", INPUT_ESTIMATORS, key="live_estimator", persist_state="session",
        format_func=lambda e: ESTIMATORS[e].title, disabled=not uses,
        help=None if uses else "This scheme keeps its inputs real: there is no sign to pass through.",
    )  # fmt: skip
    ranged = uses and ESTIMATORS[estimator].ranged
    second.slider("Clip range t", 0.1, 4.0, step=0.1, key="live_range", persist_state="session", disabled=not ranged)
    third.select_slider("Learning rate, at the start", RATES, key="rate", persist_state="session")
    fourth.number_input("Seed", 0, 999, key="seed", persist_state="session")
    left, right = st.columns(2, gap="medium")
    with left:
        address.segments("Filters in the first layer", WIDTHS, key="width", default="16")
    with right:
        address.segments("Pace", PACE_WORDS, key="pace", default="full")


def _chosen() -> LiveSettings:
    """What the controls say now; published, and read by the buttons' callbacks, too."""
    state = st.session_state
    values = {key: state[key] for key in ("live", "live_estimator", "live_range", "rate", "width", "seed", "pace")}
    address.publish(**values)
    return LiveSettings(
        scheme=values["live"], estimator=values["live_estimator"], clip_range=values["live_range"],
        rate=float(values["rate"]), width=int(values["width"]), seed=values["seed"],
    ).effective()  # fmt: skip


def _current(settings: LiveSettings) -> LiveRun:
    """The run on show; one that has not begun follows the settings."""
    run = st.session_state.get(RUN)
    if run is None or (run.state == "ready" and run.settings != settings):
        with st.spinner("Drawing digits, once…"):
            run = st.session_state[RUN] = LiveRun(settings)
    run.steps_per_second = PACES[st.session_state["pace"]]
    return run


def _start() -> None:
    settings, run = _chosen(), st.session_state[RUN]
    if run.settings != settings:
        _put_away(run)
        run = st.session_state[RUN] = LiveRun(settings, PACES[st.session_state["pace"]])
    run.start()


def _reset() -> None:
    st.session_state.pop(RUN).stop()
    st.session_state[EARLIER] = []


def _put_away(run: LiveRun) -> None:
    """Keep the run's curves as an earlier one; an older run of the same settings is replaced."""
    run.stop()
    if run.watch().curves.step:
        earlier = [old for old in st.session_state.get(EARLIER, []) if old[0] != run.settings]
        st.session_state[EARLIER] = [*earlier, (run.settings, run.watch().curves)][-MOST_EARLIER:]


def _buttons(run: LiveRun, *, changed: bool) -> None:
    label = "Resume" if run.state in ("stopped", "left", "late") and not changed else "Start"
    useless = not changed and run.state in ("running", "done", "failed")
    with st.container(horizontal=True, gap="small"):
        st.button(label, type="primary", icon=":material/play_arrow:", key="start", on_click=_start, disabled=useless)
        st.button("Stop", icon=":material/stop:", key="stop", on_click=run.stop, disabled=not run.running)
        st.button("Reset", icon=":material/restart_alt:", key="reset", on_click=_reset,
                  help="Back to random weights; earlier runs are forgotten.")  # fmt: skip


def _news(run: LiveRun, *, redrawn: bool) -> None:
    """The run as it stands; called again and again while it trains."""
    snapshot = run.watch()
    if redrawn and not run.running:
        st.rerun()
    _progress(run, snapshot)
    look, curves, earlier = style.SCHEMES[run.settings.scheme], snapshot.curves, st.session_state.get(EARLIER, [])
    _figures(snapshot)
    left, right = st.columns(2, gap="large")
    for place, of, name, key in ((left, "accuracy", "top1", "live-accuracy"), (right, "loss", "loss", "live-loss")):
        runs = [_as_run(settings, old, name, faint=True) for settings, old in earlier if settings != run.settings]
        runs.append(_as_run(run.settings, curves, name, faint=False))
        with place:
            st.markdown(f"**{of.capitalize()}**: solid on the training pictures, dotted on the test pictures")
            parts.chart(
                learning.training_curves(runs, of=of, along="step", end=STEPS, dark=parts.dark()),
                alt=f"{of.capitalize()} of {look.label} over {snapshot.step} steps of training, "
                f"and of {len(runs) - 1} earlier runs.",
                table={
                    "step": curves.step,
                    f"training {of}": _three_digits(getattr(curves, f"train_{name}")),
                    f"test {of}": _three_digits(getattr(curves, f"test_{name}")),
                },
                key=key,
            )
    _weights(run, snapshot)
    _pictures(run, snapshot)


def _progress(run: LiveRun, snapshot: Snapshot) -> None:
    if run.state == "failed":
        st.error(f"Training ended: {parts.plain(run.problem)}. Reset begins anew.", icon=":material/report:")
        return
    text = "Training…" if run.running else ENDINGS[run.state]
    if run.waiting:
        text = "Waiting: a speed is being measured on this machine."
    st.progress(snapshot.step / STEPS, text)


def _figures(snapshot: Snapshot) -> None:
    curves, flips = snapshot.curves, snapshot.curves.flips
    step, train, test, flipped = parts.pairs(4)
    step.metric("step", f"{snapshot.step} of {STEPS}")
    train.metric("training accuracy", units.percent(curves.train_top1[-1]) if curves.step else "–")
    test.metric("test accuracy", units.percent(curves.test_top1[-1]) if curves.step else "–")
    latest = [shares[-1] for shares in flips.values()] if curves.step else []
    flipped.metric(
        f"signs flipped in {RECORD_STEPS} steps", units.percent(float(np.mean(latest))) if latest else "–",
        help="Mean over the three layers, between the last two records.",
    )  # fmt: skip


def _as_run(settings: LiveSettings, curves, name: str, *, faint: bool) -> learning.Run:
    test = getattr(curves, f"test_{name}")
    return learning.Run(
        settings.scheme, _label(settings), curves.step, getattr(curves, f"train_{name}"), curves.step, test,
        faint=faint,
    )  # fmt: skip


def _label(settings: LiveSettings) -> str:
    """The scheme, and what differs from the usual settings."""
    usual = LiveSettings(scheme=settings.scheme, rate=0.02)
    words = {
        "estimator": settings.estimator, "clip_range": f"t = {settings.clip_range:g}",
        "rate": f"rate {settings.rate:g}",
        "width": f"{settings.width} filters", "seed": f"seed {settings.seed}",
    }  # fmt: skip
    differing = [text for name, text in words.items() if getattr(settings, name) != getattr(usual, name)]
    return ", ".join([style.SCHEMES[settings.scheme].short, *differing])


def _three_digits(values: Iterable[float]) -> list[str]:
    return [units.significant(value) for value in values]


def _weights(run: LiveRun, snapshot: Snapshot) -> None:
    layer = st.segmented_control("Layer", LAYERS, key="live_layer", required=True, persist_state="session")
    layer = "conv2" if layer is None else layer
    address.publish(live_layer=layer)
    left, right = st.columns(2, gap="large")
    curves, scheme, scale = snapshot.curves, run.settings.scheme, snapshot.scales[layer]
    with left:
        real = "" if scale is not None else " (real here: the signs do nothing)"
        st.markdown(f"**Signs that flipped** in each {RECORD_STEPS} steps{real}")
        parts.chart(
            learning.sign_flips(
                curves.step, curves.flips, scheme=scheme, chosen=layer, along="step", end=STEPS, dark=parts.dark()
            ),
            alt=f"Share of the signs of three layers that flipped in each {RECORD_STEPS} steps, {layer} emphasised.",
            table={"step": curves.step}
            | {f"{name}, %": _three_digits([100 * v for v in shares]) for name, shares in curves.flips.items()},
            key="live-flips",
        )
    with right:
        st.markdown(f"**Latent weights** of {layer}: real numbers that training moves, read by their signs")
        weights = snapshot.weights[layer]
        limit = float(np.abs(weights).max()) or 1.0
        counts, edges = np.histogram(weights, bins=HISTOGRAM_BINS, range=(-limit, limit))
        parts.chart(
            learning.latent_weights(edges, counts, scheme=scheme, scale=scale, dark=parts.dark()),
            alt=f"Histogram of the {weights.size:,} latent weights of {layer}, "
            f"{units.percent(float((weights >= 0).mean()))} of them positive.",
            table={"from": _three_digits(edges[:-1]), "to": _three_digits(edges[1:]), "weights": counts.tolist()},
            key="live-weights",
        )


@cache
def _digit(index: int) -> str:
    return parts.png(np.repeat(live_run.DIGITS.test[0][index][..., None], 3, axis=-1))


def _pictures(run: LiveRun, snapshot: Snapshot) -> None:
    left, right = st.columns(2, gap="large")
    digits = live_run.DIGITS.test[1][: len(snapshot.answers)]
    answers, shares = snapshot.answers.argmax(1), snapshot.answers.max(1)
    with left:
        st.markdown("**Test pictures**, and what the network answers; the wrong ones are outlined")
        cells = "".join(
            f"<figure{'' if answer == digit else ' class=xl-wrong'}>"
            f"<img src='{_digit(index)}' alt='A {digit}, answered {answer}'>"
            f"<figcaption><b>{answer}</b>{'' if answer == digit else f' ≠ {digit}'} · "
            f"{html.escape(f'{100 * share:.0f} %')}</figcaption></figure>"
            for index, (digit, answer, share) in enumerate(zip(digits, answers, shares, strict=True))
        )
        st.html(f"<div class='xl-digits'>{cells}</div>")
        parts.numbers(
            {"digit": digits.tolist(), "answer": answers.tolist(), "probability": [units.percent(s) for s in shares]},
            key="live-answers",
        )
    with right:
        filters = snapshot.weights["conv1"][:, 0]
        binary = snapshot.scales["conv1"] is not None
        shown = np.where(filters >= 0, 1.0, -1.0) if binary else filters
        what = "their signs, −1 blue and +1 orange" if binary else "real weights, blue below zero, orange above"
        st.markdown(f"**The first layer's filters**, 5 × 5: {what}")
        drawn = [parts.png(pictures.signed_picture(f, dark=parts.dark())) for f in shown]
        images = "".join(f"<figure><img src='{png}' alt='Filter {index}'></figure>" for index, png in enumerate(drawn))
        st.html(f"<div class='xl-filters'>{images}</div>")
        parts.numbers(
            {"filter": list(range(len(filters))), "positive of 25": (filters >= 0).sum((1, 2)).tolist(),
             "mean|W|": _three_digits(np.abs(filters).mean((1, 2)).tolist())},
            key="live-filters",
        )  # fmt: skip
