"""The browser's history and address: one entry per page, whose address is that of the page's present state.

Streamlit adds a history entry for each parameter that a script writes, and gives it the path of whatever page the
browser is on by then. So a page only notes what it wants in the address, and `write` passes it on once, after the page
has run: a small component drops entries of the same path, and writes the address if the page is still on show.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.components import v2 as components
from streamlit.runtime.scriptrunner import get_script_run_ctx

_VISIT = "address: the visit"
_WRITTEN = "address: by page, what was last written"
_GUARDED = "address: the browser has the guard"
_MOST_KNOWN = 256  # more than the slowest browser has not heard of yet

_writer = components.component("xnorlab_address", js=Path(__file__).with_suffix(".js").read_text("utf-8"))


@dataclass
class Visit:
    """A stay of the visitor on a page.

    Attributes:
        path: The page's, as in the address.
        known: Addresses that the page has had since the visitor came, the latest last.
        news: What the address asks for and no control has taken yet.
        restored: Whether the visitor came by Back or Forward, so that what the address does not name has its default.
        wanted: What this run has published.
        drawn: By key of a control, its options, of all that the last complete run drew.
        drawing: Those that this run has drawn so far.
        parts: How often a part of the page ran alone and told the browser.
    """

    path: str
    known: list[dict[str, str]] = field(default_factory=list)
    news: dict[str, str] = field(default_factory=dict)
    restored: bool = False
    wanted: dict[str, str] = field(default_factory=dict)
    drawn: dict[str, Any] = field(default_factory=dict)
    drawing: dict[str, Any] = field(default_factory=dict)
    parts: int = 0


def visit() -> Visit:
    """The visit that this run belongs to; of no page, where a page is run by itself."""
    return st.session_state.setdefault(_VISIT, Visit(""))


def begin(path: str) -> None:
    """Find out what the address asks for; to be called once per run, before the page at `path`.

    A browser may send an address that the page has replaced since, since it has not heard of the new one yet, or that
    of the page before. Neither is news. A visitor who goes back in the history does mean an old address.
    """
    context = get_script_run_ctx()
    address = st.query_params.to_dict()
    restored = context is not None and context.is_history_navigation
    if restored or visit().path != path:
        st.session_state[_VISIT] = Visit(path, restored=restored)
    now = visit()
    others = [written for page, written in _written().items() if page != path]
    if restored or (address not in now.known and address not in others):
        now.news = dict(address)
    _remember(now, address)
    now.wanted, now.drawing = {}, {}


def write() -> None:
    """Make what the page has published its address; to be called once per run, after the page."""
    now = visit()
    _send(now, "address")
    # Streamlit's own part of the browser has to know the parameters, too. It would add an entry for them, so that in
    # the first run of all, where the guard is only on its way, it is not told.
    if st.session_state.get(_GUARDED) and st.query_params.to_dict() != now.wanted:
        st.query_params.from_dict(now.wanted)
    st.session_state[_GUARDED] = True
    _written()[now.path] = now.wanted
    _remember(now, now.wanted)
    now.news, now.restored, now.drawn = {}, False, now.drawing


@contextmanager
def part() -> Iterator[None]:
    """A part of a page that can run alone, as a fragment: then it is this part that passes the address on at its end.

    What the rest of the page published stays in the address.
    """
    context = get_script_run_ctx()
    alone = context is not None and bool(context.fragment_ids_this_run)
    now = visit()
    if alone:
        now.wanted = dict(now.wanted)  # the former one is remembered as it was
    yield
    if alone:
        now.parts += 1
        _send(now, "address-part")
        if st.query_params.to_dict() != now.wanted:
            st.query_params.from_dict(now.wanted)
        _written()[now.path] = now.wanted
        _remember(now, now.wanted)


def _send(now: Visit, key: str) -> None:
    """Tell the browser what the page wants in the address, also where `key` said so before the last part ran alone."""
    data = {"path": now.path, "query": urlencode(now.wanted), "parts": now.parts}
    _writer(key=key, data=data, height="content")


def _written() -> dict[str, dict[str, str]]:
    return st.session_state.setdefault(_WRITTEN, {})


def _remember(now: Visit, address: dict[str, str]) -> None:
    if address not in now.known:
        now.known.append(address)
        del now.known[:-_MOST_KNOWN]
