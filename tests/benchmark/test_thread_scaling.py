"""Threads against processes: every kind of work is measured, and the share is a ratio of rates."""

import json

import pytest
from typer.testing import CliRunner

from xnorlab import pretrained
from xnorlab.benchmark.thread_scaling import Scaling, bench_threads
from xnorlab.cli import app
from xnorlab.kernels.threads import available_threads


def test_the_share_is_the_rate_of_threads_over_that_of_processes():
    scaling = Scaling((2.0, 2.0), (1.0, 2.0), (2.0, 2.0))
    assert scaling.share(2) == (1.0, 0.5)
    assert scaling.to_dict(2)["share"] == 0.75


@pytest.mark.skipif(available_threads() < 2, reason="needs two processors")
def test_all_work_is_measured_in_processes_of_its_own():
    name = pretrained.names()[0]
    arguments = ["bench", "threads", name, "--rounds", "2", "--seconds", "0.05", "--threads", "2", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    work = json.loads(result.stdout)["work"]
    assert list(work) == ["3×3 256@56", f"{name}, batch 1", f"{name}, batch 8"]
    for times in work.values():
        assert {len(times[key]) for key in ("alone_s", "threads_s", "processes_s")} == {2}
        assert min(times["alone_s"]) > 0
        assert times["share"] > 0


@pytest.mark.parametrize("threads", [0, 1, 10_000])
def test_threads_that_are_none_are_refused(threads: int):
    with pytest.raises(ValueError, match=f"threads={threads} must be from 2 to the processors of this process"):
        bench_threads({}, threads=threads)
