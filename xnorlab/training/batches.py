"""Batches of training and evaluation pictures, cut from decoded squares.

Order, crops and flips of a batch depend on (seed, epoch, batch number) alone. So a resumed run sees the batches of an
unbroken one, and several processes together see those of a single process: each draws the crops of the whole batch and
cuts only its own share.
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
    """Sampler that yields (epoch, batch number) for each batch of an epoch; Lightning sets the epoch."""

    def __init__(self, n_batches: int, epoch: int = 0):
        self.n_batches = n_batches
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this before every epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter([(self.epoch, number) for number in range(self.n_batches)])


class TrainBatches(Dataset[Batch]):
    """Randomly cropped, scaled and mirrored batches; item (epoch, number) is the same batch every time.

    Args:
        squares: uint8 (n, S, S, 3), S = recipe.resize, in memory, in a file or decoded on access.
        targets: class numbers, int64 (n,).
        recipe: size of a batch, limits of the crops, seed.
        rank: number of this process, from 0.
        world: number of processes; each cuts batch_size / world pictures.

    Raises:
        ValueError: batch_size is no multiple of `world`, or larger than the number of pictures.
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
        """Number of whole batches in an epoch."""
        return len(self.squares) // self.recipe.batch_size

    def order(self, epoch: int) -> np.ndarray:
        """Permutation of all pictures in an epoch."""
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
    """Random crops of one whole batch, int64 (batch_size, 5): top, left, height, width, mirrored (0 or 1).

    Area and log ratio are uniform within the recipe's limits, as in torchvision's RandomResizedCrop. A side that would
    exceed the square is cut down to it.
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
    """Crops of squares, scaled to one size (bilinear, antialiased).

    Torch scales uint8 pictures in channels-last memory with vector code, one at a time because each crop has its own
    size: 6.5 ms for 64 pictures. Two batched matrix products took 13 to 18 ms for the same result.

    Args:
        squares: uint8 (N, S, S, 3).
        chosen: indices of the n squares.
        crops: int64 (n, 5), as `random_crops` gives them.
        size: side of the results, pixels.

    Returns:
        uint8 (n, 3, size, size), in channels-last memory.
    """
    out = torch.empty((len(chosen), size, size, 3), dtype=torch.uint8)
    for i, (index, (top, left, height, width, mirrored)) in enumerate(zip(chosen, crops.tolist(), strict=True)):
        crop = torch.from_numpy(squares[index, top : top + height, left : left + width].copy())
        scaled = interpolate(crop.permute(2, 0, 1)[None], (size, size), mode="bilinear", antialias=True)[0]
        out[i] = (scaled.flip(2) if mirrored else scaled).permute(1, 2, 0)
    return out.permute(0, 3, 1, 2)


class EvalBatches(Dataset[Batch]):
    """Evaluation pictures in order, one batch per item; each process takes every world-th picture.

    Args:
        squares: uint8 (n, S, S, 3).
        targets: class numbers, int64 (n,).
        rank: number of this process, from 0.
        world: number of processes.
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
    """Lightning data module of decoded pictures, which gives each process its share of a batch.

    Args:
        recipe: size of a batch, limits of the crops, seed.
        train: squares, uint8 (n, S, S, 3), and class numbers, int64 (n,).
        val: squares and class numbers likewise.
        workers: processes that cut crops; 0 is this process, which needs about 1 s for Imagenette's 9,469 pictures.

    Raises:
        ValueError: `workers` is negative.
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
        """Loader of the whole batches of an epoch."""
        batches = TrainBatches(*self.train_arrays, self.recipe, *self._place())
        # A resumed run starts to iterate before Lightning sets the epoch; only the loop's progress is right then.
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
        """Loader of every evaluation picture, once."""
        return DataLoader(EvalBatches(*self.val_arrays, *self._place()), batch_size=None)
