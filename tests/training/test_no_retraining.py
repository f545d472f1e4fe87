from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from xnorlab.binarize import weight_scale
from xnorlab.models import build
from xnorlab.training.no_retraining import SCALES, estimate_norms_, no_retraining, projecting, with_binary_filters
from xnorlab.training.run import Result
from xnorlab.zoo.recipe import Recipe


def test_the_projecting_scale_restores_each_filters_part_along_itself():
    w = torch.randn(5, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    b = torch.where(w >= 0, 1.0, -1.0)
    scaled = projecting(w)[:, None, None, None] * b
    assert torch.allclose((scaled * w).flatten(1).sum(1), w.square().flatten(1).sum(1))
    rho = w.abs().flatten(1).sum(1) ** 2 / (27 * w.square().flatten(1).sum(1))
    assert torch.allclose(projecting(w), weight_scale(w) / rho)
    assert projecting(torch.zeros(2, 4)).tolist() == [0, 0]


def test_only_what_a_binary_network_binarizes_is_replaced():
    torch.manual_seed(0)
    model = build("resnet18", "float", 3, width=4, stem="cifar").eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = with_binary_filters(model, weight_scale).state_dict()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items()), "a copy is changed"
    touched = {name for name, value in changed.items() if not torch.equal(value, before[name])}
    assert touched == {name for name in before if ".branch." in name and name.endswith("conv.weight")}
    for name in touched:
        assert torch.allclose(changed[name].abs().flatten(1), weight_scale(before[name])[:, None])
        assert torch.equal(changed[name] >= 0, before[name] >= 0)
    with pytest.raises(ValueError, match="model must have real weights"):
        with_binary_filters(build("resnet18", "bwn", 3, width=4, stem="cifar"), weight_scale)


def test_norms_are_estimated_as_the_batches_are():
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    model = nn.Sequential(nn.BatchNorm2d(3)).eval()
    estimate_norms_(model, x, batch=4)
    norm = model[0]
    assert isinstance(norm, nn.BatchNorm2d)
    assert not norm.training
    assert norm.momentum == 0.1
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, x.mean((0, 2, 3)), atol=1e-6)


def test_norms_estimated_anew_absorb_every_scale(
    run_small: Callable[..., Result],
    small_recipe: Callable[..., Recipe],
    image_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
):
    run = run_small(small_recipe(scheme="float", epochs=1), tmp_path)
    seen: list[dict] = []
    entry = no_retraining([str(run.folder)], image_folder, cache_folder=cache_folder, report=seen.append)
    assert entry["rows"] == seen
    assert [row["filters"] for row in seen] == ["W", *(name for name in SCALES for _ in range(2))]
    assert seen[0]["top1"] == pytest.approx(run.epochs[-1]["val_top1"], abs=1.5 / 24)
    anew = [row["top1"] for row in seen if row["norms"] == "estimated anew"]
    assert anew == pytest.approx([anew[0]] * 3, abs=1.5 / 24)
    assert (entry["images"], entry["calibration_pictures"]) == (24, 72)
    assert entry["command"].startswith("xnorlab ablate no-retraining ")


def test_other_seeds_become_repeats(
    run_small: Callable[..., Result],
    small_recipe: Callable[..., Recipe],
    image_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
):
    def folder(name: str, **changes: int) -> str:
        return str(run_small(small_recipe(scheme="float", **{"epochs": 1, **changes}), tmp_path / name).folder)

    first, second, longer = folder("first"), folder("second", seed=1), folder("longer", epochs=2)
    both, alone = (
        no_retraining(given, image_folder, cache_folder=cache_folder) for given in ([first, second], [second])
    )
    repeats = [row["repeats"] for row in both["rows"]]
    assert repeats == [[{"seed": 1, "top1": row["top1"]}] for row in alone["rows"]]
    assert [row["recipe"]["seed"] for row in both["rows"]] == [0] * 7
    assert both["command"].endswith(f"{first} RUNS/insects/resnet18-float-seed1 --data DATA")
    for wrong, rule in (
        ([], "must name at least one"),
        ([first, longer], "differs from .* in more than its seed"),
        ([first, first], "must be of different seeds"),
    ):
        with pytest.raises(ValueError, match=rule):
            no_retraining(wrong, image_folder, cache_folder=cache_folder)
