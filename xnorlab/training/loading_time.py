"""Time of loading training pictures: decoded on the fly or from the cache, with several numbers of worker processes."""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from xnorlab.benchmark import Machine, Timing, describe
from xnorlab.training.batches import Batch, EpochSampler, TrainBatches
from xnorlab.training.cache import prepare
from xnorlab.training.decoding import Squares
from xnorlab.training.folders import open_folder
from xnorlab.training.recipe_checks import require_feasible
from xnorlab.training.single_steps import SingleSteps
from xnorlab.zoo.recipe import Recipe, recipe_for

SOURCES = ("cache", "decoded")
"""Squares from the cache file, and squares that are decoded whenever they are used."""


@dataclass(frozen=True)
class LoadingTimes:
    """Times per picture, by source of the squares and number of workers.

    Attributes:
        recipe: size of a batch and of its pictures, and the network of the steps.
        pictures: training pictures that were drawn from the folder.
        threads: of torch, in the training process.
        machine: where it was measured.
        loading: (source, workers) → seconds per picture of loading alone.
        training: (source, workers) → seconds per picture of loading and training steps.
        step: seconds per picture of training steps on a batch that is there already.
    """

    recipe: Recipe
    pictures: int
    threads: int
    machine: Machine
    loading: dict[tuple[str, int], Timing]
    training: dict[tuple[str, int], Timing]
    step: Timing

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""

        def rows(timings: dict[tuple[str, int], Timing]) -> list[dict[str, Any]]:
            return [{"source": s, "workers": w, **timing.to_dict()} for (s, w), timing in timings.items()]

        return {
            "recipe": self.recipe.to_dict(),
            "pictures": self.pictures,
            "threads": self.threads,
            "machine": self.machine.to_dict(),
            "loading": rows(self.loading),
            "training": rows(self.training),
            "step": self.step.to_dict(),
        }


def bench_loading(
    data: str | Path,
    model: str = "alexnet",
    scheme: str = "xnor",
    *,
    workers: Sequence[int] = (0, 1, 2),
    pictures: int = 512,
    repeats: int = 3,
    threads: int = 1,
    cache_folder: str | Path | None = None,
    progress: Callable[[float, str], None] | None = None,
    **changes: Any,
) -> LoadingTimes:
    """Time the loading of training pictures, alone and beside the steps of a network on the CPU.

    Each round, in the same order, loads all pictures once in each way. Worker processes live from the first round on,
    which does not count.

    Args:
        data: the data set's folder.
        model: name of the network.
        scheme: its scheme.
        workers: numbers of worker processes to try.
        pictures: how many training pictures to draw from the folder, spread evenly over its classes.
        repeats: rounds that count.
        threads: of torch, in the training process.
        cache_folder: as `cache.prepare` takes it.
        progress: called with the share that is done and a text.
        **changes: fields of the recipe.

    Raises:
        DataError: the data folder breaks a rule.
        ValueError: an argument is out of range.
    """
    for name, values in (("workers", workers), ("repeats", [repeats - 1]), ("threads", [threads - 1])):
        if not values or min(values) < 0:
            raise ValueError(f"{name} must be {'0' if name == 'workers' else '1'} or more")
    dataset = open_folder(data)
    recipe = recipe_for(dataset.name, model, scheme, **changes)
    require_feasible(recipe, len(dataset.labels))
    if not recipe.batch_size <= pictures <= len(dataset.train):
        raise ValueError(
            f"pictures={pictures} must be from batch_size={recipe.batch_size} to the {len(dataset.train)} of {data}"
        )
    kept = np.linspace(0, len(dataset.train) - 1, pictures).astype(int)
    split = dataset.train
    split = replace(
        split, pictures=[split.pictures[i] for i in kept], targets=np.asarray(split.targets)[kept], unused=()
    )
    (cached,) = prepare((split, recipe.training_square()), cache_folder=cache_folder)
    split = cached.split
    fresh = Squares(split.pictures, recipe.training_square())
    steps = SingleSteps(recipe, len(dataset.labels), "cpu")
    loaders = {
        (source, count): _loader(TrainBatches(squares, split.targets, recipe), recipe, count)
        for source, squares in zip(SOURCES, (cached.squares, fresh), strict=True)
        for count in workers
    }
    prepared_batch = next(iter(loaders[("cache", workers[0])]))
    n_batches = pictures // recipe.batch_size
    calls: dict[tuple[str, Any], Callable[[], int]] = {}
    for key, loader in loaders.items():
        calls[("loading", key)] = lambda loader=loader: _use(loader, lambda batch: None)
        calls[("training", key)] = lambda loader=loader: _use(loader, steps.train)
    calls[("step", None)] = lambda: _use(itertools.repeat(prepared_batch, n_batches), steps.train)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        samples = _rounds(calls, repeats, progress)
    finally:
        torch.set_num_threads(before)
    timings = {
        key: Timing(" ".join(map(str, key)), tuple(seconds[1:]), 1, seconds[0]) for key, seconds in samples.items()
    }
    return LoadingTimes(
        recipe,
        pictures,
        threads,
        describe(),
        {key: timings[("loading", key)] for key in loaders},
        {key: timings[("training", key)] for key in loaders},
        timings[("step", None)],
    )


def _loader(batches: TrainBatches, recipe: Recipe, workers: int) -> DataLoader[Batch]:
    sampler = EpochSampler(batches.n_batches, recipe.epochs - 1)
    return DataLoader(batches, sampler=sampler, batch_size=None, num_workers=workers, persistent_workers=workers > 0)


def _use(batches: Iterable[Batch], use: Callable[[Batch], None]) -> int:
    """Call `use` with each batch; returns the number of pictures."""
    count = 0
    for batch in batches:
        use(batch)
        count += len(batch[1])
    return count


def _rounds(
    calls: dict[tuple[str, Any], Callable[[], int]], repeats: int, progress: Callable[[float, str], None] | None
) -> dict[tuple[str, Any], list[float]]:
    """Seconds per picture of each call, in `repeats` rounds behind a first one."""
    samples: dict[tuple[str, Any], list[float]] = {key: [] for key in calls}
    for number, (key, call) in enumerate(itertools.chain(*([calls.items()] * (1 + repeats)))):
        if progress is not None:
            progress(number / len(calls) / (1 + repeats), key[0])
        begin = time.perf_counter()
        pictures = call()
        samples[key].append((time.perf_counter() - begin) / pictures)
    return samples
