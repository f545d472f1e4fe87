"""The first part of "How it learns": the sign, and the slope that an estimator gives it in the backward pass."""

import streamlit as st
import torch
from shared import address, charts, markup, theme

from xnorlab import units
from xnorlab.binarize import ESTIMATORS, forward_and_gradient, integral_from_zero
from xnorlab.figures import straight_through
from xnorlab.training.live_training import INPUT_ESTIMATORS

WIDEST_RANGE = 3.0
POINTS_PER_UNIT = 500  # fine enough for three digits of the area


def show() -> None:
    """Choose an estimator and a range; see both passes as autograd runs them."""
    controls, picture = st.columns([4, 8], gap="large")
    with controls:
        chosen = address.pills(
            "Estimator", {name: e.title for name, e in ESTIMATORS.items()}, key="estimator", default="clipped"
        )
        estimator = ESTIMATORS[chosen]
        address.take_number("range", 0.1, WIDEST_RANGE, 1.0)
        clip_range = st.slider(
            "Clip range t",
            0.1,
            WIDEST_RANGE,
            step=0.1,
            key="range",
            persist_state="session",
            disabled=not estimator.ranged,
            help="x is divided by t before the estimator sees it: no sign changes, the slope gets wider and flatter.",
        )
        address.publish(estimator=chosen, range=clip_range if estimator.ranged else None)
        st.markdown(f"∂sign/∂x := {markup.plain(estimator.slope)}")
        st.caption(
            f"{estimator.source}. Both curves are computed here by running the library's estimator and autograd."
        )

    n = int((WIDEST_RANGE + 0.5) * POINTS_PER_UNIT)
    x = torch.arange(-n, n + 1, dtype=torch.float64) / POINTS_PER_UNIT
    forward, slope = forward_and_gradient(lambda values: estimator(values, clip_range), x)
    smooth = integral_from_zero(x, slope)
    learning_share = (slope > 0).double().mean().item()
    in_table = slice(None, None, POINTS_PER_UNIT // 10)
    with controls:
        first, second = st.columns(2, wrap=False)
        first.metric("steepest slope", units.significant(slope.max().item()))
        second.metric(
            "area under it",
            units.significant(torch.trapezoid(slope, x).item()) if estimator.ranged else "∞",
            help="The sign jumps by 2, from −1 to +1: a slope of area 2 rises by just as much.",
        )
        st.markdown(_explanation(estimator.ranged, clip_range))
        if chosen in INPUT_ESTIMATORS:
            st.button("Train with it", icon=":material/model_training:", key="train-with-it", on_click=_train_with)
    with picture:
        charts.show(
            straight_through.estimator_curves(
                x.numpy(),
                forward.numpy(),
                smooth.numpy(),
                slope.numpy(),
                clip_range=clip_range if estimator.ranged else None,
                scattered=chosen == "stochastic",
                dark=theme.dark(),
            ),
            alt=f"Two curves over x. Forward: the sign, −1 or +1. Backward: the slope of the {estimator.title} "
            f"estimator, {estimator.slope}; it is above zero on {units.percent(learning_share)} of the axis on show.",
            table={
                "x": x[in_table].tolist(),
                "forward": forward[in_table].tolist(),
                "slope used backward": [units.significant(v) for v in slope[in_table].tolist()],
            },
            key="estimator-curves",
        )


def _train_with() -> None:
    """Go to live training with the estimator and the range of the controls, under a scheme with binary inputs."""
    state = st.session_state
    scheme = state.get("live")
    state["part"], state["live_estimator"], state["live_range"] = "live", state["estimator"], state["range"]
    state["live"] = scheme if scheme in ("bnn", "xnor") else "xnor"


def _explanation(ranged: bool, clip_range: float) -> str:
    """What the range of the slope means for training."""
    if not ranged:
        return (
            "**No range:** every value learns, however far from 0 it lies, though no small step could change its sign. "
            "The backward pass takes the sign for a straight line, which it resembles nowhere but around 0."
        )
    return (
        f"**Beyond ±{clip_range:g} nothing passes back:** a value there keeps its sign whatever a small step does, so "
        "it is left alone. A narrow range resembles the sign better, but few values learn; a wide one lets all learn "
        "from a slope that is wrong almost everywhere."
    )
