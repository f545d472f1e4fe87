"""One thing changed at a time: the recorded ablations, one of which is on show."""

import streamlit as st
from shared import address, charts, markup, networks, theme

from xnorlab import pretrained
from xnorlab.figures import trade_offs
from xnorlab.verdicts.evidence import Evidence

TITLES = {
    "scale": "The factor α",
    "scale-norm": "α and norms",
    "input-scale": "The input scale K",
    "order": "Block order",
    "gradient": "Gradient of the sign",
    "ends": "First and last layer",
    "bits": "Bits of an input",
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
    entry, rows = evidence.ablations[name], evidence.changes(name)
    changes = [(row.label, row.top1, row.error, row.gain and row.gain.second) for row in rows]
    st.markdown(f"**{markup.plain(entry['question'])}**")
    charts.show(
        trade_offs.changes(changes, dark=theme.dark()),
        alt=f"{entry['question']}: " + "; ".join(f"{row.label} {row.top1:.1f} %" for row in rows),
        table={
            "": [row.label for row in rows],
            "top-1 %": [f"{row.top1:.1f}" for row in rows],
            "points": ["–" if row.gain is None else row.gain.difference for row in rows],
            "against": [row.against or "–" for row in rows],
        },
        key="changes",
    )
    seeds = evidence.seeds(name)
    trained, spread = "one seed", "alone"
    if seeds > 1:
        trained, spread = f"means over {seeds} seeds", "and the seeds' spread"
    families = [f"{row['recipe']['dataset']}/{row['recipe']['model']}" for row in entry["rows"]]
    measured = " and ".join(map(networks.title, dict.fromkeys(families)))
    st.caption(
        f"Open marks are what the others are compared with. {measured}: {entry['images']:,} pictures, {trained}; bars "
        f"and ± are one standard error, from the number of pictures {spread}. `{entry['command']}`"
    )
