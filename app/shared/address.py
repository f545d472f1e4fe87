"""Addresses that reopen a page as it was: query parameters become widget state, and a value without sense gives a note.

A page calls `take(...)` before a widget with the same key, draws the widget with persist_state="session", then calls
`publish(...)`, and at its end `show_notes(...)`. The address holds plain keys, not the labels that a widget shows, so
that it outlives a change of words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from xnorlab.printable import one_line

_SENT = "address: the page, and every address it has had since the visitor opened it, the latest last"
_MOST_SENT = 256  # more than the slowest browser has not heard of yet
_SEEN = "address: the values last taken or published"
_NOTES = "address: notes of this run"


def take(key: str, options: Sequence[str], default: str) -> None:
    """Put the address's value of `key` into the widget state.

    Args:
        key: Of the widget and of the address.
        options: The values that make sense.
        default: What is chosen where neither address nor session holds a value; instead of any other value, with a
            note.
    """
    raw = _new_value(key)
    if raw is not None and raw not in options:
        _note(key, raw, f"one of {_listed(options)}", default)
        raw = default
    _settle(key, raw, default, valid=lambda value: value in options)


def take_many(key: str, options: Sequence[str], default: Sequence[str]) -> None:
    """Put the address's comma-separated list of `key` into the widget state; unknown members are left out with a note.

    Args:
        key: Of the widget and of the address.
        options: The members that make sense.
        default: What is chosen where neither address nor session holds a list.
    """
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
    """Put the address's number of `key` into the widget state.

    Args:
        key: Of the widget and of the address.
        low: The smallest number that makes sense.
        high: The largest.
        default: What is chosen where neither address nor session holds a number; instead of any other value, with a
            note. Only whole numbers make sense where it is an int.
    """
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
    """Put the address's comma-separated numbers of `key` into the state of the widgets `key`-0, `key`-1 and so on.

    Args:
        key: Of the address.
        count: How many numbers there are.
        low: The smallest number that makes sense.
        high: The largest.
        default: The numbers that are chosen where neither address nor session holds any; instead of any other value,
            with a note.
    """
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
    """Put the address's text of `key` into the session, where no widget has that key.

    Args:
        key: Of the session and of the address.
        default: The text where neither address nor session holds one; instead of an invalid text, with a note.
        valid: Whether a text makes sense.
        rule: What `valid` asks for, in words.
    """
    raw = _new_value(key)
    if raw is not None and not valid(raw):
        _note(key, raw, rule, default)
        raw = default
    _settle(key, raw, default, valid)


def pills(label: str, options: Mapping[str, str], *, key: str, default: str) -> str:
    """Draw `options` as pills, one of which is always chosen, and return its key.

    Args:
        label: What stands above them.
        options: Key in the address → words on the pill.
        key: Of the widget and of the address.
        default: The key that is chosen at first.
    """
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
    """Draw `options` as a bar of a few joined buttons, one of which is always chosen; arguments as of `pills`."""
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
    """Draw `options` as a menu that folds out; arguments as of `pills`."""
    take(key, list(options), default)
    return st.selectbox(
        label, list(options), key=key, persist_state="session", format_func=lambda option: options[option]
    )


def toggle(label: str, *, key: str, default: bool, **options: Any) -> bool:
    """Draw a switch, which is "on" or "off" in the address, and publish it.

    Args:
        label: What stands beside it.
        key: Of the widget and of the address.
        default: Whether it is on at first.
        options: Further arguments of `st.toggle`.
    """
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
    """Restore the page's own address where the browser sent one that the page has replaced since.

    A click that follows a typed number at once sends such an address: the run for the number has published the new
    one, but it had not reached the browser. Taken for a new address, it would put the old number back. A visitor who
    goes back in the browser's history does mean the old address.
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
    """Note the present address as one that the page has had."""
    _, sent = st.session_state.get(_SENT, ("", []))
    address = st.query_params.to_dict()
    if sent and address != sent[-1]:
        sent.append(address)
        del sent[:-_MOST_SENT]


def show_notes(place: DeltaGenerator) -> None:
    """Say in `place` which values of the address made no sense; to be called at the end of a page's script."""
    for note in st.session_state.pop(_NOTES, []):
        place.info(note, icon=":material/link_off:")


def _new_value(key: str) -> str | None:
    """The address's value of `key`; None without one, or where this session took or published that value itself."""
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
    """The beginning of `text`, fit to stand between backticks."""
    return one_line(text[:40]).replace("`", "")


def _listed(options: Sequence[str]) -> str:
    shown = ", ".join(options[:6])
    return shown if len(options) <= 6 else f"{shown}, …"
