"""The classifier of a part: from its entries to rows, with the time that reading and the network took."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np

from xnorlab.classify import pictures, rows
from xnorlab.classify.entries import Entry
from xnorlab.classify.job import JobError, Settings
from xnorlab.classify.pictures import Source
from xnorlab.classify.storage import Storage
from xnorlab.images import ImageError, Preprocessing, open_image
from xnorlab.runtime import Network
from xnorlab.runtime.network import BATCH

NETWORK = -1
"""Position while the network runs, see `Classifier.part`."""


@dataclass(frozen=True)
class Cost:
    """What a part, or several, took.

    Attributes:
        pictures: how many.
        errors: how many of them could not be read.
        decode_s: seconds in which pictures were read, decoded, scaled and cropped.
        network_s: seconds in which the network ran.
        seconds: all seconds, from the list to the rows.
    """

    pictures: int = 0
    errors: int = 0
    decode_s: float = 0.0
    network_s: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """The fields as values that JSON can hold."""
        return asdict(self)


def check(network: Network, settings: Settings) -> Preprocessing:
    """The preprocessing of a network; raises JobError where it has none, or where its output is no list of classes."""
    if network.preprocessing is None:
        raise JobError(f"network={settings.network!r} must store its preprocessing; it has none")
    if len(network.output_shape) != 1:
        raise JobError(f"network={settings.network!r} must end on classes; its output is {network.output_shape}")
    return network.preprocessing


class Classifier:
    """A network with all that it takes to classify a part of a job, in one process on one thread.

    Args:
        network: with preprocessing and an output of classes.
        settings: of the job.

    Raises:
        JobError: see `check`.
    """

    def __init__(self, network: Network, settings: Settings):
        self._preprocessing = check(network, settings)
        self._network, self._settings = network, settings
        self._draft_side = self._preprocessing.resize if settings.draft else None
        self._storage = Storage(settings.base, settings.source)
        self._schema = rows.schema(settings, network.unknown)
        network.run(np.zeros((BATCH, *network.input_shape), np.float32))  # compiles the kernels, or loads them

    def part(
        self,
        entries: list[Entry],
        *,
        at: Callable[[int], object] = lambda position: None,
        refused: Mapping[int, str] | None = None,
    ) -> tuple[bytes, Cost]:
        """Classify one part.

        Args:
            entries: its pictures.
            at: called with the number of each picture before it is read, and with NETWORK before the network runs.
            refused: numbers of pictures that are not to be read → the reason.

        Returns:
            The content of a Parquet file with one row per picture, in the order of `entries`, and what it took.
        """
        start = time.perf_counter()
        refused = {} if refused is None else refused
        answers: list[rows.Row] = []
        waiting: list[tuple[int, np.ndarray]] = []
        decode_s = network_s = 0.0
        decoding_since = start

        def run() -> None:
            nonlocal network_s, decode_s, decoding_since
            began = time.perf_counter()
            decode_s += began - decoding_since
            if waiting:
                at(NETWORK)
                logits = self._network.run(np.concatenate([x for _, x in waiting]))
                for (index, _), answer in zip(waiting, self._network.answers(logits, self._settings.top), strict=True):
                    answers[index] = rows.answered(answers[index].path, answer)
                waiting.clear()
            decoding_since = time.perf_counter()
            network_s += decoding_since - began

        at(0)
        for index, source in enumerate(pictures.sources(entries, self._settings.column, self._storage)):
            at(index)
            answer = self._read(source) if index not in refused else refused[index]
            answers.append(rows.unread(source.name, answer if isinstance(answer, str) else ""))
            if not isinstance(answer, str):
                waiting.append((index, answer))
            if len(waiting) == BATCH:
                run()
        run()
        data = rows.to_parquet(answers, self._schema)
        errors = sum(row.error is not None for row in answers)
        return data, Cost(len(answers), errors, decode_s, network_s, time.perf_counter() - start)

    def _read(self, source: Source) -> np.ndarray | str:
        """The network's input for one picture, float32 (1, crop, crop, 3), or why it cannot be read."""
        if source.problem:
            return source.problem
        try:
            return self._preprocessing([open_image(source.data, name="it", draft_side=self._draft_side)])
        except ImageError as error:
            return str(error)
        except (OSError, MemoryError) as error:  # a disk that fails while the picture is read
            return f"it cannot be read: {error}"
