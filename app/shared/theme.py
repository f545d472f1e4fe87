"""Charts that follow a change of theme: their colours are set in Python, so a change has to start a run."""

from streamlit.components import v2 as components

from shared import widgets

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


def follow() -> None:
    """Run the page again when the visitor's theme is not the one that its charts are drawn for; once a run, last.

    Last, so that it takes no room on a page that loads, and does not end a measurement that is under way.
    """
    _sensor(key="theme", data={"dark": widgets.dark()}, on_turned_change=lambda: None, height="content")
