"""Refusing a word that is not one of a list, with the nearest right one."""

import difflib
from collections.abc import Iterable


def unknown(name: str, value: object, known: Iterable[str]) -> str:
    """The sentence that refuses `name`=`value`: what there is, and which of it was probably meant."""
    words = list(known)
    return f"{name}={value!r} is not one of {', '.join(words)}{nearest(value, words)}"


def nearest(value: object, known: Iterable[str]) -> str:
    """The end of a refusal, "; did you mean 'xnor'?"; empty where no word of `known` is near."""
    near = difflib.get_close_matches(str(value), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
