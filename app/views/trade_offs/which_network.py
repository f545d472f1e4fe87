"""Which should I use? Needs in accuracy, time and bytes, and the one network that fits them, with the reason."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st
from shared import address, markup, network_times, notices
from shared.network_times import NetworkTime

from views.trade_offs import shipped_costs
from views.trade_offs.needs import GOALS, SUPERLATIVES, Needs, Offer
from xnorlab import units
from xnorlab.figures.style import look
from xnorlab.zoo.cost import NetworkCost

ANY = "any"
WAITED = "trade-offs: waits for times"
MILLISECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
KIBIBYTES = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384)


def show(costs: Sequence[NetworkCost], data_title: str) -> None:
    """Draw the controls and, below them, the answer.

    Args:
        costs: All networks of a data set, at least one.
        data_title: How the data set is written.
    """
    needs, goal = _controls(costs)
    names = [cost.name for cost in costs]

    @st.fragment(run_every=network_times.LOOK_SECONDS if network_times.ask(names) else None)
    def answer() -> None:
        _answer(costs, needs, goal, data_title)
        if network_times.ask(names):
            st.session_state[WAITED] = True
        elif st.session_state.pop(WAITED, False):
            st.rerun()  # the whole page, which then looks for no more times

    answer()


def _controls(costs: Sequence[NetworkCost]) -> tuple[Needs, str]:
    least = [100 * min(cost.top1 for cost in costs), 100 * max(cost.top1 for cost in costs)]
    percents = [str(percent) for percent in range(int(least[0]), int(least[1]) + 2)]
    kibibytes = _range(KIBIBYTES, [cost.file_bytes / 1024 for cost in costs])
    with st.container(border=True, key="needs"):
        first, second, third, fourth = st.columns([3, 3, 3, 4], gap="medium")
        with first:
            top1 = _slider("At least … right", percents, "need_top1", "{} %".format)
        with second:
            milliseconds = [f"{number:g}" for number in MILLISECONDS]
            time = _slider("At most … for one picture", milliseconds, "need_ms", "{} ms".format)
        with third:
            size = _slider("A packed file of at most", kibibytes, "need_kib", lambda kib: _size(1024 * float(kib)))
        with fourth:
            goal = address.segments("Among those that fit, best in", GOALS, key="goal", default="top1")
    address.publish(goal=goal)
    return Needs(
        None if top1 == ANY else float(top1) / 100,
        None if time == ANY else float(time) / 1000,
        None if size == ANY else 1024 * int(size),
    ), goal


def _slider(label: str, options: Sequence[str], key: str, written: Callable[[str], str]) -> str:
    every = [ANY, *options]
    address.take(key, every, ANY)
    chosen = st.select_slider(
        label,
        every,
        key=key,
        persist_state="session",
        format_func=lambda option: "any" if option == ANY else written(option),
    )
    address.publish(**{key: chosen})
    return chosen


def _range(steps: Sequence[float], values: Sequence[float]) -> list[str]:
    """The steps from the last one below all of `values` to the first one above them."""
    low = max((step for step in steps if step < min(values)), default=steps[0])
    high = min((step for step in steps if step > max(values)), default=steps[-1])
    return [f"{step:g}" for step in steps if low <= step <= high]


def _size(size_bytes: float) -> str:
    return units.memory(size_bytes).replace(".00", "").replace(".50", ".5")


def _answer(costs: Sequence[NetworkCost], needs: Needs, goal: str, data_title: str) -> None:
    names = [cost.name for cost in costs]
    times = network_times.known(names)
    offer = Offer(costs, {name: time.timing.median_s for name, time in times.items()})
    best = offer.best(needs, goal)
    if best is None:
        st.markdown(_none_fits(offer, needs, times))
    else:
        st.markdown(_one_fits(offer, needs, goal, best, times))
        rows = [(SUPERLATIVES[each], offer.best(needs, each)) for each in GOALS]
        rows = [(words, cost) for words, cost in rows if cost is not None]
        st.table(
            {
                "of those that fit": [f"the {words}" for words, _ in rows],
                "network": [_named(cost) for _, cost in rows],
                f"right on {data_title}": [_accuracy(cost) for _, cost in rows],
                "one picture": [_time(cost, times) for _, cost in rows],
                "packed file": [units.memory(cost.file_bytes) for _, cost in rows],
                "× smaller than float32": [units.times(cost.times_smaller) for _, cost in rows],
            },
            border="horizontal",
            hide_index=True,
        )
    st.caption(_note(names, times))


def _one_fits(offer: Offer, needs: Needs, goal: str, best: NetworkCost, times: Mapping[str, NetworkTime]) -> str:
    fitting = len(offer.fitting(needs))
    of = f"of the {fitting} networks" if fitting > 1 else "the only network"
    rank = f"the {SUPERLATIVES[goal]} {of}" if fitting > 1 else of
    return (
        f"**Use {_named(best)}**: {_in_figures(best, times)}. It is {rank}{_asked(needs)}"
        f'{_beside_the_most_accurate(offer, best)}. `xnorlab.load("{best.name}")` opens it.'
    )


def _beside_the_most_accurate(offer: Offer, best: NetworkCost) -> str:
    """What it gives up and gains beside the most accurate network of all; "" for that one itself."""
    top = max(offer.costs, key=lambda cost: cost.top1)
    if top.name == best.name:
        return ""
    error = (top.standard_error**2 + best.standard_error**2) ** 0.5
    points = 100 * (top.top1 - best.top1)
    text = f"; beside {_named(top)}, the most accurate of all, it is {points:.1f} ± {100 * error:.1f} points less, "
    gains = [f"in {units.percent(best.file_bytes / top.file_bytes)} of the bytes"]
    if top.name in offer.seconds and best.name in offer.seconds:
        gains.append(f"{units.percent(offer.seconds[best.name] / offer.seconds[top.name])} of the time")
    return text + " and ".join(gains)


def _none_fits(offer: Offer, needs: Needs, times: Mapping[str, NetworkTime]) -> str:
    instead = offer.instead(needs)
    if not instead:
        alone = (
            f"- for {GOALS[need].lower()} alone: {_named(cost)}, {_in_figures(cost, times)}"
            for need in needs.asked
            if (cost := offer.best(Needs(), need)) is not None
        )
        return "**None fits, and to give up one need is not enough.** The best there is:\n" + "\n".join(alone)
    lines = (
        f"- **{GOALS[need].lower()}**: {_named(cost)} has all else; {_in_figures(cost, times)}"
        for need, cost in instead.items()
    )
    asked = _asked(needs).replace(" with", " what you ask for:")
    return f"**None fits{asked}.** Give up one of these:\n" + "\n".join(lines)


def _asked(needs: Needs) -> str:
    asked = []
    if needs.top1 is not None:
        asked.append(f"at least {100 * needs.top1:.0f} % right")
    if needs.seconds is not None:
        asked.append(f"at most {1000 * needs.seconds:g} ms")
    if needs.file_bytes is not None:
        asked.append(f"at most {_size(needs.file_bytes)}")
    return f" with {', '.join(asked)}" if asked else ""


def _named(cost: NetworkCost) -> str:
    label = shipped_costs.labels([cost], with_model=True)[cost.name]
    return f"{look(cost.scheme).glyph} {markup.plain(label)}"


def _accuracy(cost: NetworkCost) -> str:
    return f"{100 * cost.top1:.1f} ± {100 * cost.standard_error:.1f} %"


def _time(cost: NetworkCost, times: Mapping[str, NetworkTime]) -> str:
    return units.duration(times[cost.name].timing.median_s) if cost.name in times else "…"


def _in_figures(cost: NetworkCost, times: Mapping[str, NetworkTime]) -> str:
    timed = [f"{_time(cost, times)} for a picture"] if cost.name in times else []
    return ", ".join([f"{_accuracy(cost)} right", *timed, f"{units.memory(cost.file_bytes)}"])


def _note(names: Sequence[str], times: Mapping[str, NetworkTime]) -> str:
    where = (
        "Accuracy and bytes were measured at training, times here, once since the app was started, on one thread, the "
        "networks in turns"
    )
    if len(times) < len(names):
        left = len(names) - len(times)
        return f"{where}: {left} of {len(names)} are being measured, and count as fast enough meanwhile."
    spread = max(time.timing.spread for time in times.values())
    taken = min(time.taken for time in times.values())[11:19]
    busy = " The machine was busy then: take them with care." if spread > notices.NOISY else ""
    return f"{where}, at {taken} UTC; the middle half of a network's runs spans up to {units.percent(spread)}.{busy}"
