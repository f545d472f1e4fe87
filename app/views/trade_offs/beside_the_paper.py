"""The paper's printed tables beside what was measured here; the two never look alike."""

from collections.abc import Sequence

import streamlit as st
from shared import address, charts, markup, networks, theme

from views.trade_offs import shipped_costs
from xnorlab import units
from xnorlab.conventions import times_smaller
from xnorlab.figures import comparisons
from xnorlab.figures.style import SCHEMES, VARIANTS, look
from xnorlab.paper.cost_model import MEMORY_RATIO
from xnorlab.paper.published import INT8, PUBLISHED_ACCURACY, PUBLISHED_MEMORY
from xnorlab.zoo.cost import BINARY, HEADER, REAL_LAYERS, NetworkCost

COMPARED = {"difference": "Points from full precision", "accuracy": "Accuracy"}


def show_memory(costs: Sequence[NetworkCost]) -> None:
    """How many times smaller a binary network is, and the paper's figure 4a.

    Of `costs`, at least one of which must have binary layers, it takes the XNOR network with most binary weights, or
    another scheme's where none is XNOR.
    """
    binary = max(
        (c for c in costs if c.binary_times_smaller), key=lambda c: (c.scheme == "xnor", c.binary_float32_bytes)
    )
    ours = f"{shipped_costs.model_title(binary.model)} {look(binary.scheme).short}"
    header = binary.parts.get(HEADER, 0)
    steps = [  # what is counted, times smaller than the same numbers in float32
        ("its signs alone", times_smaller(4 * binary.signs, binary.sign_bytes)),
        ("with their α, thresholds and biases", binary.binary_times_smaller or 0.0),
        ("with the layers that stay real", times_smaller(binary.float32_bytes, binary.file_bytes - header)),
        ("the whole file, with its header", binary.times_smaller),
    ]
    ratios = [  # what, times smaller, origin
        *((f"{ours}, {what}", ratio, "measured here") for what, ratio in steps),
        ("1 bit for 32", MEMORY_RATIO, "computed"),
        *(
            (f"{row.network}, 64 bits → 1", times_smaller(row.float64_bytes, row.binary_bytes), row.origin)
            for row in PUBLISHED_MEMORY
        ),
    ]
    charts.show(
        comparisons.ratio_bars(ratios, title="times smaller", scheme=binary.scheme, dark=theme.dark()),
        alt="Times smaller: " + "; ".join(f"{what} {units.times(ratio)}, {origin}" for what, ratio, origin in ratios),
        table={
            "what": [what for what, _, _ in ratios],
            "times smaller": [units.times(ratio) for _, ratio, _ in ratios],
            "from": [origin for _, _, origin in ratios],
        },
        key="ratios",
    )
    st.markdown(why_not_32(binary))
    st.caption(
        f"Measured: the bytes of {markup.plain(binary.name)} ({shipped_costs.architecture(binary.name)}) as shipped, "
        f"against the same numbers in float32. Published: {PUBLISHED_MEMORY[0].source}, against double precision: "
        "twice as many bits to begin with."
    )


def why_not_32(binary: NetworkCost) -> str:
    """Where the bytes go that keep a network's file from being 32 times smaller than its numbers; Markdown."""
    words = (
        "fill their words of 64 bits to the last"
        if 8 * binary.sign_bytes == binary.signs
        else "leave some of their words of 64 bits partly empty"
    )
    beside = binary.parts[BINARY] - binary.sign_bytes
    real = sum(binary.parts.get(part, 0) for part in REAL_LAYERS)
    rest = binary.file_bytes - binary.parts[BINARY] - real
    signs = binary.signs / (binary.float32_bytes / 4)
    return (
        f"**Why not exactly 32 times?** One bit stands for 32: {units.memory(binary.sign_bytes)} hold "
        f"{units.count(binary.signs)} signs, {units.percent(signs)} of all numbers, and they {words}. Beside them lie "
        f"α, thresholds and biases ({units.memory(beside)}), one for each filter or channel; the layers that stay real "
        f"({units.memory(real)}, {units.percent(real / binary.file_bytes)} of the file), in float16 where that is "
        f"exact; norms and the file's header ({units.memory(rest)}). Wider layers have more signs for each α: the "
        "ratio nears 32."
    )


