"""The pictures of a live run: its progress, curves, flips, weights and answers, drawn anew while it trains."""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import streamlit as st
from shared import charts, image_address, layout, markup, theme

from views.how_it_learns import live_run
from views.how_it_learns.live_run import LiveRun, Snapshot
from xnorlab import units
from xnorlab.figures import learning, pictures, style
from xnorlab.training.live_training import RECORD_STEPS, STEPS, Curves, LiveSettings

HISTOGRAM_BINS = 40
NO_RECORD = ["–"]  # what a table holds before the first one

PROGRESS_TEXTS = {
    "ready": "Not trained yet: the weights are random, the answers guesses. Press Start.",
    "running": "Training…",
    "stopped": "Stopped. Resume continues exactly where it stands.",
    "left": "Stopped, because the page was left or hidden. Resume continues exactly where it stands.",
    "late": f"Stopped after {live_run.LONGEST_SECONDS:.0f} seconds. Resume continues exactly where it stands.",
    "done": f"Done: {STEPS} steps, the learning rate has come down to 0.",
}
"""State of a run → what stands beside its progress bar; a run that failed has an error instead."""


def show_progress(run: LiveRun, snapshot: Snapshot) -> None:
    """How far the run is, or why it ended."""
    state = run.state  # once: the run's thread may change it meanwhile
    if state == "failed":
        st.error(f"Training ended: {markup.plain(run.problem)}. Reset begins anew.", icon=":material/report:")
        return
    text = PROGRESS_TEXTS[state]
    if run.waiting:
        text = "Waiting for its turn: a speed is being measured on this machine, or others train."
    st.progress(snapshot.step / STEPS, text)


def show_latest(snapshot: Snapshot) -> None:
    """The latest record in four numbers."""
    curves = snapshot.curves
    step, train, test, flipped = layout.pairs(4)
    step.metric("step", f"{snapshot.step} of {STEPS}")
    train.metric("training accuracy", units.percent(curves.train_top1[-1]) if curves.step else "–")
    test.metric("test accuracy", units.percent(curves.test_top1[-1]) if curves.step else "–")
    latest = [shares[-1] for shares in curves.flips.values()] if curves.step else []
    flipped.metric(
        f"signs flipped in {RECORD_STEPS} steps",
        units.percent(float(np.mean(latest))) if latest else "–",
        help="Mean over the three layers, between the last two records.",
    )


def show_curves(run: LiveRun, snapshot: Snapshot, earlier: Sequence[tuple[LiveSettings, Curves]]) -> None:
    """Accuracy and loss of this run, over those of earlier ones."""
    scheme, curves = style.SCHEMES[run.settings.scheme].label, snapshot.curves
    left, right = st.columns(2, gap="large")
    for place, quantity, field in ((left, "accuracy", "top1"), (right, "loss", "loss")):
        lines = [_line(settings, old, field, faint=True) for settings, old in earlier if settings != run.settings]
        lines.append(_line(run.settings, curves, field, faint=False))
        with place:
            st.markdown(f"**{quantity.capitalize()}**, solid: training pictures, dotted: test pictures")
            charts.show(
                learning.training_curves(lines, of=quantity, along="step", end=STEPS, dark=theme.dark()),
                alt=f"{quantity.capitalize()} of {scheme} over {snapshot.step} steps of training, "
                f"and of {len(lines) - 1} earlier runs.",
                table={
                    "step": curves.step or NO_RECORD,
                    f"training {quantity}": _three_digits(getattr(curves, f"train_{field}")),
                    f"test {quantity}": _three_digits(getattr(curves, f"test_{field}")),
                },
                key=f"live-{quantity}",
            )


def _line(settings: LiveSettings, curves: Curves, field: str, *, faint: bool) -> learning.Run:
    train, test = getattr(curves, f"train_{field}"), getattr(curves, f"test_{field}")
    return learning.Run(settings.scheme, _label(settings), curves.step, train, curves.step, test, faint=faint)


def _label(settings: LiveSettings) -> str:
    """The scheme, and what differs from the usual settings."""
    usual = LiveSettings(scheme=settings.scheme)
    words = {
        "estimator": settings.estimator,
        "clip_range": f"t = {settings.clip_range:g}",
        "rate": f"rate {settings.rate:g}",
        "width": f"{settings.width} filters",
        "seed": f"seed {settings.seed}",
    }
    differing = [text for name, text in words.items() if getattr(settings, name) != getattr(usual, name)]
    return ", ".join([style.SCHEMES[settings.scheme].short, *differing])


