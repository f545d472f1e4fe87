"""One thing changed at a time: the recorded ablations, one of which is on show."""

import streamlit as st
from shared import ablation_chart, address, markup

from xnorlab import pretrained
from xnorlab.verdicts.evidence import Evidence

TITLES = {
    "scale": "The factor α",
    "scale-norm": "α and norms",
    "input-scale": "The input scale K",
    "order": "Block order",
    "gradient": "Gradient of the sign",
    "ends": "First and last layer",
    "bits": "Bits of an input",
    "ternary": "Three values",
    "no-retraining": "No retraining",
}
"""Ablation → how it is written, in the order in which they are offered."""


def show() -> None:
    """Choose an ablation; see its chart, its table, and the command that gives it."""
    try:
        evidence = Evidence.read(pretrained.folder())
    except ValueError as error:
        st.info(f"No ablations can be shown. {markup.with_code(str(error))}", icon=":material/inventory_2:")
        return
    offered = {name: TITLES.get(name, name) for name in (*TITLES, *evidence.ablations) if name in evidence.ablations}
    if not offered:
        st.info("No ablation is recorded yet: `xnorlab ablate list` has their recipes.", icon=":material/science:")
        return
    name = address.pills("Changed", offered, key="ablation", default=next(iter(offered)))
    address.publish(ablation=name)
    ablation_chart.show(evidence, name, key="changes")
