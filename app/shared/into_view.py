"""What a click has brought forth is scrolled into view, where it stands beyond the window's edge."""

from streamlit.components import v2 as components

_JS = """
const brought = (window.xnorlabBrought ??= new Map()); // key → how often
export default function ({ data }) {
    const before = brought.get(data.key) ?? 0;
    brought.set(data.key, data.times);
    if (data.times <= before) return;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    requestAnimationFrame(() => {
        const element = document.querySelector(`.st-key-${data.key}`);
        element?.scrollIntoView({ block: 'nearest', behavior: still ? 'auto' : 'smooth' });
    });
}
"""
_BRINGER = components.component("xnorlab_into_view", js=_JS)


def bring(key: str, times: int) -> None:
    """Scroll the container `key` into view where `times` has grown since the last call.

    Args:
        key: Of the container, which is drawn before this call.
        times: How often this visitor has asked for it.
    """
    _BRINGER(key=f"into-view-{key}", data={"key": key, "times": times}, height="content")
