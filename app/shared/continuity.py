"""What would be lost between two runs: the focus when its element goes or is disabled, and the charts of a live run."""

from pathlib import Path

from streamlit.components import v2 as components

_keeper = components.component("xnorlab_continuity", js=Path(__file__).with_suffix(".js").read_text("utf-8"))


def keep() -> None:
    """Keep the focus and live charts; to be called once per run. It takes no space on the page."""
    _keeper(key="continuity", height="content")
