"""Timing of what is paid once: imports, whole processes, compilation; and what Python costs of every answer."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from xnorlab.benchmark import first_answer
from xnorlab.benchmark.machine import Machine, describe
from xnorlab.benchmark.timing import BenchmarkError, Progress, Timing

PHOTO_SIZE = 500, 375
"""Width and height of the photo that is made up where none is given."""

PYTHON, COLD, WARM = "python", "predict, cold", "predict, warm"
IMPORTS = ("xnorlab", "xnorlab.runtime", "xnorlab.cli")
"""Modules whose import is timed in a process of its own."""

NAMED = ("wall", "cpu", "parts", "parts_cpu", "kernels", "kernels_cpu")
"""Fields of a StartBench that hold times by name."""


@dataclass(frozen=True)
class StartBench:
    """What a network costs besides its arithmetic.

    Attributes:
        name: Name of the network.
        machine: The machine that ran it.
        wall: Seconds of whole processes, by title: "python" does nothing, "import …" imports a module, and "predict, …"
            answers for one photo, with an empty kernel cache (cold) or with what the cold one left (warm).
        cpu: Seconds that processors worked on them, with those of their children; 0 where the system does not tell. On
            a busy machine they say more than `wall`.
        parts: Seconds within a process with an empty kernel cache, by part, in order, up to the second answer.
        parts_cpu: Seconds that processors worked on them.
        kernels: Seconds of the compilation of each kernel, a part of the first answer.
        kernels_cpu: Seconds that processors worked on it.
        cache_bytes: Size of the kernel cache after "predict, cold".
        preprocessing: Cropping and scaling of a picture.
        run: A run of the network on one picture.
        hollow: The run with kernels that return at once: what Python, NumPy and Numba's calls cost.
        steps: Steps of a run; one computes one op or several.
        ops: Ops of the network.
    """

    name: str
    machine: Machine
    wall: dict[str, Timing]
    cpu: dict[str, Timing]
    parts: dict[str, Timing]
    parts_cpu: dict[str, Timing]
    kernels: dict[str, Timing]
    kernels_cpu: dict[str, Timing]
    cache_bytes: int
    preprocessing: Timing
    run: Timing
    hollow: Timing
    steps: int
    ops: int

    @property
    def python_share(self) -> float:
        """Share of a run that is not spent in kernels."""
        return self.hollow.median_s / self.run.median_s

    @property
    def compilation_s(self) -> float:
        """Seconds of the compilation of all kernels, the sum of their medians."""
        return sum(timing.median_s for timing in self.kernels.values())

    @property
    def compilation_cpu_s(self) -> float:
        """Seconds that processors worked on the compilation."""
        return sum(timing.median_s for timing in self.kernels_cpu.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values that JSON can hold."""
        timings = {kind: getattr(self, kind) for kind in NAMED}
        single = {kind: getattr(self, kind).to_dict() for kind in ("preprocessing", "run", "hollow")}
        return {
            "name": self.name,
            "machine": self.machine.to_dict(),
            **{kind: {name: one.to_dict() for name, one in named.items()} for kind, named in timings.items()},
            "compilation_s": self.compilation_s,
            "compilation_cpu_s": self.compilation_cpu_s,
            "cache_bytes": self.cache_bytes,
            **single,
            "steps": self.steps,
            "ops": self.ops,
            "python_s_per_step": self.hollow.median_s / self.steps,
            "python_s_per_op": self.hollow.median_s / self.ops,
            "python_share": self.python_share,
        }


def bench_start(
    name: str, file: Path, *, photo: str | None = None, repeats: int = 5, progress: Progress | None = None
) -> StartBench:
    """Time fresh processes that import xnorlab or answer for a photo.

    They take turns, and a first round does not count: it brings programs from the disk to memory. Each "cold" process
    has an empty kernel cache, in a temporary folder.

    Args:
        name: What `xnorlab predict --model` calls the network.
        file: Its packed file.
        photo: A photo; a made-up one if None.
        repeats: Rounds that count.
        progress: See `timing.Progress`.

    Raises:
        BenchmarkError: A process failed.
        ValueError: `repeats` is not an integer of at least 1.
    """
    if type(repeats) is not int or repeats < 1:
        raise ValueError(f"repeats={repeats!r} must be an integer of at least 1")
    wall: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    inside: list[dict[str, Any]] = []
    sizes = []
    with tempfile.TemporaryDirectory(prefix="xnorlab-start-") as folder:
        picture = made_up_photo(Path(folder)) if photo is None else photo
        predict = ["-m", "xnorlab", "predict", picture, "--model", name]
        for turn in range(repeats + 1):
            cache = Path(folder) / f"cache-{turn}"
            commands = {
                PYTHON: ["-c", "pass"],
                **{f"import {module}": ["-c", f"import {module}"] for module in IMPORTS},
                COLD: predict,
                WARM: predict,
            }
            for i, (title, arguments) in enumerate(commands.items()):
                if progress is not None:
                    progress((turn + i / (len(commands) + 1)) / (repeats + 1), title)
                _, seconds, worked = _process(arguments, cache)
                wall.setdefault(title, []).append(seconds)
                cpu.setdefault(title, []).append(worked)
            sizes.append(sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()))
            if progress is not None:
                progress((turn + len(commands) / (len(commands) + 1)) / (repeats + 1), "first answer, part by part")
            printed, _, _ = _process(["-P", first_answer.__file__, str(file), picture], Path(folder) / f"parts-{turn}")
            inside.append(json.loads(printed))
    cost = inside[-1]["python"]
    return StartBench(
        name=name,
        machine=describe(),
        wall=_timings(wall),
        cpu=_timings(cpu),
        parts=_inside(inside, "parts", 0),
        parts_cpu=_inside(inside, "parts", 1),
        kernels=_inside(inside, "kernels", 0),
        kernels_cpu=_inside(inside, "kernels", 1),
        cache_bytes=int(statistics.median(sizes)),
        **{part: _timing(part, cost[f"{part}_s"]) for part in ("preprocessing", "run", "hollow")},
        steps=cost["steps"],
        ops=cost["ops"],
    )


def made_up_photo(folder: Path) -> str:
    """Write a JPEG file of smooth noise; returns its path."""
    small = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
    path = folder / "photo.jpg"
    Image.fromarray(small).resize(PHOTO_SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
    return str(path)


def _process(arguments: Sequence[str], cache: Path) -> tuple[str, float, float]:
    """Run Python; returns what it printed, the seconds it took, and those that processors worked on it."""
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path}
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    seconds, after = time.perf_counter() - start, os.times()
    if done.returncode:
        reason = (done.stderr.splitlines() or ["it printed no reason"])[-1]
        raise BenchmarkError(f"python {' '.join(arguments)} ended with exit code {done.returncode}: {reason}")
    worked = after.children_user - before.children_user + after.children_system - before.children_system
    return done.stdout, seconds, worked


def _timings(samples: dict[str, list[float]]) -> dict[str, Timing]:
    return {name: _timing(name, values) for name, values in samples.items()}


def _inside(told: Sequence[dict[str, Any]], kind: str, clock: int) -> dict[str, Timing]:
    """The times by name that processes told; clock: 0 for wall, 1 for processor time."""
    return _timings({name: [one[kind][name][clock] for one in told] for name in told[0][kind]})


def _timing(name: str, values: list[float]) -> Timing:
    """The first value is kept apart."""
    return Timing(name, tuple(values[1:]), 1, values[0])
