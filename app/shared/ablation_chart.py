"""A recorded ablation as a chart with its table and the command that gives it."""

import streamlit as st

from shared import charts, markup, networks, theme
from xnorlab.figures import trade_offs
from xnorlab.verdicts.evidence import Evidence


def show(evidence: Evidence, name: str, *, key: str) -> None:
    """Draw the question, the chart, its table and a caption.

    Args:
        evidence: What was measured.
        name: Of one of its ablations.
        key: Of the chart; unique on the page.
    """
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
        key=key,
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
