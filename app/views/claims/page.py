"""The paper's claims: what XNOR-Net's abstract and tables say, what was measured here, and what became of each."""

import collections

import streamlit as st
from shared import address, markup

from views.claims import verdict_cards
from xnorlab import verdicts

EVERY = "all"
KEYS = {ruling: ruling.replace(" ", "-") for ruling in verdicts.RULINGS}
"""Ruling → how the address writes it."""

st.title("The paper's claims")
notes = st.container()
st.markdown(
    "What XNOR-Net's abstract and tables claim (Rastegari, Ordonez, Redmon and Farhadi, ECCV 2016), the value that "
    "they print, and ours. The rule of each verdict was written down before its number, and a difference counts only "
    "beyond two standard errors: `xnorlab verdicts` judges them anew. Differences are taken before either value is "
    "rounded."
)
try:
    claims = verdicts.load()
except ValueError as error:
    st.info(f"No verdicts file yet. {markup.plain(str(error))}", icon=":material/gavel:")
    address.show_notes(notes)
    address.end_page()

counts = collections.Counter(claim.verdict for claim in claims)
options = {EVERY: f"All {len(claims)}"}
options |= {KEYS[r]: f"{counts[r]} {verdict_cards.MARKS[r]} {r}" for r in verdicts.RULINGS if counts[r]}
chosen = address.pills("Claims whose verdict is", options, key="verdict", default=EVERY)
address.publish(verdict=chosen)
verdict_cards.show([claim for claim in claims if chosen in (EVERY, KEYS[claim.verdict])])

st.page_link(
    "views/trade_offs/page.py", label="The networks behind these figures: Trade-offs", icon=":material/balance:"
)
address.show_notes(notes)
