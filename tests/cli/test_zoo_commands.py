"""`xnorlab zoo`, `ablate`, `verdicts` and `bench train`: that options arrive and answers are printed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from manifests import calibrated, enter, shipped_network, use
from typer.testing import CliRunner

from xnorlab import verdicts
from xnorlab.cli import app
from xnorlab.training import ablations, recipes
from xnorlab.zoo.ablations import read
from xnorlab.zoo.recipe import Recipe


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_zoo_lists_and_trains_what_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    result = run("zoo", "list")
    assert all(recipe.run_name in result.stdout for recipe in recipes.RECIPES)
    got: list = []
    monkeypatch.setattr("xnorlab.training.recipes.train_all", lambda *given, **options: got.append((given, options)))
    only = ["--only", "imagenette/alexnet-bwn", "--only", "imagenette/alexnet-xnor-seed1"]
    where = ["--accelerator", "gpu", "--devices", "2", "--nodes", 3, "--workers", 4]
    result = run("zoo", "train", "--data", tmp_path, "--out", tmp_path / "runs", *only, *where)
    assert result.exit_code == 0, result.stderr
    ((chosen, data, out), options) = got[0]
    assert [recipe.run_name for recipe in chosen] == only[1::2]
    assert (data, out) == (tmp_path, tmp_path / "runs")
    assert (options["accelerator"], options["devices"], options["nodes"], options["workers"]) == ("gpu", "2", 3, 4)
    result = run("zoo", "train", "--data", tmp_path, "--only", "bwn")
    assert result.exit_code == 2
    assert "name='bwn' is not in the zoo" in result.stderr


def test_shipping_passes_over_runs_that_are_not_there(tmp_path: Path):
    result = run("zoo", "ship", "--data", tmp_path, "--runs", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")


def test_shipping_prints_a_line_per_network_and_per_further_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    network = shipped_network(Recipe(), top1=0.75, bytes=2000)
    entered = [(network.name, network), (f"{network.name}-seed1", replace(network.as_repeat(), seed=1))]
    monkeypatch.setattr("xnorlab.training.ship.ship_all", lambda *given, **options: iter(entered))
    first, second = run("zoo", "ship", "--data", tmp_path).stdout.splitlines()
    assert first.startswith("imagenette/alexnet-xnor.safetensors: top-1 75.0%")
    assert second == first.replace(".safetensors", "-seed1")
    for _, shipped in entered:
        monkeypatch.setattr("xnorlab.training.ship.ship", lambda *given, _shipped=shipped, **options: _shipped)
        told = run("ship", tmp_path, "--data", tmp_path).stdout
        assert "top-1 75.0% on 24 pictures" in told
        assert json.loads(run("ship", tmp_path, "--data", tmp_path, "--json").stdout) == shipped.to_dict()


def test_calibrating_prints_a_line_per_network_and_unknown_a_row_per_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    network = replace(shipped_network(Recipe()), calibration=calibrated())
    got: dict = {}
    monkeypatch.setattr(
        "xnorlab.training.calibration.calibrate_all",
        lambda *given, **options: got.update(options, given=given) or iter([network]),
    )
    told = run("zoo", "calibrate", "--data", tmp_path, "--only", network.name, "--again").stdout
    assert told == "imagenette/alexnet-xnor.safetensors: refuses 25.0% of novel-24\n"
    assert got == {"given": (tmp_path,), "only": [network.name], "again": True}
    enter(tmp_path, network, shipped_network(Recipe(scheme="bnn")))
    use(monkeypatch, tmp_path)
    rows = [line.split() for line in run("zoo", "unknown").stdout.splitlines() if "alexnet" in line]
    (row,) = rows
    assert row[-4:] == ["25.0", "90.0", "75.0", "87.5"], "refused, own pass, AUROC, full size"
    assert json.loads(run("zoo", "unknown", "--json").stdout) == {network.name: calibrated().to_dict()}


def test_ablations_are_listed_run_printed_and_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    listed = run("ablate", "list").stdout
    assert all(name in listed for name in ablations.ABLATIONS)
    entry = {"question": "K or not", "images": 1000, "rows": [{"label": "with", "top1": 0.75}]}
    got: dict = {}
    monkeypatch.setattr(ablations, "run_ablation", lambda *given, **options: got.update(options, given=given) or entry)
    (tmp_path / "manifest.json").write_text("{}")
    use(monkeypatch, tmp_path)
    result = run("ablate", "run", "input-scale", "--data", tmp_path, "--epochs", 3, "--devices", "1")
    assert "75.00" in result.stdout
    assert (got["given"][0], got["epochs"], got["seeds"], got["devices"]) == ("input-scale", 3, [0], "1")
    entry["rows"][0] |= {"recipe": {"seed": 2}, "repeats": [{"seed": 5, "top1": 0.625}]}
    result = run("ablate", "run", "input-scale", "--data", tmp_path, "--seed", 2, "--seed", 5)
    assert all(text in result.stdout for text in ("top-1 %, seed 2", "seed 5", "75.00", "62.50"))
    assert got["seeds"] == [2, 5]
    assert not (tmp_path / "ablations.json").exists()
    result = run("ablate", "run", "input-scale", "--data", tmp_path, "--record", "--json")
    assert json.loads(result.stdout) == entry
    assert read(tmp_path) == {"input-scale": entry}


def test_verdicts_are_printed_as_they_are_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert run("verdicts").stdout == verdicts.markdown(verdicts.load())
    rows = json.loads(run("verdicts", "--json").stdout)
    assert [row["claim"] for row in rows] == [verdict.claim for verdict in verdicts.load()]
    result = run("verdicts", "--benchmark", tmp_path / "bench.json")
    assert (result.exit_code, "--benchmark needs --write" in result.stderr) == (2, True)
    (tmp_path / "manifest.json").write_text("{}")
    use(monkeypatch, tmp_path)
    assert run("verdicts").exit_code == 2
    assert run("verdicts", "--write").stdout.count("not measured yet") == len(verdicts.load())


def test_bench_train_prints_a_row_a_scheme():
    small = ["--model", "nin", "--batch", 2, "--size", 16, "--precision", "32-true", "--repeats", 1]
    result = run("bench", "train", "xnor", *small)
    assert result.exit_code == 0, result.stderr
    assert "nin, 2 pictures of 16 × 16" in result.stdout
    assert ", 1 thread" in result.stdout
    assert "1 threads" not in result.stdout
    told = json.loads(run("bench", "train", "bwn", *small, "--json").stdout)
    assert list(told["overheads"]) == ["float", "bwn"]


def test_bench_train_takes_the_machines_precision_and_prints_it(monkeypatch: pytest.MonkeyPatch):
    small = ["bench", "train", "bwn", "--model", "nin", "--batch", 2, "--size", 16, "--repeats", 1]
    monkeypatch.setattr("xnorlab.training.devices.cpu_has_bf16", lambda: False)
    assert "nin, 2 pictures of 16 × 16, 32-true; " in run(*small).stdout
    told = json.loads(run(*small, "--json").stdout)
    assert (told["recipe"]["precision"], told["precision"]) == ("auto", "32-true")
    result = run("bench", "train", "--size", 16, "--repeats", 1)
    assert (result.exit_code, "train_size=16 does not fit alexnet" in result.stderr) == (2, True)
