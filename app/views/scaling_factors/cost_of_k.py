"""What K costs and gains: milliseconds on this machine, bytes of the file, points of accuracy, in one row."""

import contextlib
from collections.abc import Callable, Sequence

import streamlit as st
from shared import network_times, networks, notices

from xnorlab import pretrained, units
from xnorlab.verdicts.evidence import Evidence, Gap

SCHEMES = ("xnor", "xnor-k")
ABLATION = "input-scale"
WAITED = "scaling factors: waits for times"


def show(family: str) -> None:
    """Draw the row of `family`, or of the default family where it is not shipped with K and without.

    Args:
        family: `<data set>/<model>`.
    """
    family = family if _shipped(family) else networks.DEFAULT_FAMILY
    if not _shipped(family):
        st.info("No network is shipped both with K and without it.", icon=":material/inventory_2:")
        return
    names = [networks.name(family, scheme) for scheme in SCHEMES]

    @st.fragment(run_every=network_times.LOOK_SECONDS if network_times.ask(names) else None)
    def row() -> None:
        _row(family, names)
        if network_times.ask(names):
            st.session_state[WAITED] = True
        elif st.session_state.pop(WAITED, False):
            st.rerun()  # the whole page, which then looks for no more times

    row()


def _shipped(family: str) -> bool:
    return set(SCHEMES) <= set(networks.schemes(family))


def _row(family: str, names: Sequence[str]) -> None:
    without, with_k = (pretrained.entry(name) for name in names)
    times = network_times.known(names)
    milliseconds = "being measured…"
    if len(times) == len(names):
        before, after = (times[name].timing.median_s for name in names)
        milliseconds = f"{_signed(after - before, units.duration)} ({units.duration(before)} → {units.duration(after)})"
    data, _, model = family.partition("/")
    shipped = ablated = None
    command = f"xnorlab ablate run {ABLATION}"
    with contextlib.suppress(ValueError):
        evidence = Evidence.read(pretrained.folder())
        shipped = evidence.gap(model, "xnor-k", "xnor", data)
        ablated = evidence.ablated(ABLATION, "with K", "without K")
        command = evidence.ablations.get(ABLATION, {}).get("command", command)
    size = _signed(with_k.bytes - without.bytes, units.memory)
    st.table(
        {
            f"what K changes in {networks.title(family)}": ["with K against without"],
            "one picture, measured here": [milliseconds],
            "packed file": [f"{size} ({units.memory(without.bytes)} → {units.memory(with_k.bytes)})"],
            "points of top-1, as shipped": [_points(shipped)],
            "points in the ablation": [_points(ablated)],
        },
        border="horizontal",
        hide_index=True,
    )
    taken = f", at {times[names[0]].taken[11:19]} UTC" if len(times) == len(names) else ""
    if any(time.timing.spread > notices.NOISY for time in times.values()):
        taken += ", while something else kept the machine busy"
    st.caption(
        f"Time: one thread, both networks in turns, once since the app was started{taken}. Points: means over seeds ± "
        f"one standard error; the ablation is `{command}`. K itself takes no weights: what the file grows by is the "
        "norm that cannot be folded into thresholds and biases. K costs a mean over channels and a box filter for each "
        "layer, and keeps each sum from going straight to the next sign."
    )


def _signed(difference: float, written: Callable[[float], str]) -> str:
    return f"{'+' if difference >= 0 else '−'}{written(abs(difference))}"


def _points(gap: Gap | None) -> str:
    return "–" if gap is None else str(gap).replace(" points", "")
