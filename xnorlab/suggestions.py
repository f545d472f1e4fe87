"""Error texts for a word that is not one of a list, with the nearest word that is."""

import difflib
from collections.abc import Iterable


def unknown(name: str, value: object, known: Iterable[str]) -> str:
    """Return the sentence that refuses `value` for the argument `name`, lists `known` and suggests the nearest word."""
    words = list(known)
    return f"{name}={value!r} is not one of {', '.join(words)}{nearest(value, words)}"


def nearest(value: object, known: Iterable[str]) -> str:
    """Return the end of such a sentence, "; did you mean 'xnor'?"; empty if no word of `known` is near."""
    near = difflib.get_close_matches(str(value), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
