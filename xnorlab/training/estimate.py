"""Estimate of the hours that a recipe takes on the device at hand, from about a minute of its real steps."""

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from xnorlab.benchmark.machine import cpu_name
from xnorlab.models import build
from xnorlab.training import imagenet
from xnorlab.training.batches import Batch, EpochSampler, EvalBatches, TrainBatches
from xnorlab.training.dataset import Split
from xnorlab.training.decoding import Squares
from xnorlab.training.devices import resolve_precision
from xnorlab.training.folders import open_folder
from xnorlab.training.recipe_checks import out_of_memory, require_feasible
from xnorlab.training.recipes import RECIPES
from xnorlab.training.single_steps import SingleSteps
from xnorlab.training.trained_networks import open_trained_network
from xnorlab.zoo.recipe import Recipe

SECONDS = 60.0
FIRST_BATCH = 8
"""Pictures of the first, trial step; a step that is fast enough is tried with twice as many."""

LONGEST_STEP = 0.1
"""Share of the time in which a step must be predicted to end, to be tried with twice as many pictures."""

GENERATED = 64
SIZE = (500, 375)
"""Width and height of generated pictures: a frequent size in ImageNet."""


@dataclass(frozen=True)
class Estimate:
    """Times that were measured, per picture, and the hours that follow from them for one process on this device.

    Attributes:
        recipe: what would be trained.
        device: "2 threads of AMD EPYC", "NVIDIA H100".
        precision: number format that the recipe's precision means on this device.
        workers: processes that decode and cut training pictures; 0 is the training process itself.
        generated: pictures were generated, in the number of ImageNet's.
        pictures: training and validation pictures.
        batch: pictures in a measured step: the recipe's, or fewer where its step takes too long or too much memory.
        step_s: seconds per picture of a training step by the side of a picture, decoding and cropping included.
        loading_s: seconds per picture of decoding and cropping alone, at the last side.
        evaluation_s: seconds per picture of an evaluation, decoding included.
        reading_s: seconds per picture to decode all of them once on all cores, which comes before training.
        evaluations: how many there are in the run.
    """

    recipe: Recipe
    device: str
    precision: str
    workers: int
    generated: bool
    pictures: tuple[int, int]
    batch: int
    step_s: dict[int, float]
    loading_s: float
    evaluation_s: float
    reading_s: float
    evaluations: int

    @property
    def training_hours(self) -> float:
        """Hours of all training steps."""
        sizes = [self.recipe.size_at(epoch) for epoch in range(self.recipe.epochs)]
        per_epoch = self.pictures[0] // self.recipe.batch_size * self.recipe.batch_size
        return sum(self.step_s[size] for size in sizes) * per_epoch / 3600

    @property
    def evaluation_hours(self) -> float:
        """Hours of all evaluations."""
        return self.evaluations * self.pictures[1] * self.evaluation_s / 3600

    @property
    def reading_hours(self) -> float:
        """Hours in which every picture is decoded once, before the first step."""
        return sum(self.pictures) * self.reading_s / 3600

    @property
    def hours(self) -> float:
        """Hours of the whole run."""
        return self.reading_hours + self.training_hours + self.evaluation_hours


def estimate(
    data: str | Path | None,
    recipe: Recipe,
    *,
    device: str,
    workers: int = 0,
    evaluate_every: int = 1,
    runs: str | Path | None = None,
    seconds: float | None = None,
) -> Estimate:
    """Measure real steps of a recipe for about a minute, pictures decoded on the fly.

    Args:
        data: the data set's folder; None generates pictures, and counts as many as ImageNet has.
        recipe: what would be trained.
        device: type of the torch device, see `devices.device_type`.
        workers: processes that decode and cut training pictures.
        evaluate_every: epochs between two evaluations.
        runs: folder of runs, in which a teacher is looked for.
        seconds: how long to measure; None is SECONDS. It takes longer where a single step does.

    Raises:
        DataError: the data folder breaks a rule.
        ValueError: the recipe's network cannot be built or does not fit.
    """
    seconds = SECONDS if seconds is None else seconds
    with tempfile.TemporaryDirectory() as folder:
        if data is None:
            train, val, classes = *_generated(Path(folder)), imagenet.CLASSES
        else:
            dataset = open_folder(data)
            train, val, classes = dataset.train, dataset.val, len(dataset.labels)
        require_feasible(recipe, classes)
        steps = SingleSteps(recipe, classes, device, _teacher(recipe, classes, runs))
        squares = Squares(train.pictures, recipe.training_square())
        measured = _Measured(recipe, squares, train.targets, workers)
        batch = _largest_batch(measured, steps, seconds)
        epochs = {recipe.size_at(epoch): epoch for epoch in range(recipe.epochs)}
        step_s = {
            size: measured.pace(steps.train, batch, epoch, 0.5 * seconds / len(epochs))
            for size, epoch in epochs.items()
        }
        loading_s = measured.pace(lambda batch: None, batch, recipe.epochs - 1, 0.1 * seconds)
        evaluated = EvalBatches(Squares(val.pictures, recipe.preprocessing()), val.targets)
        evaluation_s = _pace(map(evaluated.__getitem__, range(len(evaluated))), steps.evaluate, 0.15 * seconds)
        reading_s = _reading(squares, 0.1 * seconds)
    threads = torch.get_num_threads()
    name = f"{threads} thread{'s' if threads > 1 else ''} of {cpu_name()}"
    return Estimate(
        recipe,
        torch.cuda.get_device_name() if device == "cuda" else name,
        resolve_precision(recipe.precision, device),
        workers,
        data is None,
        (len(train), len(val)),
        batch,
        step_s,
        loading_s,
        evaluation_s,
        reading_s,
        recipe.epochs // evaluate_every,
    )


