"""One run of a job by either engine: the parts that are left, then the summary of all."""

from collections.abc import Callable

from xnorlab.classify import local_engine, rows
from xnorlab.classify.classifier import check
from xnorlab.classify.entries import is_address
from xnorlab.classify.job import Job, JobError
from xnorlab.classify.summary import Clock, Progress, Summary

ENGINES = ("local", "ray")


def classify(
    job: Job,
    *,
    engine: str = "local",
    workers: int | None = None,
    address: str | None = None,
    report: Callable[[Progress], object] = lambda progress: None,
) -> Summary:
    """Classify what is left of a job.

    Every part is written all or nothing, so that a run that was killed goes on where it was, and by either engine.

    Args:
        job: see `Job.begin`.
        engine: one of ENGINES.
        workers: processes, at least 1; None is one per processor of this machine, or of the cluster.
        address: a Ray cluster's; None starts Ray on this machine. For the engine "ray" alone.
        report: called from time to time while the run goes on.

    Returns:
        The summary: of rows and errors over the whole job, of times over this run.

    Raises:
        ValueError: an argument does not fit.
        OSError: a part cannot be written.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine={engine!r} must be one of {', '.join(ENGINES)}")
    if engine == "local" and address is not None:
        raise ValueError(f"address={address!r} is a cluster's, which the engine 'ray' alone uses")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers!r} must be at least 1")
    check_source(job.settings.source, engine)
    check(job.network(), job.settings)
    done = job.finished()
    left = [part for part in range(job.parts) if not done[part]]
    clock = Clock(job.pictures, job.pictures - sum(map(job.rows, left)))
    report(clock.progress(0))
    if left:
        if engine == "local":
            used = min(len(left), local_engine.default_workers() if workers is None else workers)
            local_engine.run(job, iter(left), clock, used, report)
        else:
            from xnorlab.classify import ray_engine

            used = ray_engine.run(job, left, clock, workers, address, report)
    else:
        used = 0
    seconds = clock.seconds
    errors = clock.cost.errors + sum(rows.errors_in(job.part_file(part)) for part in range(job.parts) if done[part])
    return Summary(job.pictures, errors, engine, used, seconds, clock.cost)


def check_source(source: str, engine: str) -> None:
    """Refuse a bucket's address for an engine that does not read it."""
    if engine != "ray" and is_address(source):
        raise JobError(f"source={source!r} is a bucket's address, which --engine ray reads")
