"""How well the shipped networks learn classes that none of them has seen, as it was measured for this repository."""

import streamlit as st
from shared import charts, networks, theme

from xnorlab import units
from xnorlab.figures import teaching
from xnorlab.figures.style import look
from xnorlab.figures.teaching import MeasuredAccuracy
from xnorlab.teach import novel_classes
from xnorlab.teach.novel_classes import NovelClasses


def show(record: NovelClasses) -> None:
    """Draw the accuracies of the record with their errors, and say how they were measured."""
    protocol = record.protocol
    rows = [
        MeasuredAccuracy(networks.title(family), scheme, network.mean, network.error)
        for network in record.networks
        for family, scheme in [networks.parts(network.name)]
    ]
    st.subheader("How much to expect")
    best = max(record.networks, key=lambda network: network.mean)
    family, scheme = networks.parts(best.name)
    st.markdown(
        f"{record.classes} classes that no network here has seen ({record.data}): {protocol.classes} of them drawn at "
        f"random, {protocol.photos} photos of each to learn from, the others to test, {protocol.draws} times. "
        f"The best features, those of {networks.title(family)} under {look(scheme).label}, give "
        f"{100 * best.mean:.1f} ± {100 * best.error:.1f} %."
    )
    charts.show(
        teaching.accuracies(rows, chance=1 / protocol.classes, dark=theme.dark()),
        alt="Accuracy on new classes. "
        + "; ".join(f"{r.group}, {look(r.scheme).short}: {100 * r.mean:.1f} ± {100 * r.error:.1f} %" for r in rows),
        table={
            "features of": [row.group for row in rows],
            "scheme": [look(row.scheme).label for row in rows],
            "accuracy, %": [f"{100 * row.mean:.1f} ± {100 * row.error:.1f}" for row in rows],
            "points from full precision": [_away(record, network.name) for network in record.networks],
        },
        key="new-classes",
    )
    machine = record.machine
    st.caption(
        f"± is the standard error over the draws, which are alike for all networks. Measured on {machine['cpu']} with "
        f"scikit-learn {machine['versions']['scikit-learn']} on {machine['taken'][:10]} by `xnorlab zoo teach`."
    )


def _away(record: NovelClasses, name: str) -> str:
    network = next(network for network in record.networks if network.name == name)
    twin = record.twin(name)
    if twin is None or twin is network:
        return "–"
    difference, error = network.minus(twin)
    return f"{units.points(100 * difference)} ± {100 * error:.1f}"


def read() -> NovelClasses | None:
    """The record, where there is one with networks in it."""
    record = novel_classes.read()
    return record if record is not None and record.networks else None
