"""One thing changed at a time: what was recorded of the ablations, one of them at a time."""

import address
import parts
import streamlit as st

from xnorlab import pretrained
from xnorlab.evidence import Evidence
from xnorlab.figures import trade_offs
from xnorlab.network_cost import standard_error

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
"""By name, in the order in which they are offered."""


def show() -> None:
    """A menu, the chosen ablation as a chart, its table, and the command that gives it."""
    try:
        evidence = Evidence.read(pretrained.folder())
    except ValueError as error:
        st.info(f"No ablations can be shown. {parts.sentence(str(error))}", icon=":material/inventory_2:")
        return
    offered = {name: TITLES.get(name, name) for name in (*TITLES, *evidence.ablations) if name in evidence.ablations}
    if not offered:
        st.info("No ablation is recorded yet: `xnorlab ablate list` has their recipes.", icon=":material/science:")
        return
    name = address.pills("Changed", offered, key="ablation", default=next(iter(offered)))
    address.publish(ablation=name)
    entry, rows = evidence.ablations[name], evidence.changes(name)
    shown = [
        (label, top1, 100 * standard_error(top1 / 100, entry["images"]), None if gain is None else gain.second)
        for label, top1, gain in rows
    ]
    st.markdown(f"**{parts.plain(entry['question'])}**")
    gains = ["–" if gain is None else gain.difference for _, _, gain in rows]
    parts.chart(
        trade_offs.changes(shown, dark=parts.dark()),
        alt=f"{entry['question']}: " + "; ".join(f"{label} {top1:.1f} %" for label, top1, _, _ in shown),
        table={
            "": [label for label, _, _ in rows],
            "top-1 %": [f"{top1:.1f}" for _, top1, _ in rows],
            "points": gains,
            "against": [row["against"] or "–" for row in entry["rows"]],
        },
        key="changes",
    )
    st.caption(
        f"Open marks are what the others are compared with. Measured on {entry['images']:,} pictures, one seed; bars "
        f"and ± are one standard error, from the number of pictures alone. `{entry['command']}`"
    )