def show_accuracy(costs: Sequence[NetworkCost], data_set: str) -> None:
    """One network under each scheme, as measured here and as printed in the paper's tables.

    Args:
        costs: The networks to choose from.
        data_set: The data set that all of them were measured on.
    """
    models = {m: shipped_costs.model_title(m) for m in sorted({cost.model for cost in costs})}
    published_networks = {row.network for row in PUBLISHED_ACCURACY}
    offered = {model: title for model, title in models.items() if title in published_networks}
    if not offered:
        st.info("The paper has no table for the networks of this data set.")
        return
    first, second = st.columns(2)
    with first:
        model = address.segments("Network", offered, key="paper", default=next(iter(offered)))
    with second:
        compared = address.segments("Show", COMPARED, key="says", default="difference")
    address.publish(paper=model, says=compared)
    shown_costs = [cost for cost in costs if cost.name == f"{data_set}/{model}-{cost.scheme}"]
    published = _main_results(offered[model], "ImageNet")
    ours = {cost.scheme: 100 * cost.top1 for cost in shown_costs}
    title, unit, written = "top-1 accuracy, %", "top-1 %", "{:.1f}".format
    if compared == "difference":
        title, unit, written = "points from full precision", "points", units.points
        published, ours = _from_full_precision(published), _from_full_precision(ours)
    origins = ("published, on ImageNet", f"measured at training, on {networks.data_title(data_set)}")
    schemes = [s for s in (*SCHEMES, *VARIANTS) if s in published or s in ours]
    columns = {
        f"{origin}, {unit}": [written(values[s]) if s in values else "–" for s in schemes]
        for origin, values in zip(origins, (published, ours), strict=True)
    }
    charts.show(
        comparisons.beside_the_paper(published, ours, named=origins, dark=theme.dark(), title=title),
        alt=f"{offered[model]} under each scheme, {COMPARED[compared].lower()}. "
        + "; ".join(
            f"{look(s).label}: " + ", ".join(f"{origin} {values[i]}" for origin, values in columns.items())
            for i, s in enumerate(schemes)
        ),
        table={"scheme": [look(s).label for s in schemes], **columns},
        key="beside",
    )
    architectures = " or ".join(dict.fromkeys(shipped_costs.architecture(cost.name) for cost in shown_costs))
    classes = " or ".join(map(str, sorted({cost.classes for cost in shown_costs})))
    epochs = " or ".join(map(str, sorted({shipped_costs.epochs(cost.name) for cost in shown_costs})))
    st.caption(
        f"Ours: {architectures}, trained for {epochs} epochs. "
        f"Two data sets: ImageNet asks for one of 1,000 things, {networks.data_title(data_set)} for one of {classes}, "
        "so that gaps need not be as wide here. Compare the order of the schemes and the signs of the differences, not "
        "the heights. The paper's columns of BinaryConnect and BNN are its authors' own runs."
    )


def show_published() -> None:
    """A table of every accuracy that the papers print."""
    st.dataframe(
        {
            "network": [row.network for row in PUBLISHED_ACCURACY],
            "scheme": ["int8" if row.scheme == INT8 else look(row.scheme).label for row in PUBLISHED_ACCURACY],
            "data": [row.data for row in PUBLISHED_ACCURACY],
            "top-1 %": [row.top1 for row in PUBLISHED_ACCURACY],
            "top-5 %": [row.top5 for row in PUBLISHED_ACCURACY],
            "note": [row.note for row in PUBLISHED_ACCURACY],
            "source": [row.source for row in PUBLISHED_ACCURACY],
        },
        hide_index=True,
        alt="Accuracies as printed in the papers; none was measured here.",
    )


def _main_results(network: str, data: str) -> dict[str, float]:
    """Scheme → top-1 in % as published for `network` on `data`: the first main result of each."""
    rows = [r for r in PUBLISHED_ACCURACY if (r.network, r.data) == (network, data) and not r.ablation]
    return {row.scheme: row.top1 for row in reversed(rows)}


def _from_full_precision(accuracy: dict[str, float]) -> dict[str, float]:
    """Scheme → difference to full precision in points; none where full precision is not there."""
    return {s: a - accuracy["float"] for s, a in accuracy.items()} if "float" in accuracy else {}
