from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xnorlab.models import MODELS
from xnorlab.nn import get_scheme
from xnorlab.training import ablations
from xnorlab.training.ablations import ABLATIONS, recipes, run_ablation
from xnorlab.zoo.ablations import read, record
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]


@pytest.mark.parametrize("name", ABLATIONS)
def test_rows_differ_in_what_is_built_alone(name):
    ablation = ABLATIONS[name]
    assert len({row.label for row in ablation.rows}) == len(ablation.rows) >= 2
    assert len({(row.model, row.scheme) for row in ablation.rows}) == len(ablation.rows)
    bases = {row.label: row.model for row in ablation.rows if row.against is None}
    for row in ablation.rows:
        assert row.against is None or bases[row.against] == row.model, "set against a row of its own model"
        assert row.model in MODELS
        get_scheme(row.scheme)
    chosen = recipes(ablation, "imagenette", epochs=4, seed=2)
    kept = {"model": "alexnet", "model_options": {}, "scheme": "xnor"}
    assert len({str(recipe.to_dict() | kept) for recipe in chosen}) == 1


def test_a_table_is_trained_measured_and_recorded(
    image_folder: Path, cache_folder: Path, small_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = (ablations.Row("without", "resnet18", "xnor"), ablations.Row("with", "resnet18", "xnor-k", "without"))
    monkeypatch.setitem(ABLATIONS, "pair", ablations.Ablation("pair", "K or not", rows))
    base = small_recipe()

    def small(recipe: Recipe) -> Recipe:
        return replace(base, scheme=recipe.scheme, epochs=recipe.epochs, seed=recipe.seed)

    entry = run_ablation(
        "pair",
        image_folder,
        tmp_path,
        dataset="insects",
        epochs=2,
        seeds=(0, 3),
        changes=small,
        cache_folder=cache_folder,
        accelerator="cpu",
        devices=1,
        progress=False,
        evaluate_every=2,
    )
    assert [(row["label"], row["against"]) for row in entry["rows"]] == [("without", None), ("with", "without")]
    assert [row["recipe"]["scheme"] for row in entry["rows"]] == ["xnor", "xnor-k"]
    assert all(0.3 < row["top1"] <= 1 for row in entry["rows"]), "three classes, clearly different"
    assert [[repeat["seed"] for repeat in row["repeats"]] for row in entry["rows"]] == [[3], [3]]
    assert all(0.3 < repeat["top1"] <= 1 for row in entry["rows"] for repeat in row["repeats"])
    assert {path.name for path in (tmp_path / "insects").iterdir()} == {
        row["network"].partition("/")[2] + seed for row in entry["rows"] for seed in ("", "-seed3")
    }
    assert entry["images"] == 24
    assert entry["command"] == "xnorlab ablate run pair --data DATA --dataset insects --epochs 2 --seed 0 --seed 3"
    assert read(tmp_path) == {}
    record("pair", entry, tmp_path)
    record("another", {"rows": []}, tmp_path)
    assert read(tmp_path) == {"another": {"rows": []}, "pair": entry}


@pytest.mark.parametrize("seeds", [(), (1, 0, 1)])
def test_seeds_are_named_once_each(tmp_path: Path, seeds: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"seeds=\[.*\] must be one seed or more, each of them once"):
        run_ablation("order", tmp_path, tmp_path, seeds=seeds)


def test_unknown_ablations_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="name='colour' is not one of scale, scale-norm"):
        run_ablation("colour", tmp_path, tmp_path)
