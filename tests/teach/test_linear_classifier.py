"""The classifier tells classes apart, and its cross-validation never sees what it is asked about."""

import numpy as np
import pytest

from xnorlab.teach import linear_classifier
from xnorlab.teach.cross_validation import CrossValidation, cross_validate


def blobs(classes: int, count: int, apart: float, features: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two views of normally distributed features around one centre per class, and their classes."""
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(classes), count)
    centres = apart * rng.standard_normal((classes, features))
    whole = (centres[targets] + rng.standard_normal((len(targets), features))).astype(np.float32)
    return np.stack([whole, whole + np.float32(0.1) * rng.standard_normal(whole.shape).astype(np.float32)]), targets


@pytest.mark.parametrize("classes", [2, 5])
def test_classes_that_lie_apart_are_learnt_with_probabilities_to_match(classes):
    views, targets = blobs(classes, 10, apart=1.0)
    learnt = linear_classifier.fit(views, targets)
    assert learnt.weight.shape == (classes, 40)
    assert learnt.strength in linear_classifier.STRENGTHS
    fresh, answers = blobs(classes, 50, apart=1.0)
    logits = learnt.logits(fresh[0])
    assert (logits.argmax(1) == answers).mean() > 0.95
    sure = np.exp(logits.max(1)) / np.exp(logits).sum(1)
    assert sure.mean() > 0.8  # without its scale, a strong penalty leaves it near chance


def test_the_scaling_of_features_is_part_of_the_classifier():
    views, targets = blobs(3, 8, apart=1.0)
    factors = np.geomspace(0.01, 100, 40).astype(np.float32)
    moved = views * factors + 7 * factors
    a, b = linear_classifier.fit(views, targets), linear_classifier.fit(moved, targets)
    spread = views.std((0, 1))
    assert spread.min() > linear_classifier.LEAST_SPREAD * spread.mean()
    kept = (moved.std((0, 1)) > linear_classifier.LEAST_SPREAD * moved.std((0, 1)).mean()).sum()
    assert kept < 40  # the smallest features count less: a spread near 0 is not blown up
    assert (a.logits(views[0]).argmax(1) == b.logits(moved[0]).argmax(1)).mean() > 0.9


def test_features_that_are_constant_or_all_alike_do_no_harm():
    views, targets = blobs(2, 5, apart=2.0)
    views[:, :, :7] = 3.0
    learnt = linear_classifier.fit(views, targets)
    assert np.isfinite(learnt.weight).all()
    views[:, 0, 0] = 1e4  # constant where it learnt
    assert learnt.logits(views[0])[1:].argmax(1).tolist() == targets[1:].tolist()
    alike = linear_classifier.fit(np.ones((2, 6, 9), np.float32), np.repeat([0, 1], 3))
    np.testing.assert_allclose(alike.logits(np.ones((1, 9), np.float32)), 0, atol=1e-3)


def test_cross_validation_of_noise_stays_at_chance():
    """A mirrored copy among what is learnt would make 200 random features a perfect memory."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((40, 200)).astype(np.float32)
    validated = cross_validate(np.stack([noise, noise]), np.repeat([0, 1], 20))
    assert 0.25 < validated.accuracy < 0.75


@pytest.mark.parametrize("count", [3, 4, 7])
def test_few_photos_are_enough_and_every_photo_is_left_out_once(count):
    views, targets = blobs(3, count, apart=1.5)
    shares: list[float] = []
    validated = cross_validate(views, targets, shares.append)
    assert validated.confusion.sum() == 3 * count
    assert validated.confusion.sum(1).tolist() == [count] * 3
    assert validated.accuracy > 0.8
    assert shares == [(i + 1) / min(5, count) for i in range(min(5, count))]


def test_equal_photos_give_equal_results():
    views, targets = blobs(3, 6, apart=0.5)
    first, second = cross_validate(views, targets), cross_validate(views, targets)
    np.testing.assert_array_equal(first.logits, second.logits)


def test_accuracy_error_confusion_and_the_surest_mistakes():
    logits = np.log(np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]]))
    validated = CrossValidation(logits, np.array([0, 0, 0, 1]))
    assert validated.accuracy == 0.25
    assert validated.confusion.tolist() == [[1, 2], [1, 0]]
    assert validated.wrong.tolist() == [2, 3, 1]
    np.testing.assert_allclose(validated.probabilities[2], [0.2, 0.8])
    assert validated.error == pytest.approx((0.375 * 0.625 / 8) ** 0.5)
    perfect = CrossValidation(logits, logits.argmax(1))
    assert perfect.accuracy == 1
    assert perfect.error > 0.05
