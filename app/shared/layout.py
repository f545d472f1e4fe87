"""Columns that suit a phone and a desk alike."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def pairs(count: int, *, border: bool = False) -> list[DeltaGenerator]:
    """Columns that stand two by two on a phone and all in a row on a desk; `count` is even."""
    return [half for whole in st.columns(count // 2) for half in whole.columns(2, wrap=False, border=border)]