def _three_digits(values: Iterable[float]) -> list[str]:
    return [units.significant(value) for value in values] or NO_RECORD


def show_flips_and_weights(run: LiveRun, snapshot: Snapshot, layer: str) -> None:
    """Flips of all layers, latent weights of `layer`."""
    left, right = st.columns(2, gap="large")
    curves, scheme, scale = snapshot.curves, run.settings.scheme, snapshot.scales[layer]
    with left:
        real = "" if scale is not None else " (real here: the signs do nothing)"
        st.markdown(f"**Signs that flipped** in each {RECORD_STEPS} steps{real}")
        charts.show(
            learning.sign_flips(
                curves.step, curves.flips, scheme=scheme, chosen=layer, along="step", end=STEPS, dark=theme.dark()
            ),
            alt=f"Share of the signs of three layers that flipped in each {RECORD_STEPS} steps, {layer} emphasised.",
            table={"step": curves.step or NO_RECORD}
            | {f"{name}, %": _three_digits([100 * v for v in shares]) for name, shares in curves.flips.items()},
            key="live-flips",
        )
    with right:
        st.markdown(f"**Latent weights** of {layer}: what training moves")
        weights = snapshot.weights[layer]
        limit = float(np.abs(weights).max()) or 1.0
        counts, edges = np.histogram(weights, bins=HISTOGRAM_BINS, range=(-limit, limit))
        charts.show(
            learning.latent_weights(edges, counts, scheme=scheme, scale=scale, dark=theme.dark()),
            alt=f"Histogram of the {weights.size:,} latent weights of {layer}, "
            f"{units.percent(float((weights >= 0).mean()))} of them positive.",
            table={"from": _three_digits(edges[:-1]), "to": _three_digits(edges[1:]), "weights": counts.tolist()},
            key="live-weights",
        )


def show_answers(snapshot: Snapshot) -> None:
    """Test pictures with the network's answers."""
    digits = live_run.DIGITS.test[1][: len(snapshot.probabilities)]
    answers, shares = snapshot.probabilities.argmax(1), snapshot.probabilities.max(1)
    st.markdown("**Test pictures** with answers, wrong ones outlined")
    cells = "".join(
        f"<figure{'' if answer == digit else ' class=xl-wrong'}>"
        f"<img src='{_test_picture(index)}' alt='A {digit}, answered {answer}'>"
        f"<figcaption><b>{answer}</b>{'' if answer == digit else f' ≠ {digit}'}<br>{share:.0%}</figcaption>"
        "</figure>"
        for index, (digit, answer, share) in enumerate(zip(digits, answers, shares, strict=True))
    )
    st.html(f"<div class='xl-digits'>{cells}</div>")
    charts.numbers(
        {"digit": digits.tolist(), "answer": answers.tolist(), "probability": [units.percent(s) for s in shares]},
        key="live-answers",
    )


@cache
def _test_picture(index: int) -> str:
    return image_address.png(np.repeat(live_run.DIGITS.test[0][index][..., None], 3, axis=-1))


def show_filters(snapshot: Snapshot) -> None:
    """The filters of the first layer: their signs where it is binary, else their real weights."""
    filters = snapshot.weights["conv1"][:, 0]
    binary = snapshot.scales["conv1"] is not None
    what = "their signs, −1 blue and +1 orange" if binary else "real weights, blue below zero, orange above"
    st.markdown(f"**The first layer's filters**, 5 × 5: {what}")
    shown = np.where(filters >= 0, 1.0, -1.0) if binary else filters
    drawn = [image_address.png(pictures.signed_picture(weights, dark=theme.dark())) for weights in shown]
    images = "".join(f"<figure><img src='{png}' alt='Filter {index}'></figure>" for index, png in enumerate(drawn))
    st.html(f"<div class='xl-filters'>{images}</div>")
    charts.numbers(
        {
            "filter": list(range(len(filters))),
            "positive of 25": (filters >= 0).sum((1, 2)).tolist(),
            "mean|W|": _three_digits(np.abs(filters).mean((1, 2)).tolist()),
        },
        key="live-filters",
    )
