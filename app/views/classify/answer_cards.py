"""The cards with each network's answer to the photo, and the line above them that says whether they agree."""

import collections
import html
from collections.abc import Mapping, Sequence

from shared import cards, markup, networks, own_networks
from shared.network_times import NetworkTime
from streamlit.delta_generator import DeltaGenerator

from views.classify.classifications import Classification
from xnorlab import units

IN_WORDS = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1))

Result = Classification | ValueError | None
"""What a network classified the photo as, why it could not, or None while it was not asked yet."""


def show(
    place: DeltaGenerator, family: str, results: Mapping[str, Result], times: Mapping[str, NetworkTime], *, top: int
) -> None:
    """Draw one card per network.

    Args:
        place: Where the cards stand; what stood there is replaced.
        family: Of the networks.
        results: Scheme → the result of its network.
        times: Network's name → its time; a dash stands where there is none yet.
        top: Classes on a card.
    """
    with place:
        cards.show(_card(family, scheme, result, times, top) for scheme, result in results.items())


def say_what_they_answer(place: DeltaGenerator, answers: Sequence[Classification]) -> None:
    """Draw a line that says what the networks voted for, or that they do not know the photo."""
    if not answers:
        place.empty()
        return
    text = headline(answers)
    kind = "xl-agree" if len({answer.best.label for answer in answers}) == 1 else "xl-differ"
    _line(place, text, kind)


def headline(answers: Sequence[Classification]) -> str:
    """What the networks say together: none of their classes, perhaps, where at least half of them refuse the photo.

    Args:
        answers: One per network, at least one; they have the same classes.
    """
    votes = collections.Counter(answer.best.label for answer in answers)
    refused = sum(answer.is_unknown is True for answer in answers)
    if 2 * refused >= len(answers):
        count = len(answers[0].predictions)
        who = "it does not know it" if len(answers) == 1 else f"{refused} of {len(answers)} networks do not know it"
        nearest = ", ".join(label for label, _ in votes.most_common(3))
        return f"None of my {IN_WORDS.get(count, str(count))}, perhaps: {who}. Nearest: {nearest}"
    doubt = f" ({refused} of them in doubt)" if refused else ""
    if len(votes) == 1:
        label = next(iter(votes))
        return label if len(answers) == 1 else f"All {len(answers)} agree: {label}{doubt}"
    return f"They disagree: {', '.join(f'{count} × {label}' for label, count in votes.most_common())}{doubt}"


def reserve_line(place: DeltaGenerator) -> None:
    """Draw a line of the same height, so that the page does not jump when the answers are there."""
    _line(place, "…", "xl-agree")


def _line(place: DeltaGenerator, text: str, kind: str) -> None:
    place.html(f"<div class='xl-verdict {kind}'>{html.escape(text)}</div>")


def _card(family: str, scheme: str, result: Result, times: Mapping[str, NetworkTime], top: int) -> str:
    if result is None:
        text = "Loading; the first time on a machine its kernels are compiled, too."
        return cards.card(scheme, f"<div class='xl-answer xl-dim'>…</div><div class='xl-dim'>{text}</div>")
    if isinstance(result, ValueError):
        return cards.card(
            scheme,
            f"<div class='xl-answer xl-dim'>not available</div><div>{markup.html_with_code(str(result))}</div>",
            [markup.html_with_code(networks.advice(family, scheme))],
        )
    bars = "".join(
        f"<li><span>{html.escape(prediction.label)}</span>"
        f"<span class='xl-number'>{units.percent(prediction.probability)}</span>"
        f"<span class='xl-track'>{cards.bar(scheme, prediction.probability)}</span></li>"
        for prediction in result.predictions[:top]
    )
    return cards.card(
        scheme,
        f"<div class='xl-answer'>{html.escape(result.best.label)}{_doubt(result)}</div><ol class='xl-bars'>{bars}</ol>",
        _footnotes(family, scheme, result, times),
    )


def _footnotes(family: str, scheme: str, result: Classification, times: Mapping[str, NetworkTime]) -> list[str]:
    if own_networks.is_own(family):
        return [
            cards.footnote(units.duration(result.seconds), "this one answer took, cropping included"),
            cards.footnote(units.memory(own_networks.get(family).file_bytes), "packed file"),
            cards.footnote("– %", f"its accuracy on {len(result.predictions)} classes is not in the file"),
        ]
    shipped = networks.entry(family, scheme)
    return [
        cards.footnote(*_time(times.get(networks.name(family, scheme)))),
        cards.footnote(units.memory(shipped.bytes), "packed file"),
        cards.footnote(f"{100 * shipped.top1:.1f} %", f"right among {len(shipped.labels)} classes, at training"),
    ]


def _doubt(result: Classification) -> str:
    """What stands behind the answer of a network that refuses the photo."""
    return "<span class='xl-doubt'>perhaps none of mine</span>" if result.is_unknown else ""


def _time(timed: NetworkTime | None) -> tuple[str, str]:
    """A network's time in this process, and what it is."""
    if timed is None:
        return "– ms", "being measured"
    spread = units.percent(timed.timing.spread)
    return units.duration(timed.timing.median_s), f"measured here, the middle half within {spread}"
