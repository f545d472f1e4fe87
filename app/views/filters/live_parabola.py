"""The error of α·sign(W) against α, drawn in the browser, where it follows the slider while that is dragged."""

from pathlib import Path

import streamlit as st
from shared import charts, theme
from streamlit.components import v2 as components

from xnorlab import units

HEIGHT_PX = 300

_HTML = """
<dl><div><dt>‖W − αB‖²</dt><dd class="error"></dd></div><div><dt>lost of ‖W‖²</dt><dd class="lost"></dd></div></dl>
<svg role="img"></svg>
"""
_HERE = Path(__file__)
_PICTURE = components.component(
    "xnorlab_live_parabola",
    html=_HTML,
    css=_HERE.with_suffix(".css").read_text("utf-8"),
    js=_HERE.with_suffix(".js").read_text("utf-8"),
)


def show(*, slider: str, alpha: float, top: float, n: int, norm: float, total: float) -> None:
    """Draw the parabola ‖W − αB‖² = norm − 2·α·total + n·α², its lowest point, the chosen α, and both as numbers.

    Args:
        slider: Key of the slider of α, which the picture follows.
        alpha: The chosen α.
        top: End of the axis of α.
        n: Number of weights.
        norm: ‖W‖².
        total: The sum of |W|.
    """
    with st.container(key="parabola"):
        _PICTURE(
            key="live-parabola",
            data={
                "slider": slider,
                "alpha": alpha,
                "top": top,
                "n": n,
                "norm": norm,
                "total": total,
                "height": HEIGHT_PX,
                "mark": theme.scheme_colour("bwn"),
            },
        )
    grid = [top * i / 20 for i in range(21)]
    charts.numbers(
        {
            "α": [units.significant(a) for a in grid],
            "‖W − αB‖²": [units.significant(norm - 2 * a * total + n * a * a) for a in grid],
        },
        key="parabola",
    )
