"""Batches: they depend on seed, epoch and number alone, in one process or several."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from xnorlab.images import Preprocessing
from xnorlab.training.batches import Batches, EpochSampler, EvalBatches, TrainBatches, crop_and_scale, random_crops
from xnorlab.training.cache import prepare
from xnorlab.training.decoding import Squares
from xnorlab.training.folders import open_folder
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]


@pytest.fixture
def squares() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 18, 18, 3), dtype=np.uint8)


@pytest.fixture
def targets() -> np.ndarray:
    return np.arange(50)


def test_an_epoch_shows_each_picture_at_most_once_and_drops_the_rest(squares, targets, small_recipe: Make):
    batches = TrainBatches(squares, targets, small_recipe())
    seen = torch.cat([batches[(0, number)][1] for number in range(batches.n_batches)])
    assert batches.n_batches == 4
    assert len(set(seen.tolist())) == 48


def test_a_batch_depends_on_seed_epoch_and_number_alone(squares, targets, small_recipe: Make):
    recipe = small_recipe()
    pictures, labels = TrainBatches(squares, targets, recipe)[(3, 2)]
    other = TrainBatches(squares, targets, recipe)
    for number in range(4):  # what was asked for before does not matter
        _ = other[(1, number)]
    again, labels_again = other[(3, 2)]
    assert torch.equal(pictures, again)
    assert torch.equal(labels, labels_again)
    assert not torch.equal(labels, other[(4, 2)][1])
    assert not torch.equal(labels, TrainBatches(squares, targets, small_recipe(seed=1))[(3, 2)][1])


def test_a_process_that_is_started_anew_cuts_the_same_crops(squares, targets, small_recipe: Make):
    batches = TrainBatches(squares, targets, small_recipe())
    sent = pickle.loads(pickle.dumps(batches))  # as multiprocessing's spawn and forkserver send it
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(batches[(1, 2)], sent[(1, 2)], strict=True))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_together_see_what_one_sees(squares, targets, small_recipe: Make, world: int):
    recipe = small_recipe()
    whole, labels = TrainBatches(squares, targets, recipe)[(1, 1)]
    parts = [TrainBatches(squares, targets, recipe, rank, world)[(1, 1)] for rank in range(world)]
    assert torch.equal(torch.cat([part[0] for part in parts]), whole)
    assert torch.equal(torch.cat([part[1] for part in parts]), labels)


def test_pictures_arrive_in_channels_last_memory(squares, targets, small_recipe: Make):
    for pictures, _ in (TrainBatches(squares, targets, small_recipe())[(0, 0)], EvalBatches(squares, targets)[0]):
        assert pictures.dtype == torch.uint8
        assert pictures.shape[1] == 3
        assert pictures.is_contiguous(memory_format=torch.channels_last)


def test_pictures_are_as_large_as_the_epoch_asks(squares, targets, small_recipe: Make):
    batches = TrainBatches(squares, targets, small_recipe(epochs=3, train_size=48, first_size=16))
    assert [batches[(epoch, 0)][0].shape[2:] for epoch in range(3)] == [(16, 16), (32, 32), (48, 48)]


def test_crops_are_torchvisions_resized_crops(squares):
    crops = np.array([[0, 0, 18, 18, 0], [2, 5, 9, 12, 0], [3, 1, 7, 7, 1]])
    pictures = crop_and_scale(squares, [4, 0, 7], crops, 16)
    for picture, index, (top, left, height, width, mirrored) in zip(pictures, [4, 0, 7], crops.tolist(), strict=True):
        square = torch.from_numpy(squares[index]).permute(2, 0, 1)
        expected = v2.functional.resized_crop(square, top, left, height, width, [16, 16], antialias=True)
        assert torch.equal(picture, expected.flip(2) if mirrored else expected)


def test_crops_keep_to_the_recipes_limits(small_recipe: Make):
    recipe = small_recipe(batch_size=4000, resize=144, crop_area=(0.35, 1.0))
    top, left, height, width, mirrored = random_crops(np.random.default_rng(0), recipe).T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height).max() == 144
    assert (left + width).max() == 144
    area = height * width / 144**2
    assert 0.33 < area.min() < 0.4
    assert 0.97 < area.max() <= 1
    # rounding to whole pixels widens the ratios a little
    assert (width / height).min() > 0.73
    assert (width / height).max() < 1.37
    assert 0.45 < mirrored.mean() < 0.55


def test_without_flip_nothing_is_mirrored(small_recipe: Make):
    assert not random_crops(np.random.default_rng(0), small_recipe(flip=False))[:, 4].any()


def test_evaluation_shows_every_picture_once_whatever_the_number_of_processes():
    squares, targets = np.zeros((301, 4, 4, 3), np.uint8), np.arange(301)
    for world in (1, 2):
        shares = [EvalBatches(squares, targets, rank, world) for rank in range(world)]
        seen = [batch[1] for share in shares for batch in (share[i] for i in range(len(share)))]
        assert sorted(torch.cat(seen).tolist()) == list(range(301))


def test_sampler_names_the_epoch_it_was_told():
    sampler = EpochSampler(2, epoch=5)
    assert list(sampler) == [(5, 0), (5, 1)]
    sampler.set_epoch(6)
    assert list(sampler) == [(6, 0), (6, 1)]


def test_worker_processes_cut_the_same_crops(squares, targets, small_recipe: Make):
    loaded = [
        list(Batches(small_recipe(), (squares, targets), (squares, targets), workers).train_dataloader())
        for workers in (0, 1)
    ]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(*loaded, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_pictures_decoded_on_the_fly_give_the_batches_of_the_cache(
    workers: int, image_folder: Path, cache_folder: Path, small_recipe: Make
):
    data, recipe = open_folder(image_folder), small_recipe()
    parts = (data.train, recipe.training_square()), (data.val, recipe.preprocessing())
    batches = []
    for options in ({"cache_folder": cache_folder}, {"cache": False}):
        pairs = [(part.squares, part.split.targets) for part in prepare(*parts, **options)]
        batches.append(Batches(recipe, pairs[0], pairs[1], workers))
    assert isinstance(batches[1].train_arrays[0], Squares)
    for loader in ("train_dataloader", "val_dataloader"):
        kept, fresh = (list(getattr(one, loader)()) for one in batches)
        assert len(kept) == len(fresh) > 0
        for ours, theirs in zip(kept, fresh, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_squares_decoded_on_the_fly_are_indexed_as_their_array(image_folder: Path, cache_folder: Path):
    split, square = open_folder(image_folder).val, Preprocessing(18, 16)
    (kept,), fresh = prepare((split, square), cache_folder=cache_folder), Squares(split.pictures, square)
    assert (len(fresh), fresh.shape) == (len(kept.squares), kept.squares.shape)
    keys = (5, np.int64(-1), slice(3, 9), slice(None, None, 7), [4, 0, 4], np.array([23, 2]), np.arange(24) > 20)
    for key in (*keys, *((key, slice(2, 9), slice(1, 4)) for key in keys), np.arange(0)):
        np.testing.assert_array_equal(fresh[key], kept.squares[key])
    with pytest.raises(IndexError):
        _ = fresh[24]


def test_only_what_is_asked_for_is_decoded(image_folder: Path, monkeypatch: pytest.MonkeyPatch, small_recipe: Make):
    seen: list[int] = []
    decode = Squares.decode
    monkeypatch.setattr(Squares, "decode", lambda self, index: (seen.append(index), decode(self, index))[1])
    split, recipe = open_folder(image_folder).train, small_recipe()
    batches = TrainBatches(Squares(split.pictures, recipe.training_square()), split.targets, recipe)
    _ = batches[(0, 1)]
    assert seen == batches.order(0)[12:24].tolist()


def test_arguments_that_do_not_fit_are_refused(squares, targets, small_recipe: Make):
    with pytest.raises(ValueError, match="batch_size=12 must be a multiple of the 5 processes"):
        TrainBatches(squares, targets, small_recipe(), 0, 5)
    with pytest.raises(ValueError, match="batch_size=64 must be at most the 50 pictures"):
        TrainBatches(squares, targets, small_recipe(batch_size=64))
    with pytest.raises(ValueError, match="workers=-1 must be 0 or more"):
        Batches(small_recipe(), (squares, targets), (squares, targets), -1)
