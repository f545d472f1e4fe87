"""The bits on the board as the session and the address hold them: two hexadecimal numbers, bit i for channel i."""

import secrets

import numpy as np
import streamlit as st
from shared import address

from views.xnor_steps.bits_board import BYTE

MOST = 128
"""The most bits per vector. The session holds as many, whatever n is, so that a longer n shows them again."""

_FROM_ADDRESS = "steps: the address brought the bits"
_START = {"x": "5f0c93a6e81b724dd2c94f7a38b1e605", "w": "1d4e97a2c81f6a4cb6d0437e59a1f24b"}


def take() -> None:
    """Put the address's x and w into the session."""
    if any(address.asked(name) is not None for name in _START):
        st.session_state[_FROM_ADDRESS] = True
    for name, default in _START.items():
        address.take_text(name, default, valid=_hexadecimal, rule=f"a hexadecimal number of at most {MOST} bits")


def came_with_the_address() -> bool:
    """Whether the address brought the bits since this was last asked."""
    return st.session_state.pop(_FROM_ADDRESS, False)


def published(n: int) -> dict[str, str]:
    """The first n bits of x and w, as the address writes them."""
    return {name: f"{_value(name, n):x}" for name in _START}


def signs(name: str, n: int) -> np.ndarray:
    """The first n bits of "x" or "w" as −1 and +1, float32 (n,)."""
    value = _value(name, n)
    return np.array([1.0 if value >> bit & 1 else -1.0 for bit in range(n)], np.float32)


def put_signs(x: np.ndarray, w: np.ndarray) -> None:
    """Put the signs of real values, at most MOST each, into the session; sign(0) = +1."""
    _put(**{name: sum(1 << i for i, v in enumerate(part) if v >= 0) for name, part in (("x", x), ("w", w))})


def onto_widgets(n: int) -> None:
    """Set the widget of every byte to what the session holds; to be called before the board is drawn."""
    for name in _START:
        value = _value(name, n)
        for first in range(0, n, BYTE):
            options = tuple(range(first, min(n, first + BYTE)))
            on = [bit for bit in options if value >> bit & 1]
            address.put(f"{name}-{first // BYTE}", on, options)


def flip(name: str, byte: int) -> None:
    """Put what was clicked in one byte of "x" or "w" into the session."""
    kept = int(st.session_state[name], 16) & ~(((1 << BYTE) - 1) << byte * BYTE)
    _put(**{name: kept | sum(1 << bit for bit in st.session_state[f"{name}-{byte}"])})


def randomize() -> None:
    """Put random bits into both."""
    _put(x=secrets.randbits(MOST), w=secrets.randbits(MOST))


def relate(different: bool) -> None:
    """Set the weights' bits to those of the inputs, or to their opposites."""
    x = int(st.session_state["x"], 16)
    _put(w=x ^ ((1 << MOST) - 1) if different else x)


def _hexadecimal(text: str) -> bool:
    return 0 < len(text) <= MOST // 4 and all(c in "0123456789abcdef" for c in text)


def _value(name: str, n: int) -> int:
    return int(st.session_state[name], 16) & ((1 << n) - 1)


def _put(**bits: int) -> None:
    st.session_state.update({name: f"{value:x}" for name, value in bits.items()})
