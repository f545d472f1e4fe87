"""Lightning module: learning rates, weight decay, initial weights, evaluation, clipping and distillation."""

from collections.abc import Callable

import lightning as L
import numpy as np
import pytest
import torch

from xnorlab.nn import SCHEMES
from xnorlab.training.classification import Classification, binary_layers, distillation
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
LABELS = ("ant", "bee", "cat")


def test_only_real_weights_decay_and_binary_ones_have_their_own_rate(small_recipe: Make):
    recipe = small_recipe(scheme="reactnet", weight_decay=0.05, binary_rate_factor=0.5)
    task = Classification(recipe, LABELS, steps_per_epoch=6)
    groups = task.configure_optimizers()["optimizer"].param_groups
    of = {id(parameter): group for group in groups for parameter in group["params"]}
    assert len(of) == len(list(task.model.parameters()))
    latent = {f"{name}.weight" for name, _ in binary_layers(task.model)}
    assert len(latent) == 16
    for name, parameter in task.model.named_parameters():
        group = of[id(parameter)]
        assert group["weight_decay"] == (0.05 if parameter.dim() > 1 and name not in latent else 0), name
        assert group["initial_lr"] == (recipe.peak_rate / 2 if name in latent else recipe.peak_rate), name


def test_float_networks_have_no_binary_layers(small_recipe: Make):
    task = Classification(small_recipe(scheme="float"), LABELS, 6)
    assert not list(binary_layers(task.model))
    assert len(task.configure_optimizers()["optimizer"].param_groups) == 2


def test_the_seed_decides_initial_weights(small_recipe: Make):
    weights = [
        next(Classification(small_recipe(seed=seed), LABELS, 6).model.parameters()).flatten() for seed in (1, 1, 2)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_pictures_are_scaled_as_the_runtime_scales_them(small_recipe: Make):
    recipe = small_recipe()
    task = Classification(recipe, LABELS, 6).eval()
    photos = np.random.default_rng(0).integers(0, 256, (5, 20, 24, 3), dtype=np.uint8)
    preprocessing = recipe.preprocessing()
    cropped = torch.from_numpy(np.stack([preprocessing.crop_image(photo) for photo in photos]))
    x = torch.from_numpy(preprocessing(photos))
    with torch.no_grad():
        assert torch.equal(task(cropped.permute(0, 3, 1, 2)), task.model(x.permute(0, 3, 1, 2)))


def test_evaluation_runs_in_float32_inside_a_bfloat16_run(small_recipe: Make):
    task = Classification(small_recipe(), LABELS, 6).eval()
    pictures = torch.randint(0, 256, (24, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(24) % 3
    with torch.no_grad():
        expected = torch.nn.functional.cross_entropy(task(pictures), targets)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = torch.nn.functional.cross_entropy(task(pictures).float(), targets)
            task.validation_step((pictures, targets), 0)
    assert task.val_loss.compute() == pytest.approx(expected.item(), rel=1e-6)
    assert rounded.item() != pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("scheme", ["bnn", "xnor"])
def test_latent_weights_are_clipped_where_the_scheme_does(
    scheme: str, small_recipe: Make, monkeypatch: pytest.MonkeyPatch
):
    task = Classification(small_recipe(scheme=scheme), LABELS, 6)
    monkeypatch.setattr(L.LightningModule, "optimizer_step", lambda self: None)
    with torch.no_grad():
        for weight in task.latent_weights:
            weight.mul_(100)
    task.optimizer_step()
    assert all((weight.abs().max() == 1) == SCHEMES[scheme].clip_latent for weight in task.latent_weights)


def test_distillation_is_the_divergence_from_the_teachers_softened_answers():
    logits, answers = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits.requires_grad_()
    p = (answers / 3).softmax(1)
    loss = distillation(logits, answers, 3.0)
    expected = 9 * (p * (p.log() - (logits / 3).log_softmax(1))).sum(1).mean()
    assert loss.item() == pytest.approx(expected.item())
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.allclose(gradient, 3 * ((logits / 3).softmax(1) - p) / 5)
    assert distillation(answers, answers, 3.0).item() == pytest.approx(0)
