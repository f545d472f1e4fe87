"""Timing of loading: all sources and workers, alone and beside steps."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xnorlab.cli import app
from xnorlab.training.loading_time import bench_loading

SMALL = {"resize": 18, "eval_size": 16, "train_size": 16, "batch_size": 12, "precision": "32-true"}
OPTIONS = {"width": 8, "stem": "cifar"}


def test_every_source_is_timed_with_every_number_of_workers(image_folder: Path, cache_folder: Path):
    result = bench_loading(
        image_folder,
        "resnet18",
        workers=(0, 1),
        pictures=24,
        repeats=2,
        cache_folder=cache_folder,
        model_options=OPTIONS,
        **SMALL,
    )
    ways = [(source, workers) for source in ("cache", "decoded") for workers in (0, 1)]
    assert list(result.loading) == list(result.training) == ways
    assert {len(timing.samples_s) for timing in (*result.loading.values(), result.step)} == {2}
    told = result.to_dict()
    assert [(row["source"], row["workers"]) for row in told["training"]] == ways
    assert told["pictures"] == 24


def test_the_command_names_the_machine_and_its_numbers(image_folder: Path, cache_folder: Path, monkeypatch):
    from xnorlab.training import loading_time

    measured = loading_time.bench_loading
    small = SMALL | {"model_options": OPTIONS}
    monkeypatch.setattr(loading_time, "bench_loading", lambda *given, **named: measured(*given, **(named | small)))
    words = ["bench", "loading", str(image_folder), "--model", "resnet18", "--workers", "0", "--pictures", "24"]
    words += ["--repeats", "1", "--cache-folder", str(cache_folder)]
    shown = CliRunner().invoke(app, words, catch_exceptions=False).stdout
    for text in ("24 pictures of insects", "1 thread", "decoded", "cache", "a step alone", "numba"):
        assert text in shown
    told = json.loads(CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False).stdout)
    assert told["machine"]["cpu"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pictures": 1000}, "pictures=1000 must be from batch_size=64 to the 72 of"),
        ({"pictures": 3}, "pictures=3 must be from batch_size=64"),
        ({"workers": (-1,)}, "workers must be 0 or more"),
        ({"repeats": 0}, "repeats must be 1 or more"),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict, message: str, image_folder: Path):
    with pytest.raises(ValueError, match=message):
        bench_loading(image_folder, **arguments)
