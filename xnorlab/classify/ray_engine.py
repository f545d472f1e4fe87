"""The engine of a cluster: Ray Data hands the list's parts to a pool of actors that hold the packed network.

The parts of the list travel to the actors and their rows come back, so that the pictures alone must be readable from
every node, and the job's folder from this machine. Ray does a part again whose actor or node has died.
"""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, fields
from typing import Any, cast

# Read when Ray is imported: it sends usage statistics to its makers unless it is told not to.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError

from xnorlab import atomic
from xnorlab.classify.classifier import Classifier, Cost
from xnorlab.classify.job import Job, JobError, Settings, entries_in
from xnorlab.classify.summary import Clock, Progress
from xnorlab.kernels.threads import available_threads
from xnorlab.printable import error_line
from xnorlab.runtime import Network

PARTS_AT_ONCE = 200
"""Parts per actor that are handed to Ray Data at once, so that a list of any length takes bounded memory."""

STORE_BYTES = 256 << 20
"""Memory of the object store where Ray is started here: lists and rows are small."""


class PartClassifier:
    """The actor: a packed network that turns parts of the list into files of rows.

    Args:
        network: the packed file.
        settings: the fields of `Settings`.
    """

    def __init__(self, network: bytes, settings: dict[str, Any]):
        self._classifier = Classifier(Network.from_bytes(network), Settings(**settings))

    def __call__(self, parts: pa.Table) -> pa.Table:
        """Classify parts: from columns `part` and `list` to `part`, `rows` and the fields of `Cost`."""
        columns: dict[str, list[Any]] = {name: [] for name in ("part", "rows", *_COSTS)}
        for part, listed in zip(parts["part"].to_pylist(), parts["list"].to_pylist(), strict=True):
            rows, cost = self._classifier.part(entries_in(listed))
            for column, value in zip(columns.values(), (part, rows, *astuple(cost)), strict=True):
                column.append(value)
        return pa.table(columns)


_COSTS = [field.name for field in fields(Cost)]


def run(
    job: Job,
    parts: Sequence[int],
    clock: Clock,
    workers: int | None,
    address: str | None,
    report: Callable[[Progress], object],
) -> int:
    """Classify parts of a job; returns the number of actors.

    Args:
        job: whose folder is on this machine.
        parts: numbers of those that are to be done.
        clock: told what they took.
        workers: actors, one processor each; None is one per processor of the cluster.
        address: the cluster's, such as "auto" or HOST:PORT; None starts Ray on this machine.
        report: called after every part.

    Raises:
        JobError: Ray gives up.
        OSError: there is no such cluster, or a part cannot be written.
    """
    with _connected(address, workers):
        actors = int(ray.cluster_resources().get("CPU", 1)) if workers is None else workers
        actors = max(1, min(actors, len(parts)))
        try:
            for start in range(0, len(parts), PARTS_AT_ONCE * actors):
                chosen = parts[start : start + PARTS_AT_ONCE * actors]
                for part, rows, cost in _classified(job, chosen, actors):
                    atomic.write_bytes(job.part_file(part), rows)
                    clock.start(cost.seconds)
                    clock.cost += cost
                    report(clock.progress(0))
        except RayError as error:
            raise JobError(f"Ray ended with {error_line(getattr(error, 'cause', None) or error)}") from error
    return actors


def _classified(job: Job, parts: Sequence[int], actors: int) -> Iterator[tuple[int, bytes, Cost]]:
    listed = [pa.table({"part": [part], "list": [job.list_bytes(part)]}) for part in parts]
    # One part is one task. A second one waits at each actor, so that none is idle between two.
    done: Dataset = ray.data.from_arrow(listed).map_batches(
        PartClassifier,
        batch_size=1,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        fn_constructor_args=(job.network_file.read_bytes(), asdict(job.settings)),
        num_cpus=1,
    )
    for table in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for record in cast("pa.Table", table).to_pylist():
            yield record["part"], record["rows"], Cost(*(record[name] for name in _COSTS))


@contextlib.contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[None]:
    """Context with a connection to the cluster, or to a Ray of its own that ends with it."""
    if ray.is_initialized():  # by the program that calls this
        yield
        return
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        count = available_threads() if workers is None else workers
        ray.init("local", num_cpus=count, object_store_memory=STORE_BYTES, include_dashboard=False, **quiet)
    else:
        ray.init(address=address, **quiet)
    # Ray puts handlers of its own in the place of those that end a command with its line.
    for number, handler in handlers.items():
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(number, handler)
    DataContext.get_current().enable_progress_bars = False
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Ray prints what happens to its processes
            yield
    finally:
        ray.shutdown()
