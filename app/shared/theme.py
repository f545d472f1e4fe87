"""The visitor's theme: the style sheet for both, and charts that follow a change.

The colours of charts are set in Python, so a change of theme has to start a run.
"""

from pathlib import Path

import streamlit as st
from streamlit.components import v2 as components

from xnorlab.figures import style

_STYLE_SHEET = f"<style>{Path(__file__).with_name('style.css').read_text('utf-8')}</style>"

# An invisible element whose colour depends on the theme; the browser reports when the colour starts to change. The
# theme that the charts were drawn for comes along: a browser may learn its theme only after the first run.
_CSS = """
i { position: absolute; color: light-dark(rgb(1, 1, 1), rgb(254, 254, 254)); transition: color 10ms; }
"""
_JS = """
let told = null;  // what the server was told and has not drawn yet: said once, never in a circle
export default function ({ data, parentElement, setTriggerValue }) {
    const sensor = parentElement.querySelector('i');
    const compare = () => {
        const dark = getComputedStyle(sensor.parentElement ?? parentElement.host).colorScheme === 'dark';
        if (dark === data.dark) told = null;
        else if (dark !== told) setTriggerValue('turned', told = dark);
    };
    sensor.ontransitionend = compare;
    compare();
}
"""
_sensor = components.component("xnorlab_theme", html="<i aria-hidden='true'></i>", css=_CSS, js=_JS)


def dark() -> bool:
    """Whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"


def scheme_colour(scheme: str) -> str:
    """The scheme's colour as CSS that follows a change of theme at once; charts follow at the next run."""
    look = style.look(scheme)
    return f"light-dark({look.light},{look.dark})"


def style_sheet() -> None:
    """Send the rules that Streamlit's own theme does not cover; to be called once per run.

    They take no space on the page, and may arrive late.
    """
    st.html(_STYLE_SHEET)


def follow() -> None:
    """Run the page again when the visitor's theme is not the one that its charts are drawn for.

    To be called once per run, and last: so it takes no space on a page that loads, and ends no measurement that is
    under way.
    """
    _sensor(key="theme", data={"dark": dark()}, on_turned_change=lambda: None, height="content")
