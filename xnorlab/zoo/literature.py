"""Recorded times of the literature's networks: `literature.json`, one record per processor and path.

The file lies in the user's cache, where `xnorlab bench literature` keeps its record, and in the folder of shipped
networks. A record of the cache stands in for the shipped one of the same processor and path.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorlab import atomic
from xnorlab.cache_folder import default_cache_folder
from xnorlab.paper.published import INT8, TORCHVISION, PublishedAccuracy, accuracy
from xnorlab.zoo import manifest
from xnorlab.zoo.benchmarks import place

FILE = "literature.json"

COMMAND = "xnorlab bench literature"

OURS = "xnorlab"
"""The engine of the binary networks: this runtime."""


@dataclass(frozen=True)
class EngineTime:
    """The time of a network for one picture in one engine.

    Attributes:
        engine: OURS, or a key of `peers.module_engines.ENGINES`.
        median_s: Median in seconds.
        low_s, high_s: Quartiles in seconds.
    """

    engine: str
    median_s: float
    low_s: float
    high_s: float

    @property
    def spread(self) -> float:
        """Interquartile range over median."""
        return (self.high_s - self.low_s) / self.median_s


@dataclass(frozen=True)
class LiteratureTimes:
    """The times of one network, which has random weights.

    Attributes:
        network: The architecture, as `paper.published` writes it.
        scheme: Key of its scheme.
        times: One per engine that ran it.
        left_out: By engine that did not, the reason.
    """

    network: str
    scheme: str
    times: tuple[EngineTime, ...]
    left_out: Mapping[str, str]

    @property
    def is_ours(self) -> bool:
        """Whether this runtime ran it."""
        return any(time.engine == OURS for time in self.times)

    def fastest(self, int8: bool) -> EngineTime | None:
        """The fastest engine in eight bits, or in float32 or binary form; None where there is none."""
        own = [time for time in self.times if time.engine.endswith("int8") == int8]
        return min(own, key=lambda time: time.median_s, default=None)


@dataclass(frozen=True)
class LiteratureRecord:
    """What one run of `xnorlab bench literature` measured.

    Attributes:
        machine: See `benchmark.Machine.to_dict`.
        pixels: Side of the picture.
        threads: Threads of every engine.
        networks: In the order in which they were listed.
    """

    machine: Mapping[str, Any]
    pixels: int
    threads: int
    networks: tuple[LiteratureTimes, ...]

    @property
    def place(self) -> str:
        """The processor and the instructions in use."""
        return place(self.machine)


@dataclass(frozen=True)
class Placed:
    """A network with its published accuracy and its measured time.

    Attributes:
        network: The architecture.
        scheme: Key of its scheme; INT8 for a network in eight bits.
        time: Measured, see `LiteratureRecord.machine`.
        published: The accuracy as printed.
        own_accuracy: Whether the accuracy is one of this form. It is false for a network in eight bits whose accuracy
            was published in float32 only, which `published` holds then.
    """

    network: str
    scheme: str
    time: EngineTime
    published: PublishedAccuracy
    own_accuracy: bool = True


def placed(record: LiteratureRecord) -> tuple[Placed, ...]:
    """Every network of a record that was timed, binary ones first, each with the accuracy that is published of it."""
    binary, others = [], []
    for one in record.networks:
        time = one.fastest(int8=False)
        if one.is_ours:
            assert time is not None
            binary.append(Placed(one.network, one.scheme, time, accuracy(one.network, one.scheme)))
            continue
        real = accuracy(one.network, "float", source=TORCHVISION)
        if time is not None:
            others.append(Placed(one.network, "float", time, real))
        if (eight := one.fastest(int8=True)) is not None:
            try:
                others.append(Placed(one.network, INT8, eight, accuracy(one.network, INT8)))
            except ValueError:
                others.append(Placed(one.network, INT8, eight, real, own_accuracy=False))
    return (*binary, *others)


def read() -> tuple[LiteratureRecord, ...]:
    """All records, those of the user's cache first; none where there is no readable file."""
    records: dict[str, LiteratureRecord] = {}
    for folder in (default_cache_folder(), manifest.folder()):
        for one in _stored(folder / FILE):
            record = _record(one)
            records.setdefault(record.place, record)
    return tuple(records.values())


def keep(result: Mapping[str, Any], folder: str | Path | None = None) -> Path:
    """Keep what `LiteratureBench.to_dict` gave, in place of the former record of that processor and path.

    Args:
        result: The run.
        folder: Folder of the file; the user's cache if None.

    Returns:
        The file.

    Raises:
        OSError: It cannot be written.
    """
    file = (default_cache_folder() if folder is None else Path(folder)) / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    others = [one for one in _stored(file) if place(one["machine"]) != place(result["machine"])]
    atomic.write_json(file, {"command": COMMAND, "records": [*others, dict(result)]})
    return file


def _stored(file: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(file.read_text("utf-8"))["records"]
        for one in records:
            placed(_record(one))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # none yet, or one of another version
        return []
    return records


def _record(one: Mapping[str, Any]) -> LiteratureRecord:
    networks = tuple(
        LiteratureTimes(
            str(row["network"]),
            str(row["scheme"]),
            tuple(
                EngineTime(str(engine), float(time["median_s"]), *map(float, time["quartiles_s"]))
                for engine, time in row["times"].items()
            ),
            dict(row["left_out"]),
        )
        for row in one["networks"]
    )
    return LiteratureRecord(dict(one["machine"]), int(one["pixels"]), int(one["threads"]), networks)