class _Measured:
    """Training batches of any size, and the time that something takes with them."""

    def __init__(self, recipe: Recipe, squares: Squares, targets: np.ndarray, workers: int):
        self.recipe, self.squares, self.targets, self.workers = recipe, squares, targets, workers

    def batches(self, size: int) -> TrainBatches:
        recipe = replace(self.recipe, batch_size=min(size, len(self.squares)))
        return TrainBatches(self.squares, self.targets, recipe)

    def pace(self, use: Callable[[Batch], None], size: int, epoch: int, seconds: float) -> float:
        batches = self.batches(size)
        sampler = EpochSampler(batches.n_batches, epoch)
        return _pace(DataLoader(batches, sampler=sampler, batch_size=None, num_workers=self.workers), use, seconds)


def _pace(batches: Iterable[Batch], use: Callable[[Batch], None], seconds: float) -> float:
    """Seconds per picture, over at least one batch behind a first one that does not count, for about `seconds`.

    Where there is a single batch, it counts.
    """
    pictures, first = 0, 0.0
    begin = now = time.perf_counter()
    for number, batch in enumerate(batches):
        use(batch)
        now = time.perf_counter()
        if number == 0:
            first = (now - begin) / len(batch[1])
            begin = now
            continue
        pictures += len(batch[1])
        if now - begin >= seconds:
            break
    return (now - begin) / pictures if pictures else first


def _largest_batch(measured: _Measured, steps: SingleSteps, seconds: float) -> int:
    """The recipe's batch size, or the largest of 8, 16, … whose step takes neither too long nor too much memory."""
    most = min(measured.recipe.batch_size, len(measured.squares))
    size, epoch = min(FIRST_BATCH, most), measured.recipe.epochs - 1
    while True:
        batch = measured.batches(size)[(epoch, 0)]
        free = _free_memory(steps.device)
        try:
            steps.train(batch)  # warm-up: memory is reserved, kernels are chosen
            begin = time.perf_counter()
            steps.train(batch)
        except Exception as error:
            if not out_of_memory(error) or size <= FIRST_BATCH:
                raise
            return size // 2
        took, taken = time.perf_counter() - begin, free - _free_memory(steps.device)
        slow = 2 * took > LONGEST_STEP * seconds
        if size == most or slow or 3 * taken > _free_memory(steps.device):
            return size
        size = min(2 * size, most)


def _free_memory(device: str) -> float:
    """Bytes that are free on a CPU's machine; infinite on a GPU, which says by an error that it has too few."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") if device == "cpu" else float("inf")
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _reading(squares: Squares, seconds: float) -> float:
    """Seconds per picture of decoding on all cores, as `cache.prepare` does before training."""
    begin, count = time.perf_counter(), 0
    for _ in squares.each():
        count += 1
        if time.perf_counter() - begin >= seconds:
            break
    return (time.perf_counter() - begin) / count


def _teacher(recipe: Recipe, classes: int, runs: str | Path | None) -> nn.Module | None:
    """Network of the teacher's kind. A step takes as long with an untrained one, which need not exist yet."""
    if recipe.teacher is None:
        return None
    known = {r.run_name: r for r in RECIPES} | {name: paper.recipe for name, paper in imagenet.IMAGENET_RECIPES.items()}
    names = (recipe.teacher, f"{imagenet.DATASET}/{recipe.teacher.partition('/')[2]}")
    kind = next((known[name] for name in names if name in known), None)
    if kind is None:
        return open_trained_network(recipe.teacher, runs).model
    return build(kind.model, kind.scheme, classes, **kind.model_options).eval()


def _generated(folder: Path) -> tuple[Split, Split]:
    """Splits of ImageNet's length over a few generated photos of a frequent size."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(GENERATED):
        coarse, fine = (
            Image.fromarray(rng.integers(0, 256, (h, w, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
            for h, w in ((6, 8), (94, 125))
        )
        paths.append(folder / f"{number}.jpg")
        Image.blend(coarse, fine, 0.35).save(paths[-1], quality=90)
    splits = []
    for count in (imagenet.TRAINING_PICTURES, imagenet.VALIDATION_PICTURES):
        pictures = list(itertools.islice(itertools.cycle(paths), count))
        splits.append(Split(pictures, np.arange(count) % imagenet.CLASSES, folder))
    return splits[0], splits[1]
