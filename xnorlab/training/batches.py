"""Batches of training and evaluation pictures from the decoded squares.

Order, crops and flips of a batch depend on (seed, epoch, batch number) alone. So a resumed run sees what the
unbroken one saw, and several processes together see what one process sees: each draws the whole batch's crops
and cuts only its own share.
"""

from collections.abc import Iterator, Sequence

import lightning as L
import numpy as np
import torch
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader, Dataset, Sampler

from xnorlab.training.decoding import Squares
from xnorlab.zoo.recipe import Recipe

EVAL_BATCH = 128
"""Pictures in one evaluation batch."""

Batch = tuple[torch.Tensor, torch.Tensor]
"""uint8 (B, 3, H, W) in channels-last memory, int64 (B,)."""


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, batch number) for each batch of an epoch; Lightning tells it the epoch."""

    def __init__(self, n_batches: int, epoch: int = 0):
        self.n_batches = n_batches
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before every epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter([(self.epoch, number) for number in range(self.n_batches)])


class TrainBatches(Dataset[Batch]):
    """Randomly cropped, scaled and mirrored batches; item (epoch, number) is always the same batch.

    squares: uint8 (n, S, S, 3), S = recipe.resize, in memory, in a file or decoded when they are asked for.
    targets: int64 (n,).
    rank, world: this process's number and how many there are; each cuts batch_size / world pictures.
    """

    def __init__(
        self, squares: np.ndarray | Squares, targets: np.ndarray, recipe: Recipe, rank: int = 0, world: int = 1
    ):
        if recipe.batch_size % world:
            raise ValueError(f"batch_size={recipe.batch_size} must be a multiple of the {world} processes")
        if len(squares) < recipe.batch_size:
            raise ValueError(f"batch_size={recipe.batch_size} must be at most the {len(squares)} pictures")
        self.squares = squares
        self.targets = torch.as_tensor(np.asarray(targets), dtype=torch.int64)
        self.recipe = recipe
        self.rank = rank
        self.world = world
        self._order: tuple[int, np.ndarray] | None = None

    @property
    def n_batches(self) -> int:
        """Whole batches in an epoch."""
        return len(self.squares) // self.recipe.batch_size

    def order(self, epoch: int) -> np.ndarray:
        """The epoch's permutation of all pictures."""
        if self._order is None or self._order[0] != epoch:
            random = np.random.default_rng([self.recipe.seed, epoch])
            self._order = (epoch, random.permutation(len(self.squares)))
        return self._order[1]

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        epoch, number = key
        size = self.recipe.batch_size
        share = slice(self.rank * size // self.world, (self.rank + 1) * size // self.world)
        chosen = self.order(epoch)[number * size : (number + 1) * size][share]
        crops = random_crops(np.random.default_rng([self.recipe.seed, epoch, 1 + number]), self.recipe)[share]
        return crop_and_scale(self.squares, chosen, crops, self.recipe.size_at(epoch)), self.targets[chosen]


def random_crops(random: np.random.Generator, recipe: Recipe) -> np.ndarray:
    """Crops of one whole batch, int64 (batch_size, 5): top, left, height, width, mirrored (0 or 1).

    Area and log ratio are uniform within the recipe's limits, as in torchvision's RandomResizedCrop; a side
    that would leave the square is cut down to it.
    """
    n, side = recipe.batch_size, recipe.resize
    area = random.uniform(*recipe.crop_area, n) * side * side
    narrowest, widest = np.log(recipe.crop_ratio)
    ratio = np.exp(random.uniform(narrowest, widest, n))
    width = np.clip(np.rint(np.sqrt(area * ratio)), 1, side)
    height = np.clip(np.rint(np.sqrt(area / ratio)), 1, side)
    top = np.floor(random.random(n) * (side - height + 1))
    left = np.floor(random.random(n) * (side - width + 1))
    mirrored = random.random(n) < 0.5 if recipe.flip else np.zeros(n, dtype=bool)
    return np.stack([top, left, height, width, mirrored], axis=1).astype(np.int64)


def crop_and_scale(
    squares: np.ndarray | Squares, chosen: Sequence[int] | np.ndarray, crops: np.ndarray, size: int
) -> torch.Tensor:
    """The crops of the chosen squares at `size` pixels (bilinear, antialiased), uint8 (n, 3, size, size).

    Torch scales uint8 pictures in channels-last memory with vector code, one at a time because each crop has
    its own size: 6.5 ms for 64 pictures; the same as two batched matrix products took 13 to 18 ms.
    """
    out = torch.empty((len(chosen), size, size, 3), dtype=torch.uint8)
    for i, (index, (top, left, height, width, mirrored)) in enumerate(zip(chosen, crops.tolist(), strict=True)):
        crop = torch.from_numpy(squares[index, top : top + height, left : left + width].copy())
        scaled = interpolate(crop.permute(2, 0, 1)[None], (size, size), mode="bilinear", antialias=True)[0]
        out[i] = (scaled.flip(2) if mirrored else scaled).permute(1, 2, 0)
    return out.permute(0, 3, 1, 2)


class EvalBatches(Dataset[Batch]):
    """Evaluation pictures in order, a batch an item; each of `world` processes takes every world-th picture.

    squares: uint8 (n, S, S, 3). targets: int64 (n,).
    """

    def __init__(self, squares: np.ndarray | Squares, targets: np.ndarray, rank: int = 0, world: int = 1):
        self.squares, self.targets = squares, np.asarray(targets)
        self.chosen = np.arange(len(squares))[rank::world]

    def __len__(self) -> int:
        return -(-len(self.chosen) // EVAL_BATCH)

    def __getitem__(self, number: int) -> Batch:
        chosen = self.chosen[number * EVAL_BATCH : (number + 1) * EVAL_BATCH]
        pictures = torch.from_numpy(self.squares[chosen]).permute(0, 3, 1, 2)
        return pictures, torch.as_tensor(self.targets[chosen], dtype=torch.int64)


class Batches(L.LightningDataModule):
    """Lightning's view of the decoded pictures: knows which process it feeds.

    train, val: (squares uint8 (n, S, S, 3), targets int64 (n,)).
    workers: processes that cut crops; 0 is this process. One process needs about 1 s for Imagenette's 9,469.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: tuple[np.ndarray | Squares, np.ndarray],
        val: tuple[np.ndarray | Squares, np.ndarray],
        workers: int = 0,
    ):
        super().__init__()
        if workers < 0:
            raise ValueError(f"workers={workers} must be 0 or more")
        self.recipe, self.train_arrays, self.val_arrays, self.workers = recipe, train, val, workers

    def _place(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def train_dataloader(self) -> DataLoader[Batch]:
        """One epoch's whole batches."""
        batches = TrainBatches(*self.train_arrays, self.recipe, *self._place())
        # A resumed run starts to iterate before Lightning names the epoch; only the loop's progress is right then.
        epoch = 0
        if self.trainer is not None:
            epoch = self.trainer.fit_loop.epoch_progress.current.processed  # pyright: ignore[reportAttributeAccessIssue]
        return DataLoader(
            batches,
            sampler=EpochSampler(batches.n_batches, epoch),
            batch_size=None,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every evaluation picture, once."""
        return DataLoader(EvalBatches(*self.val_arrays, *self._place()), batch_size=None)
