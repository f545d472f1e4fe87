"""Drawn digits: decided by the seed, all different, every digit equally often, and recognisable."""

import numpy as np
import pytest

from xnorlab.training.digits import CLASSES, Digits


@pytest.fixture(scope="module")
def drawn() -> Digits:
    return Digits(200, 100)


def test_the_seed_decides_every_pixel(drawn):
    again = Digits(200, 100)
    np.testing.assert_array_equal(again.train[0], drawn.train[0])
    np.testing.assert_array_equal(again.test[0], drawn.test[0])
    assert not np.array_equal(Digits(200, 100, seed=1).train[0], drawn.train[0])


def test_pictures_are_small_and_grey_and_no_two_are_the_same(drawn):
    pictures = np.concatenate([drawn.train[0], drawn.test[0]])
    assert pictures.shape == (300, 16, 16)
    assert pictures.dtype == np.uint8
    assert len(np.unique(pictures.reshape(300, -1), axis=0)) == 300


def test_every_digit_is_drawn_equally_often(drawn):
    assert np.bincount(drawn.train[1]).tolist() == [20] * CLASSES


def test_a_digit_is_more_like_its_own_kind_than_like_the_others(drawn):
    pictures, digits = drawn.train
    means = np.stack([pictures[digits == d].mean(0).ravel() for d in range(CLASSES)])
    test = drawn.test[0].reshape(100, -1).astype(np.float64)
    nearest = ((test[:, None] - means) ** 2).sum(2).argmin(1)
    assert (nearest == drawn.test[1]).mean() > 0.25  # guessing is 0.1


@pytest.mark.parametrize("counts", [(0, 5), (5, -1)])
def test_counts_that_are_not_positive_are_refused(counts):
    with pytest.raises(ValueError, match="count="):
        Digits(*counts)
