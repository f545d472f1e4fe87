"""A Ray cluster of two nodes: rows equal to the local engine's, whatever dies in mid-run, and never torch."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xnorlab.classify import Job, Progress, Settings, classify

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
TIMES = 20
"""How often each photo is in the list, so that a run lasts for some seconds."""


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package torch that leaves a file where it is imported, and fails."""
    trap = tmp_path_factory.mktemp("trap")
    (trap / "torch").mkdir()
    code = f"open({str(trap / 'imported')!r}, 'w'); raise ImportError('torch')"
    (trap / "torch" / "__init__.py").write_text(code)
    return trap


@pytest.fixture(scope="module")
def cluster(trap: Path) -> Iterator[Any]:
    """Two nodes of one processor each, whose processes run into the trap if they import torch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(trap), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        head = {**NODE, "include_dashboard": False, "_system_config": SOON}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.second = cluster.add_node(**NODE)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def begin_list(photos: Path, packed: bytes, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Job]:
    """begin_list() → a new job of every photo TIMES times."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "list").write_text("\n".join([str(path) for path in sorted(photos.rglob("*.*g"))] * TIMES))
    settings = Settings.of("list", "small", packed, str(folder))
    return lambda: Job.begin(folder / f"out{len(list(folder.iterdir()))}", settings, packed, part_rows=20)


@pytest.fixture(scope="module")
def whole(begin_list: Callable[[], Job]) -> dict[str, bytes]:
    """The local engine's parts."""
    job = begin_list()
    classify(job, workers=1)
    return contents(job)


def contents(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in job.folder.glob("*.parquet")}


def actors() -> list[int]:
    """Process numbers of the actors, from the titles that Ray gives them."""
    numbers = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"MapWorker" in path.read_bytes():
                numbers.append(int(path.parent.name))
        except OSError:  # has ended meanwhile
            continue
    return numbers


def kill_an_actor(cluster: Any) -> None:
    os.kill(actors()[0], signal.SIGKILL)


def kill_a_node(cluster: Any) -> None:
    cluster.remove_node(cluster.second, allow_graceful=False)


def test_a_bucket_is_classified_from_the_command_line(cluster, photos: Path, packed: bytes, trap: Path, tmp_path: Path):
    """The address is that of this disk; pyarrow's file systems read it as they read s3://."""
    (tmp_path / "small.safetensors").write_bytes(packed)
    arguments = ["--network", tmp_path / "small.safetensors", "--out", tmp_path / "out", "--engine", "ray", "--json"]
    command = [sys.executable, "-m", "xnorlab", "classify", f"file://{photos}", "--address", cluster.address]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert [json.loads(done.stdout)[name] for name in ("rows", "errors", "engine", "workers")] == [61, 2, "ray", 1]
    local = Job.begin(tmp_path / "local", Settings.of(str(photos), "small", packed, "/"), packed)
    classify(local, workers=1)
    ours, theirs = pd.read_parquet(tmp_path / "out"), pd.read_parquet(local.folder)
    assert ours.path.tolist() == [f"file://{path}" for path in theirs.path]
    pd.testing.assert_frame_equal(ours.drop(columns="path"), theirs.drop(columns="path"))
    assert not (trap / "imported").exists()


@pytest.mark.parametrize("death", [kill_an_actor, kill_a_node])  # the node last: it does not come back
def test_nothing_is_lost_or_doubled_whatever_dies(cluster, begin_list, whole, trap: Path, death: Callable):
    job, killed = begin_list(), []

    def report(progress: Progress) -> None:
        if progress.done >= 100 and not killed:
            killed.append(progress.done)
            death(cluster)

    summary = classify(job, engine="ray", workers=2, address=cluster.address, report=report)
    assert 100 <= killed[0] < job.pictures - 200
    assert (summary.rows, summary.cost.pictures, summary.errors) == (62 * TIMES, 62 * TIMES, 2 * TIMES)
    assert contents(job) == whole
    assert not (trap / "imported").exists()
