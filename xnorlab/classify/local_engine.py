"""The engine of one machine: a process per core, parts handed out one after the other, processes that die replaced."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait

from xnorlab.classify.job import Job, JobError
from xnorlab.classify.summary import Clock, Progress
from xnorlab.classify.workers import READY, Worker
from xnorlab.kernels.threads import available_threads

LOOK_SECONDS = 0.5
"""How often the progress is told anew."""

MOST_DEATHS = 2
"""How often a process may die at one place. A picture that ends its second process gets a row with that reason."""


def default_workers() -> int:
    """One process per processor."""
    return available_threads()


def run(job: Job, parts: Iterator[int], clock: Clock, workers: int, report: Callable[[Progress], object]) -> None:
    """Classify parts of a job.

    Args:
        job: whose network and list are on this machine's disks.
        parts: numbers of those that are to be done.
        clock: told what they took.
        workers: number of processes, at least 1.
        report: called about every LOOK_SECONDS.

    Raises:
        JobError: processes end without a picture to blame.
        OSError: a part cannot be written, or a list not be read.
    """
    left = _Parts(parts)
    pool: list[Worker] = []
    try:
        pool = [Worker(job.folder) for _ in range(workers)]
        while pool:
            for pipe in wait([worker.pipe for worker in pool], LOOK_SECONDS):
                worker = next(worker for worker in pool if worker.pipe is pipe)
                try:
                    answer = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    pool[pool.index(worker)] = left.after_the_death_of(worker, Worker(job.folder))
                    continue
                clock.start()
                if isinstance(answer, Exception):
                    raise answer
                if answer != READY:
                    clock.cost += answer
                    worker.part = None
                if (part := left.next()) is None:
                    pool.remove(worker)
                    worker.close()
                else:
                    worker.give(part, left.refused[part])
            report(clock.progress(sum(worker.done for worker in pool)))
    finally:
        for worker in pool:
            worker.close()


class _Parts:
    """The parts that are left, and what is known of those that ended a process."""

    def __init__(self, parts: Iterator[int]):
        self._parts = parts
        self._again: list[int] = []
        self._deaths: dict[tuple[int | None, int], int] = defaultdict(int)
        self.refused: dict[int, dict[int, str]] = defaultdict(dict)

    def next(self) -> int | None:
        return self._again.pop() if self._again else next(self._parts, None)

    def after_the_death_of(self, worker: Worker, successor: Worker) -> Worker:
        """Note where a process died; its part comes next."""
        place = worker.part, worker.position
        self._deaths[place] += 1
        if worker.part is not None:
            self._again.append(worker.part)
        if self._deaths[place] >= MOST_DEATHS:
            how = worker.how_it_ended()
            if worker.part is None or worker.position < 0:
                successor.close()
                where = (
                    "before their first part" if worker.part is None else f"in part {worker.part}, within the network"
                )
                raise JobError(f"{MOST_DEATHS} processes ended {where}: {how}; is there enough memory?")
            self.refused[worker.part][worker.position] = f"it ended the process that read it ({how})"
        worker.close()
        return successor
