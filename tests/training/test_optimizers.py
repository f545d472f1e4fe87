"""Optimisers and learning rates of recipes: in each step, for each schedule."""

import itertools
from collections.abc import Callable

import pytest
import torch

from xnorlab.training.classification import Classification
from xnorlab.training.optimizers import rate_at
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
LABELS = ("ant", "bee", "cat")


def test_rate_climbs_linearly_then_falls_along_a_cosine_to_zero():
    recipe = Recipe(epochs=10, warmup=0.2)
    rates = [rate_at(step, recipe, 10) for step in range(101)]
    assert rates[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert rates[60] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)
    assert max(rates) == 1
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[21:]))


def test_no_warmup_starts_at_the_peak():
    assert rate_at(0, Recipe(epochs=1, warmup=0.0), 10) == 1


def test_a_linear_schedule_falls_evenly_to_zero():
    recipe = Recipe(epochs=4, warmup=0.0, schedule="linear")
    assert [rate_at(step, recipe, 2) for step in range(9)] == pytest.approx([1 - step / 8 for step in range(9)])


def test_factors_hold_from_their_epochs_on():
    recipe = Recipe(epochs=5, warmup=0.0, schedule="3:0.1 5:1e-3")
    assert recipe.rate_factors == ((3, 0.1), (5, 0.001))
    assert [rate_at(2 * epoch, recipe, 2) for epoch in range(5)] == [1, 1, 0.1, 0.1, 0.001]
    assert rate_at(3, recipe, 2) == 1, "the last step of epoch 2"


@pytest.mark.parametrize("schedule", ["", "steps", "1:0.1", "4:0.1 3:0.01", "4:0", "4:-1", "4", "4:0.1,5:0.1", 3])
def test_a_schedule_that_is_none_is_refused(schedule: object):
    with pytest.raises(ValueError, match=r"schedule=.* must be cosine, linear, or pairs EPOCH:FACTOR"):
        Recipe(schedule=schedule)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_a_step_is_that_of_the_optimizer(name: str, small_recipe: Make):
    """One step from zero moments: SGD moves by rate × (gradient + decay × weight); Adam's decay is in its sign."""
    recipe = small_recipe(scheme="float", optimizer=name, weight_decay=0.5, peak_rate=0.1, warmup=0.0)
    task = Classification(recipe, LABELS, 6)
    optimizer = task.configure_optimizers()["optimizer"]
    weight = task.model.get_submodule("classifier").get_parameter("weight")
    before = weight.detach().clone()
    weight.grad = torch.full_like(weight, 0.01)
    optimizer.step()
    moved = (weight.detach() - before) / 0.1
    if name == "sgd":
        expected = -(0.01 + 0.5 * before)
    elif name == "adam":
        expected = -torch.sign(0.01 + 0.5 * before)
    else:
        expected = -1 - 0.5 * before
    far = (0.01 + 0.5 * before).abs() > 1e-4
    assert torch.allclose(moved[far], expected[far], atol=2e-3)
