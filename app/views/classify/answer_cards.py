"""The cards with each network's answer to the photo, and the line above them that says whether they agree."""

import collections
import html
from collections.abc import Mapping, Sequence

from shared import cards, markup, networks
from streamlit.delta_generator import DeltaGenerator

from views.classify.classifications import Classification
from xnorlab import units

Result = Classification | ValueError | None
"""What a network classified the photo as, why it could not, or None while it was not asked yet."""


def show(
    place: DeltaGenerator,
    family: str,
    results: Mapping[str, Result],
    times: Mapping[str, tuple[float, str]],
    *,
    top: int,
) -> None:
    """Draw one card per network.

    Args:
        place: Where the cards stand; what stood there is replaced.
        family: Of the networks.
        results: Scheme → the result of its network.
        times: Network's name → median seconds and time of day; a dash stands where there is none yet.
        top: Classes on a card.
    """
    with place:
        cards.show(_card(family, scheme, result, times, top) for scheme, result in results.items())


def say_whether_they_agree(place: DeltaGenerator, answers: Sequence[Classification]) -> None:
    """Draw a line that says what the networks voted for; no line for fewer than two answers."""
    votes = collections.Counter(answer.best.label for answer in answers)
    if len(answers) < 2:
        place.empty()
    elif len(votes) == 1:
        _line(place, f"All {len(answers)} agree: {next(iter(votes))}", "xl-agree")
    else:
        listed = ", ".join(f"{count} × {label}" for label, count in votes.most_common())
        _line(place, f"They disagree: {listed}", "xl-differ")


def reserve_line(place: DeltaGenerator) -> None:
    """Draw a line of the same height, so that the page does not jump when the answers are there."""
    _line(place, "…", "xl-agree")


def _line(place: DeltaGenerator, text: str, kind: str) -> None:
    place.html(f"<div class='xl-verdict {kind}'>{html.escape(text)}</div>")


def _card(family: str, scheme: str, result: Result, times: Mapping[str, tuple[float, str]], top: int) -> str:
    if result is None:
        text = "Loading; the first time on a machine its kernels are compiled, too."
        return cards.card(scheme, f"<div class='xl-answer xl-dim'>…</div><div class='xl-dim'>{text}</div>")
    if isinstance(result, ValueError):
        return cards.card(
            scheme,
            f"<div class='xl-answer xl-dim'>not available</div><div>{markup.html_with_code(str(result))}</div>",
            [markup.html_with_code(networks.advice(family, scheme))],
        )
    shipped = networks.entry(family, scheme)
    timed = times.get(networks.name(family, scheme))
    bars = "".join(
        f"<li><span>{html.escape(prediction.label)}</span>"
        f"<span class='xl-number'>{units.percent(prediction.probability)}</span>"
        f"<span class='xl-track'>{cards.bar(scheme, prediction.probability)}</span></li>"
        for prediction in result.predictions[:top]
    )
    return cards.card(
        scheme,
        f"<div class='xl-answer'>{html.escape(result.best.label)}</div><ol class='xl-bars'>{bars}</ol>",
        [
            cards.footnote("– ms" if timed is None else units.duration(timed[0]), "measured here"),
            cards.footnote(units.memory(shipped.bytes), "packed file"),
            cards.footnote(f"{100 * shipped.top1:.1f} %", f"right among {len(shipped.labels)} classes, at training"),
        ],
    )
