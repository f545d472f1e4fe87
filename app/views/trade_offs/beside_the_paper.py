"""The paper's printed tables beside what was measured here; the two never look alike."""

from collections.abc import Sequence

import streamlit as st
from shared import address, networks, widgets

from views.trade_offs import shipped_costs
from xnorlab import units
from xnorlab.figures import comparisons
from xnorlab.figures.style import SCHEMES, VARIANTS, look
from xnorlab.paper.cost_model import MEMORY_RATIO, PUBLISHED_ACCURACY, PUBLISHED_MEMORY
from xnorlab.zoo.cost import NetworkCost

SAYS = {"difference": "Points from full precision", "accuracy": "Accuracy"}


def memory(costs: Sequence[NetworkCost]) -> None:
    """How many times smaller: the XNOR network among `costs` with most weights, else another, and figure 4a."""
    binary = max(
        (c for c in costs if c.binary_times_smaller), key=lambda c: (c.scheme == "xnor", c.binary_float32_bytes)
    )
    ours = f"{shipped_costs.title(binary.model)} {look(binary.scheme).short}"
    ratios = [
        (f"{ours}, binary layers", binary.binary_times_smaller or 0.0, "measured here"),
        (f"{ours}, whole file", binary.times_smaller, "measured here"),
        ("1 bit for 32", MEMORY_RATIO, "computed"),
        *(
            (f"{row.network}, 64 bits → 1", row.float64_bytes / row.binary_bytes, row.origin)
            for row in PUBLISHED_MEMORY
        ),
    ]
    widgets.chart(
        comparisons.ratio_bars(ratios, title="times smaller", scheme=binary.scheme, dark=widgets.dark()),
        alt="Times smaller: " + "; ".join(f"{what} {units.times(ratio)}, {origin}" for what, ratio, origin in ratios),
        table={
            "what": [what for what, _, _ in ratios],
            "times smaller": [units.times(ratio) for _, ratio, _ in ratios],
            "from": [origin for _, _, origin in ratios],
        },
        key="ratios",
    )
    st.caption(
        f"Measured: the bytes of {widgets.plain(binary.name)} ({shipped_costs.architecture(binary.name)}) as shipped, "
        f"against the same numbers in float32; α, thresholds, real layers and the header count. Published: "
        f"{PUBLISHED_MEMORY[0].source}, double precision."
    )


def accuracy(costs: Sequence[NetworkCost], data: str) -> None:
    """One network of `costs`, all measured on the data set `data`, and the same network in the paper's tables."""
    models = sorted({cost.model for cost in costs})
    compared = [m for m in models if any(row.network == shipped_costs.title(m) for row in PUBLISHED_ACCURACY)]
    if not compared:
        st.info("The paper has no table for the networks of this data set.")
        return
    first, second = st.columns(2)
    with first:
        twin = address.segments(
            "Network", {m: shipped_costs.title(m) for m in compared}, key="paper", default=compared[0]
        )
    with second:
        says = address.segments("Show", SAYS, key="says", default="difference")
    address.publish(paper=twin, says=says)
    published = main_results(shipped_costs.title(twin), "ImageNet")
    shown_costs = [c for c in costs if c.name == f"{data}/{twin}-{c.scheme}"]
    ours = {c.scheme: 100 * c.top1 for c in shown_costs}
    built = " or ".join(dict.fromkeys(shipped_costs.architecture(c.name) for c in shown_costs))
    asked = " or ".join(map(str, sorted({c.classes for c in shown_costs})))
    trained = " or ".join(map(str, sorted({shipped_costs.epochs(c.name) for c in shown_costs})))
    if says == "difference":
        published, ours = below_full_precision(published), below_full_precision(ours)
    named = ("published, on ImageNet", f"measured at training, on {networks.data_title(data)}")
    schemes = [s for s in (*SCHEMES, *VARIANTS) if s in published or s in ours]
    shown = units.points if says == "difference" else "{:.1f}".format
    columns = {
        f"{origin}, {'points' if says == 'difference' else 'top-1 %'}": [
            shown(source[s]) if s in source else "–" for s in schemes
        ]
        for source, origin in zip((published, ours), named, strict=True)
    }
    widgets.chart(
        comparisons.beside_the_paper(
            published,
            ours,
            named=named,
            dark=widgets.dark(),
            title="points from full precision" if says == "difference" else "top-1 accuracy, %",
        ),
        alt=f"{shipped_costs.title(twin)} under each scheme, {SAYS[says].lower()}. "
        + "; ".join(
            f"{look(s).label}: " + ", ".join(f"{origin} {values[i]}" for origin, values in columns.items())
            for i, s in enumerate(schemes)
        ),
        table={"scheme": [look(s).label for s in schemes], **columns},
        key="beside",
    )
    st.caption(
        f"Ours: {built}, trained for {trained} epochs. "
        f"Two data sets: ImageNet asks for one of 1,000 things, {networks.data_title(data)} for one of {asked}, so "
        "that gaps need not be as wide here. Compare the order of the schemes and the signs of the differences, not "
        "the heights. The paper's columns of BinaryConnect and BNN are its authors' own runs."
    )


def published_tables() -> None:
    """Every accuracy that is known as printed."""
    st.dataframe(
        {
            "network": [row.network for row in PUBLISHED_ACCURACY],
            "scheme": [look(row.scheme).label for row in PUBLISHED_ACCURACY],
            "data": [row.data for row in PUBLISHED_ACCURACY],
            "top-1 %": [row.top1 for row in PUBLISHED_ACCURACY],
            "top-5 %": [row.top5 for row in PUBLISHED_ACCURACY],
            "note": [row.note for row in PUBLISHED_ACCURACY],
            "source": [row.source for row in PUBLISHED_ACCURACY],
        },
        hide_index=True,
        alt="Accuracies as printed in the papers; none was measured here.",
    )


def main_results(network: str, data: str) -> dict[str, float]:
    """Scheme → top-1 in % as published, without the ablations of Table 3."""
    rows = [r for r in PUBLISHED_ACCURACY if (r.network, r.data) == (network, data) and "Table 3" not in r.source]
    return {row.scheme: row.top1 for row in reversed(rows)}


def below_full_precision(accuracy: dict[str, float]) -> dict[str, float]:
    """Differences to full precision in points; none where full precision is not there."""
    return {s: a - accuracy["float"] for s, a in accuracy.items()} if "float" in accuracy else {}
