"""Addresses that reopen a view: query parameters in, widget state out, and a note where a value makes no sense.

Use: `take(...)` before a widget with the same key, the widget with persist_state="session", then `publish(...)`,
at the end `show_notes(...)`.
Plain keys stand in the address, not the labels that a widget shows; so an address outlives a change of words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

_SENT = "address: the page, and all that its address was since the visitor came to it, the latest last"
_MOST_SENT = 256  # more than are on their way to the slowest browser
_SEEN = "address: what was last taken or published"
_NOTES = "address: notes of this run"


def take(key: str, options: Sequence[str], default: str) -> None:
    """Put the address's value of `key` into the widget state; fall back to `default` with a note."""
    raw = _new_value(key)
    if raw is not None and raw not in options:
        _note(key, raw, f"one of {_listed(options)}", default)
        raw = default
    _settle(key, raw, default, valid=lambda value: value in options)


def take_many(key: str, options: Sequence[str], default: Sequence[str]) -> None:
    """The same for a comma-separated list; unknown members are left out with a note."""
    raw = _new_value(key)
    chosen = None
    if raw is not None:
        members = [part for part in raw.split(",") if part]
        chosen = [part for part in members if part in options]
        if len(chosen) < len(members) or not chosen:
            chosen = chosen or list(default)
            _note(key, raw, f"a list of {_listed(options)}", ",".join(chosen))
    _settle(key, chosen, list(default), valid=lambda value: all(v in options for v in value))


def take_number(key: str, low: float, high: float, default: float) -> None:
    """The same for a number between `low` and `high`; whole where `default` is an int."""
    raw = _new_value(key)
    number = None
    if raw is not None:
        try:
            number = type(default)(raw)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            _note(key, raw, f"a number from {low:g} to {high:g}", f"{default:g}")
            number = default
    _settle(key, number, default, valid=lambda value: low <= value <= high)


def take_numbers(key: str, count: int, low: float, high: float, default: Sequence[float]) -> None:
    """The same for `count` comma-separated numbers; the widgets are `key`-0, `key`-1 and so on."""
    raw = _new_value(key)
    numbers = None
    if raw is not None:
        try:
            numbers = [float(part) for part in raw.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != count or not all(low <= n <= high for n in numbers):
            _note(key, raw, f"{count} numbers from {low:g} to {high:g}", ",".join(f"{d:g}" for d in default))
            numbers = list(default)
    for index in range(count):
        value = None if numbers is None else numbers[index]
        _settle(f"{key}-{index}", value, default[index], valid=lambda v: low <= v <= high)


def take_text(key: str, default: str, *, valid: Callable[[str], bool], rule: str) -> None:
    """The same for text that fulfils `valid`; `rule` says so in words. There is no widget of that key."""
    raw = _new_value(key)
    if raw is not None and not valid(raw):
        _note(key, raw, rule, default)
        raw = default
    _settle(key, raw, default, valid)


def pills(label: str, options: Mapping[str, str], *, key: str, default: str) -> str:
    """`take`, and pills of `options` (key in the address → words), one of which is always chosen."""
    take(key, list(options), default)
    chosen = st.pills(
        label,
        list(options),
        key=key,
        required=True,
        persist_state="session",
        wrap=True,
        format_func=lambda option: options[option],
    )
    return default if chosen is None else chosen


def segments(label: str, options: Mapping[str, str], *, key: str, default: str) -> str:
    """The same as a bar of a few joined buttons."""
    take(key, list(options), default)
    chosen = st.segmented_control(
        label,
        list(options),
        key=key,
        required=True,
        persist_state="session",
        format_func=lambda option: options[option],
    )
    return default if chosen is None else chosen


def menu(label: str, options: Mapping[str, str], *, key: str, default: str) -> str:
    """The same as a menu that folds out."""
    take(key, list(options), default)
    return st.selectbox(
        label, list(options), key=key, persist_state="session", format_func=lambda option: options[option]
    )


def toggle(label: str, *, key: str, default: bool, **options: Any) -> bool:
    """The same as a switch, which is "on" or "off" in the address; published here."""
    raw = _new_value(key)
    if raw not in (None, "on", "off"):
        _note(key, str(raw), "on or off", _switch(default))
        raw = _switch(default)
    _settle(key, None if raw is None else raw == "on", default, valid=lambda value: isinstance(value, bool))
    chosen = st.toggle(label, key=key, persist_state="session", **options)
    publish(**{key: _switch(chosen)})
    return chosen


def _switch(on: bool) -> str:
    return "on" if on else "off"


def publish(**values: str | float | Sequence[str] | None) -> None:
    """Write the page's present values into the address; None takes a key out of it."""
    _catch_up()
    seen = st.session_state.setdefault(_SEEN, {})
    for key, value in values.items():
        if value is None:
            st.query_params.pop(key, None)
        else:
            text = str(value) if isinstance(value, str | float | int) else ",".join(value)
            seen[key] = text
            if st.query_params.get(key) != text:
                st.query_params[key] = text
        _remember()


def _catch_up() -> None:
    """Where the browser sent an address that the page has replaced since, have the page's own again.

    That is what a click sends that follows a typed number at once: the run for the number has published it, but the
    browser had not heard of it. To take that address for a new one would put the old number back. A visitor who goes
    back to an address means it, though.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    page, sent = st.session_state.get(_SENT, ("", []))
    address = st.query_params.to_dict()
    if page != context.page_script_hash or address not in sent:
        st.session_state[_SENT] = context.page_script_hash, [address]
    elif address != sent[-1] and context.is_history_navigation:
        st.session_state[_SENT] = page, [address]
    elif address != sent[-1]:
        st.query_params.from_dict(sent[-1])


def _remember() -> None:
    """Keep what the address is now."""
    _, sent = st.session_state.get(_SENT, ("", []))
    address = st.query_params.to_dict()
    if sent and address != sent[-1]:
        sent.append(address)
        del sent[:-_MOST_SENT]


def show_notes(place: DeltaGenerator) -> None:
    """Say in `place` which values of the address made no sense; at the end of a page's script."""
    for note in st.session_state.pop(_NOTES, []):
        place.info(note, icon=":material/link_off:")


def _new_value(key: str) -> str | None:
    """The address's value of `key`, unless it is the one that this session wrote or took itself."""
    _catch_up()
    raw = st.query_params.get(key)
    seen = st.session_state.setdefault(_SEEN, {})
    if raw is None or seen.get(key) == raw:
        return None
    seen[key] = raw
    return raw


def _settle(key: str, value: Any, default: Any, valid: Callable[[Any], bool]) -> None:
    if value is None:
        kept = st.session_state.get(key)
        value = kept if kept is not None and valid(kept) else default
    # Written even where it is unchanged: a widget of the same key on another page would start empty.
    st.session_state[key] = value


def _note(key: str, raw: str, rule: str, used: str) -> None:
    text = f"The address asks for `{key}={_plain(raw)}`, which is not {rule}; showing `{_plain(used)}` instead."
    st.session_state.setdefault(_NOTES, []).append(text)


def _plain(text: str) -> str:
    return "".join(c for c in text[:40] if c.isprintable() and c != "`")


def _listed(options: Sequence[str]) -> str:
    shown = ", ".join(options[:6])
    return shown if len(options) <= 6 else f"{shown}, …"
