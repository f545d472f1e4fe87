"""Which network fits what somebody needs, which of those is best, and what to give up where none fits."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from xnorlab.zoo.cost import NetworkCost

GOALS = {"top1": "Accuracy", "seconds": "Speed", "file_bytes": "Size"}
"""What matters most among the networks that fit → how it is written."""

SUPERLATIVES = {"top1": "most accurate", "seconds": "fastest", "file_bytes": "smallest"}


@dataclass(frozen=True)
class Needs:
    """What is asked of a network; None asks for nothing.

    Attributes:
        top1: The least accuracy, 0 to 1.
        seconds: The longest time for one picture.
        file_bytes: The largest packed file.
    """

    top1: float | None = None
    seconds: float | None = None
    file_bytes: int | None = None

    @property
    def asked(self) -> list[str]:
        """Which of GOALS something is asked of."""
        return [need for need in GOALS if getattr(self, need) is not None]


@dataclass(frozen=True)
class Offer:
    """What can be chosen from: networks, with their times where these are known.

    Attributes:
        costs: The networks, at least one.
        seconds: Name → seconds of one picture.
    """

    costs: Sequence[NetworkCost]
    seconds: Mapping[str, float]

    def badness(self, goal: str) -> Callable[[NetworkCost], float]:
        """What is least for the network that is best for `goal`; infinite for a network without a time."""
        if goal == "seconds":
            return lambda cost: self.seconds.get(cost.name, math.inf)
        return lambda cost: -cost.top1 if goal == "top1" else cost.file_bytes

    def fits(self, cost: NetworkCost, needs: Needs) -> bool:
        """Whether a network has all that is asked for; one without a time yet is taken to be fast enough."""
        return (
            (needs.top1 is None or cost.top1 >= needs.top1)
            and (needs.seconds is None or self.seconds.get(cost.name, 0.0) <= needs.seconds)
            and (needs.file_bytes is None or cost.file_bytes <= needs.file_bytes)
        )

    def fitting(self, needs: Needs) -> list[NetworkCost]:
        """The networks that have all that is asked for."""
        return [cost for cost in self.costs if self.fits(cost, needs)]

    def best(self, needs: Needs, goal: str) -> NetworkCost | None:
        """The best of the fitting networks for `goal`, of equal ones the more accurate, then the smaller; or None."""
        return min(
            self.fitting(needs), key=lambda cost: (self.badness(goal)(cost), -cost.top1, cost.file_bytes), default=None
        )

    def instead(self, needs: Needs) -> dict[str, NetworkCost]:
        """What is given up → the network that misses it by least and has all else; empty where one is not enough."""
        nearest = {need: self.best(replace(needs, **{need: None}), need) for need in needs.asked}
        return {need: cost for need, cost in nearest.items() if cost is not None}
