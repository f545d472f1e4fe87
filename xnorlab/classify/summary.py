"""Progress and summary of a classification: pictures, errors, rate, core-hours, projected to a billion."""

import time
from dataclasses import dataclass
from typing import Any

from xnorlab.classify.classifier import Cost
from xnorlab.zoo.cost import core_hours


@dataclass(frozen=True)
class Progress:
    """A run under way.

    Attributes:
        pictures: how many the job has.
        done: how many are classified, those of earlier runs included.
        rate: pictures a second of this run; 0 before the first one.
    """

    pictures: int
    done: int
    rate: float

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate; None while there is no rate."""
        return (self.pictures - self.done) / self.rate if self.rate else None


class Clock:
    """What is known of a run while it goes on.

    Args:
        pictures: how many the job has.
        before: how many earlier runs classified.
    """

    def __init__(self, pictures: int, before: int):
        self._pictures, self._before = pictures, before
        self.cost = Cost()
        self._began: float | None = None

    def start(self, seconds_ago: float = 0.0) -> None:
        """Begin to count seconds, unless that was done: the first process is ready, or was so some seconds ago."""
        if self._began is None:
            self._began = time.perf_counter() - seconds_ago

    @property
    def seconds(self) -> float:
        """Seconds since the first process was ready."""
        return 0.0 if self._began is None else time.perf_counter() - self._began

    def progress(self, under_way: int) -> Progress:
        """Where the run is.

        Args:
            under_way: pictures of unfinished parts that are done.
        """
        done = self.cost.pictures + under_way
        return Progress(self._pictures, self._before + done, done / self.seconds if self.seconds else 0.0)


@dataclass(frozen=True)
class Summary:
    """A finished run.

    Attributes:
        rows: of the whole job.
        errors: how many of them have an error.
        engine: "local" or "ray".
        workers: processes that classified.
        seconds: of this run, from when the first process was ready to the last row.
        cost: what the parts of this run took, summed over the processes.
    """

    rows: int
    errors: int
    engine: str
    workers: int
    seconds: float
    cost: Cost

    @property
    def rate(self) -> float:
        """Pictures a second of this run; 0 where it had none left to do."""
        return self.cost.pictures / self.seconds if self.seconds else 0.0

    @property
    def core_hours(self) -> float:
        """Hours in which processes of this run classified."""
        return self.cost.seconds / 3600

    @property
    def core_hours_for_a_billion(self) -> float | None:
        """Core-hours of a billion such pictures; None where this run had none to do."""
        return core_hours(self.cost.seconds / self.cost.pictures) if self.cost.pictures else None

    def to_dict(self) -> dict[str, Any]:
        """The figures as values that JSON can hold."""
        names = ("rows", "errors", "engine", "workers", "seconds", "rate", "core_hours", "core_hours_for_a_billion")
        return {name: getattr(self, name) for name in names} | {"this_run": self.cost.to_dict()}
