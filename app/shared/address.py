"""Addresses that reopen a page as it was: query parameters become widget state, and a value without sense gives a note.

A page calls `take(...)` before a widget with the same key, draws the widget with persist_state="session", then calls
`publish(...)`, and at its end `show_notes(...)`. The address holds plain keys, not the labels that a widget shows, so
that it outlives a change of words. How it gets into the browser is the business of `history`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from shared import history
from xnorlab.printable import one_line

_NOTES = "address: notes of this run"
_OFFERED = "address: by key, the members last offered"


class EndOfPage(Exception):
    """Raised by `end_page`; streamlit_app.py waits for it."""


def end_page() -> NoReturn:
    """End the page early. Behind `st.stop()` Streamlit would send nothing more, the address neither."""
    raise EndOfPage from None


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
    _settle(key, raw, default, valid=lambda value: value in options, options=tuple(options))


def take_many(key: str, options: Sequence[str], default: Sequence[str]) -> None:
    """Put the address's comma-separated list of `key` into the widget state; unknown members are left out with a note.

    Where other members are on offer than before, what was chosen stays chosen if it is still there, and all of them are
    chosen if all were.

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
    offered, kept = st.session_state.setdefault(_OFFERED, {}), st.session_state.get(key)
    before, offered[key] = offered.get(key), list(options)
    if chosen is None and kept and before is not None and before != offered[key]:
        chosen = list(default) if set(before) <= set(kept) else [part for part in options if part in kept] or None
    _settle(key, chosen, list(default), valid=lambda value: all(v in options for v in value), options=tuple(options))


def take_number(key: str, low: float, high: float, default: float, *, typed: bool = False) -> None:
    """Put the address's number of `key` into the widget state.

    Args:
        key: Of the widget and of the address.
        low: The smallest number that makes sense.
        high: The largest.
        default: What is chosen where neither address nor session holds a number; instead of any other value, with a
            note. Only whole numbers make sense where it is an int.
        typed: Whether it is for a `number_field`: whatever is typed there stays while the range is the same, and is a
            float.
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
    if typed:
        number, default = None if number is None else float(number), float(default)
    same = typed and history.visit().drawn.get(key) == (low, high)
    _settle(key, number, default, valid=lambda value: same or low <= value <= high, options=(low, high))


def take_numbers(key: str, count: int, low: float, high: float, default: Sequence[float]) -> None:
    """Put the address's comma-separated numbers of `key` into the state of the fields `key`-0, `key`-1 and so on.

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
    same = history.visit().drawn.get(f"{key}-0") == (low, high)
    for index in range(count):
        value = None if numbers is None else numbers[index]
        _settle(
            f"{key}-{index}",
            value,
            default[index],
            valid=lambda value: same or low <= value <= high,
            options=(low, high),
        )


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
    _settle(key, raw, default, valid, options=None)


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
    on = None if raw is None else raw == "on"
    _settle(key, on, default, valid=lambda value: isinstance(value, bool), options=None)
    chosen = st.toggle(label, key=key, persist_state="session", **options)
    publish(**{key: _switch(chosen)})
    return chosen


def _switch(on: bool) -> str:
    return "on" if on else "off"


def put(key: str, value: Any, options: Any) -> None:
    """Set the widget `key`, which is drawn next, to `value`.

    Args:
        key: Of the widget.
        value: Its value.
        options: What it offers. One that offers something else than before is a new widget, which would start empty.
    """
    visit = history.visit()
    drawn = visit.drawn | visit.drawing
    # Not written where it is unchanged: that would undo what the visitor has done to the widget since it was sent.
    if key not in drawn or drawn[key] != options or st.session_state.get(key) != value:
        st.session_state[key] = value
    visit.drawing[key] = options


def asked(key: str) -> str | None:
    """What the address newly asks for under `key`, before a control has taken it."""
    return history.visit().news.get(key)


def refuse(key: str, why: str, *, along: str | None = None) -> None:
    """Leave what the address asks for under `key`, and say why.

    Args:
        key: Of the control and of the address.
        why: A sentence or two.
        along: The value of other keys that makes no sense without it.
    """
    news = history.visit().news
    news.pop(key, None)
    for other in [other for other, value in news.items() if value == along]:
        del news[other]
    st.session_state.pop(key, None)
    st.session_state.setdefault(_NOTES, []).append(why)


def publish(**values: str | float | Sequence[str] | None) -> None:
    """Note the page's present values for the address; None leaves a key out of it."""
    for key, value in values.items():
        if value is not None:
            text = str(value) if isinstance(value, str | float | int) else ",".join(value)
            history.visit().wanted[key] = text


def show_notes(place: DeltaGenerator) -> None:
    """Say in `place` which values of the address made no sense; to be called at the end of a page's script."""
    for note in st.session_state.pop(_NOTES, []):
        place.info(note, icon=":material/link_off:")


def _new_value(key: str) -> str | None:
    """What the address newly asks for under `key`; None where it says nothing or what is on show already."""
    return history.visit().news.pop(key, None)


def _settle(key: str, value: Any, default: Any, valid: Callable[[Any], bool], options: Any) -> None:
    """Put a value into the session: `value`, or where it is None the one that is kept there, or `default`.

    Args:
        key: Of the control.
        value: What the address asks for.
        default: What is chosen where nothing valid is kept.
        valid: Whether a kept value makes sense.
        options: What the control offers.
    """
    visit, kept = history.visit(), st.session_state.get(key)
    if value is None:
        forgotten = visit.restored and key not in (visit.drawn | visit.drawing)
        value = kept if kept is not None and valid(kept) and not forgotten else default
    put(key, value, options)


def _note(key: str, raw: str, rule: str, used: str) -> None:
    text = f"The address asks for `{key}={_plain(raw)}`, which is not {rule}; showing `{_plain(used)}` instead."
    st.session_state.setdefault(_NOTES, []).append(text)


def _plain(text: str) -> str:
    """The beginning of `text`, fit to stand between backticks."""
    return one_line(text[:40]).replace("`", "")


def _listed(options: Sequence[str]) -> str:
    shown = ", ".join(options[:6])
    return shown if len(options) <= 6 else f"{shown}, …"
