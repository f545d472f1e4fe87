"""How fast pictures are classified on this machine, by engine and number of processes; their rows are compared."""

import hashlib
import importlib.util
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from xnorlab.benchmark.machine import Machine, describe
from xnorlab.benchmark.process_memory import PeakMemory
from xnorlab.benchmark.timing import BenchmarkError
from xnorlab.classify import sample_photos
from xnorlab.classify.job import Job, Settings
from xnorlab.classify.run import classify
from xnorlab.classify.sources import entries
from xnorlab.classify.storage import Storage
from xnorlab.classify.summary import Progress, Summary
from xnorlab.zoo.cost import core_hours

PARTS = 16
"""Parts per process: so few pictures are left when the first process has no more."""


@dataclass(frozen=True)
class Run:
    """One engine with one number of processes.

    Attributes:
        summary: its rate, and seconds to decode and in the network.
        draft: whether JPEGs were decoded at a fraction of their size.
        memory_bytes: most memory of all processes together; None where the system does not tell.
        changed: share of pictures with another most probable class than without `draft`.
    """

    summary: Summary
    draft: bool
    memory_bytes: int | None
    changed: float

    @property
    def decode_s(self) -> float:
        """Seconds to read, decode and crop one picture."""
        return self.summary.cost.decode_s / self.summary.cost.pictures

    @property
    def network_s(self) -> float:
        """Seconds of one picture in the network."""
        return self.summary.cost.network_s / self.summary.cost.pictures

    @property
    def core_hours_per_million(self) -> float:
        """Core-hours of a million such pictures."""
        return core_hours(self.summary.cost.seconds / self.summary.cost.pictures, 1e6)

    def to_dict(self) -> dict[str, Any]:
        """The figures as values that JSON can hold."""
        names = ("draft", "memory_bytes", "changed", "decode_s", "network_s", "core_hours_per_million")
        return {name: getattr(self, name) for name in names} | self.summary.to_dict()


@dataclass(frozen=True)
class ClassifyBench:
    """The result of `bench_classify`.

    Attributes:
        network: its name.
        sha256: of its packed file.
        pictures: what was classified, in words.
        machine: where, and when.
        runs: one per engine, number of processes and way of decoding.
    """

    network: str
    sha256: str
    pictures: str
    machine: Machine
    runs: tuple[Run, ...]

    def to_dict(self) -> dict[str, Any]:
        """The results as values that JSON can hold."""
        names = ("network", "sha256", "pictures")
        values = {name: getattr(self, name) for name in names}
        return values | {"machine": self.machine.to_dict(), "runs": [run.to_dict() for run in self.runs]}


def engines() -> tuple[str, ...]:
    """The engines that are installed."""
    return ("local", "ray") if importlib.util.find_spec("ray") is not None else ("local",)


def bench_classify(
    network: bytes,
    name: str,
    *,
    source: str | None = None,
    images: int = 2000,
    workers: Sequence[int] = (1, 2),
    engines: Sequence[str] = ("local",),
    progress: Callable[[float, str], object] = lambda share, text: None,
) -> ClassifyBench:
    """Classify pictures by each engine with each number of processes, and once with draft decoding.

    Args:
        network: a packed file.
        name: of the network.
        source: of pictures, see `xnorlab classify`; None draws some.
        images: how many are classified per run, at least 1; those of the source are repeated or cut.
        workers: numbers of processes.
        engines: "local", "ray".
        progress: called with a share from 0 to 1 and a text.

    Raises:
        BenchmarkError: two runs gave different rows.
        ValueError: there is no picture, or an argument does not fit.
    """
    plan = [(engine, count, False) for engine in engines for count in workers]
    # Beside the run that it is compared with, and before Ray is loaded into this process, whose memory counts, too.
    plan.insert(len(workers), (engines[0], workers[-1], True))
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        places, described = _places(Path(folder), source)
        listed = Path(folder) / "list"
        listed.write_bytes(b"\n".join(places[i % len(places)] for i in range(images)))
        part_rows = max(1, images // (PARTS * max(workers)))
        first: list[bytes] = []
        labels: list[str | None] = []
        for number, (engine, count, draft) in enumerate(plan):
            title = f"{engine}, {count} process{'es' if count > 1 else ''}{', draft' if draft else ''}"
            settings = Settings.of(str(listed), name, network, folder, draft=draft)
            job = Job.begin(Path(folder) / f"out{number}", settings, network, part_rows=part_rows)
            tell = partial(_tell, progress, title, number, len(plan))
            with PeakMemory() as memory:
                summary = classify(job, engine=engine, workers=count, report=tell)
            rows = [job.part_file(part).read_bytes() for part in range(job.parts)]
            now = [label for table in job.tables() for label in table["label"].to_pylist()]
            if number == 0:
                first, labels = rows, now
            if not draft and rows != first:
                raise BenchmarkError(f"{title}: other rows than those of the first run; nothing is reported")
            changed = sum(a != b for a, b in zip(now, labels, strict=True)) / images
            runs.append(Run(summary, draft, memory.bytes, changed))
    return ClassifyBench(name, hashlib.sha256(network).hexdigest(), described, describe(), tuple(runs))


def _tell(progress: Callable[[float, str], object], title: str, number: int, runs: int, current: Progress) -> None:
    progress((number + current.done / current.pictures) / runs, title)


def _places(folder: Path, source: str | None) -> tuple[list[bytes], str]:
    """Paths of pictures, and what they are in words."""
    if source is None:
        paths = sample_photos.draw(folder)
        mean = sum(path.stat().st_size for path in paths) / len(paths)
        width, height = sample_photos.SIZE
        return [bytes(path) for path in paths], f"drawn JPEGs of {width} × {height} pixels, {mean / 1000:.0f} KB each"
    storage = Storage(str(Path.cwd()), source)
    places = [storage.path(entry.place).encode("utf-8", "surrogateescape") for entry in entries(source, None, storage)]
    if not places:
        raise ValueError(f"pictures={source!r} holds no picture")
    return places, f"{source}, {len(places):,} files"
