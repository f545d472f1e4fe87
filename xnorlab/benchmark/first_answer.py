"""A program: the way of a fresh process to its first answer, part by part, and what Python costs of an answer.

start.py runs it as a script of its own; it imports what it times. It prints JSON.
"""

import json
import sys
import time
from typing import Any

ALTERNATIONS = 200
"""Runs of the network, and as many with kernels that do nothing."""


def first_answer(file: str, photo: str) -> dict[str, Any]:
    """Answer for a photo, twice.

    Args:
        file: A packed file.
        photo: A photo.

    Returns:
        `parts`: by part, in order, the seconds that it took and those that processors worked on it; `kernels`: the same
        by kernel that was compiled; `python`: what `python_cost` returns.
    """
    parts: dict[str, tuple[float, float]] = {}
    kernels: dict[str, tuple[float, float]] = {}

    def now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def since(start: tuple[float, float]) -> tuple[float, float]:
        wall, cpu = now()
        return wall - start[0], cpu - start[1]

    last = began = now()

    def part(title: str) -> None:
        nonlocal last
        parts[title], last = since(last), now()

    from xnorlab.images import open_image
    from xnorlab.kernels.jit import watch_compiling
    from xnorlab.runtime import Network

    part("import")
    network = Network.open(file)
    part("open network")
    pixels = open_image(photo)
    part("open photo")

    def watch(name: str, seconds: float | None) -> None:
        nonlocal began
        if seconds is None:
            began = now()
        else:
            kernels[name] = since(began)

    with watch_compiling(watch):
        network.predict([pixels])
    part("first answer")
    network.predict([pixels])
    part("second answer")
    return {"parts": parts, "kernels": kernels, "python": python_cost(network, pixels)}


def python_cost(network: Any, pixels: Any) -> dict[str, Any]:
    """Time runs of a network on one picture, and as many in which no kernel does anything.

    A run with hollow kernels takes what Python, NumPy and Numba's calls cost. Both kinds take turns, so that the
    caches are as a real run leaves them.

    Returns:
        `steps`, `ops`: of the network; `preprocessing_s`, `run_s`, `hollow_s`: seconds, one value per alternation.
    """
    from xnorlab.kernels.jit import hollow_kernels

    def seconds(call: Any) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    x = network.preprocessing([pixels])
    steps = len(network.timed(x)[1])
    with hollow_kernels():  # makes the hollow kernels, too
        network.run(x)
    preprocessing, run, hollow = [], [], []
    for _ in range(ALTERNATIONS):
        preprocessing.append(seconds(lambda: network.preprocessing([pixels])))
        run.append(seconds(lambda: network.run(x)))
        with hollow_kernels():
            hollow.append(seconds(lambda: network.run(x)))
    return {"steps": steps, "ops": len(network.ops), "preprocessing_s": preprocessing, "run_s": run, "hollow_s": hollow}


if __name__ == "__main__":
    print(json.dumps(first_answer(*sys.argv[1:])))
