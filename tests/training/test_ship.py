import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from manifests import enter, shipped_network, use

from xnorlab import models, pretrained
from xnorlab.benchmark.machine import cpu_name
from xnorlab.training import ship as shipping
from xnorlab.training.evaluate import evaluate_all
from xnorlab.training.run import Result
from xnorlab.training.ship import ship, ship_all
from xnorlab.zoo import manifest
from xnorlab.zoo.manifest import Repeat, ShippedNetwork
from xnorlab.zoo.recipe import Recipe

NAME = "insects/resnet18-xnor"


def shipped_as_network(run: Result, *given: Any, **options: Any) -> ShippedNetwork:
    """What `ship` returns of a run that is no repeat."""
    network = ship(run.folder, *given, **options)
    assert isinstance(network, ShippedNetwork)
    return network


@pytest.fixture(scope="module")
def shipped(
    finished_run: Result, image_folder: Path, cache_folder: Path, tmp_path_factory
) -> tuple[Path, ShippedNetwork]:
    out = tmp_path_factory.mktemp("shipped")
    entry = shipped_as_network(
        finished_run, image_folder, out, cache_folder=cache_folder, data_note="The pictures are noise."
    )
    return out, entry


def test_the_manifest_describes_the_files_beside_it(shipped: tuple[Path, ShippedNetwork], image_folder: Path):
    out, entry = shipped
    assert manifest.read(out) == {NAME: entry}
    assert json.loads((out / "manifest.json").read_text()) == {NAME: entry.to_dict()}
    for prefix, key in (("", "file"), ("latent_", "latent_file"), ("history_", "history_file")):
        content = (out / getattr(entry, key)).read_bytes()
        assert hashlib.sha256(content).hexdigest() == getattr(entry, f"{prefix}sha256")
        assert len(content) == getattr(entry, f"{prefix}bytes")
    assert (entry.dataset, entry.model, entry.scheme) == ("insects", "resnet18", "xnor")
    assert (entry.images, entry.labels) == (24, ("ant", "bee", "cat"))
    assert entry.bytes < entry.latent_bytes / 3
    assert (entry.hardware, entry.precision) == (f"1 thread of {cpu_name()}", "32-true")


def test_what_was_measured_is_near_the_last_evaluation(shipped: tuple[Path, ShippedNetwork], finished_run: Result):
    assert shipped[1].top1 == pytest.approx(finished_run.epochs[-1]["val_top1"], abs=2 / 24)


def test_shipped_networks_load_both_ways(shipped: tuple[Path, ShippedNetwork], monkeypatch: pytest.MonkeyPatch):
    out, entry = shipped
    use(monkeypatch, out)
    network = pretrained.load(NAME)
    assert network.provenance["recipe"] == entry.recipe.to_dict()
    assert network.labels == ("ant", "bee", "cat")
    x = torch.randint(-128, 128, (4, 3, 16, 16), generator=torch.Generator().manual_seed(0)) / 64
    with torch.no_grad():
        logits = models.load(NAME)(x).numpy()
    packed = network.run(x.permute(0, 2, 3, 1).contiguous().numpy())
    assert packed == pytest.approx(logits, abs=1e-3)


def test_curves_are_the_runs_to_six_digits(shipped: tuple[Path, ShippedNetwork], finished_run: Result):
    history = json.loads((shipped[0] / f"{NAME}-history.json").read_text())
    for ours, theirs in zip(history["epochs"], finished_run.epochs, strict=True):
        assert ours["flips"] == pytest.approx(theirs["flips"], rel=1e-5)
        assert ours["val_loss"] == pytest.approx(theirs["val_loss"], rel=1e-5)
    assert len(history["histograms"]) == 4


def test_the_card_says_how_to_do_it_again(shipped: tuple[Path, ShippedNetwork]):
    out, entry = shipped
    text = (out / f"{NAME}.md").read_text()
    for expected in (
        f"| {100 * entry.top1:.2f} % of 24 pictures |",
        "xnorlab train DATA --out RUN --model resnet18 --scheme xnor --model-option width=8 --model-option stem=cifar "
        "--epochs 3 --batch-size 12 --resize 18 --eval-size 16 --train-size 16 --precision 32-true",
        f"xnorlab evaluate {NAME} --data DATA",
        "The pictures are noise.",
        f" on 1 thread of {cpu_name()} in 32-true |",
        "It knows 3 classes: ant, bee, cat.",
    ):
        assert expected in text


def test_a_second_network_joins_the_manifest(
    shipped: tuple[Path, ShippedNetwork],
    image_folder: Path,
    cache_folder: Path,
    run_small: Callable[..., Result],
    small_recipe: Callable[..., Recipe],
    tmp_path: Path,
):
    out = shutil.copytree(shipped[0], tmp_path / "pretrained")
    run_small(small_recipe(scheme="float", epochs=1), tmp_path / "run")
    ship(tmp_path / "run", image_folder, out, cache_folder=cache_folder)
    assert list(json.loads((out / "manifest.json").read_text())) == ["insects/resnet18-float", NAME]
    text = (out / "insects/resnet18-float.md").read_text()
    assert 'under the scheme "full precision", trained' in text
    assert "| what torch needs beside it |" in text
    entry = manifest.read(out)["insects/resnet18-float"]
    assert entry.latent_bytes < entry.bytes / 2, "weights that the packed file holds are not stored twice"
    assert "signs flipped" not in text


def test_an_unfinished_run_is_not_shipped(
    image_folder: Path,
    cache_folder: Path,
    run_small: Callable[..., Result],
    small_recipe: Callable[..., Recipe],
    tmp_path: Path,
):
    run_small(small_recipe(), tmp_path / "run", stop_after=1)
    with pytest.raises(ValueError, match="has trained 1 of 3 epochs: resume it"):
        ship(tmp_path / "run", image_folder, tmp_path / "out", cache_folder=cache_folder)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def other_seed(run_small: Callable[..., Result], small_recipe: Callable[..., Recipe], tmp_path_factory) -> Result:
    return run_small(small_recipe(seed=1), tmp_path_factory.mktemp("runs") / "again")


@pytest.fixture
def two_seeds(
    finished_run: Result, other_seed: Result, image_folder: Path, cache_folder: Path, tmp_path: Path
) -> tuple[Path, ShippedNetwork]:
    """A folder of shipped networks where a second seed follows the first; the manifest's entry."""
    out = tmp_path / "out"
    first = shipped_as_network(finished_run, image_folder, out, cache_folder=cache_folder)
    repeat = ship(other_seed.folder, image_folder, out, cache_folder=cache_folder)
    assert isinstance(repeat, Repeat)
    (entry,) = manifest.read(out).values()
    assert entry == replace(first, repeats=(repeat,))
    return out, entry


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_lowest_seed_is_the_network_whichever_is_shipped_first(
    two_seeds: tuple[Path, ShippedNetwork],
    finished_run: Result,
    other_seed: Result,
    image_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
):
    out, again = tmp_path / "swapped", {"cache_folder": cache_folder}
    assert shipped_as_network(other_seed, image_folder, out, **again).recipe.seed == 1
    assert shipped_as_network(finished_run, image_folder, out, **again) == two_seeds[1]
    assert contents(out) == contents(two_seeds[0])


def test_seeds_are_not_compared_on_different_pictures(
    two_seeds: tuple[Path, ShippedNetwork], other_seed: Result, image_folder: Path, tmp_path: Path
):
    root = shutil.copytree(image_folder, tmp_path / "insects")
    (root / "val/ant/00.png").unlink()
    before = contents(two_seeds[0])
    with pytest.raises(ValueError, match="other seeds of insects/resnet18-xnor were measured on other pictures"):
        ship(other_seed.folder, root, two_seeds[0], cache_folder=tmp_path / "cache")
    assert contents(two_seeds[0]) == before


def test_nothing_is_touched_where_packed_and_torch_disagree_or_another_process_ships(
    shipped: tuple[Path, ShippedNetwork],
    finished_run: Result,
    image_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    out = shutil.copytree(shipped[0], tmp_path / "pretrained")
    before = contents(out)
    monkeypatch.setattr(shipping, "LOCK_SECONDS", 0.0)
    (out / shipping.LOCK).touch()
    with pytest.raises(ValueError, match="another process ships; delete it if there is none"):
        ship(finished_run.folder, image_folder, out, cache_folder=cache_folder, data_note="Another note.")
    (out / shipping.LOCK).unlink()
    measured = {"packed_top1": 0.5, "packed_top5": 1.0, "torch_top1": 0.6, "images": 24, "labels_differ": 3}
    monkeypatch.setattr(shipping, "compare", lambda *given: measured)
    with pytest.raises(ValueError, match="insects/resnet18-xnor: packed and torch top-1 differ"):
        ship(finished_run.folder, image_folder, out, cache_folder=cache_folder, data_note="Another note.")
    assert contents(out) == before
    assert not list(out.glob(".ship-*"))


def test_what_another_process_enters_meanwhile_stays(
    finished_run: Result, image_folder: Path, cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    compare = shipping.compare

    another = shipped_network(Recipe(dataset="insects", model="another"))

    def slowly(*given):
        enter(tmp_path, another)
        return compare(*given)

    monkeypatch.setattr(shipping, "compare", slowly)
    entry = ship(finished_run.folder, image_folder, tmp_path, cache_folder=cache_folder)
    assert manifest.read(tmp_path) == {another.name: another, NAME: entry}


def test_another_seed_of_the_same_recipe_is_a_repeat(two_seeds: tuple[Path, ShippedNetwork]):
    out, entry = two_seeds
    (repeat,) = entry.repeats
    assert repeat.seed == 1
    assert repeat.sha256 != entry.sha256, "another seed's weights"
    ends = ("-history.json", "-latent.safetensors", ".md", ".safetensors")
    assert sorted(contents(out)) == [*(f"{NAME}{end}" for end in ends), "manifest.json"]
    assert repeat.precision == "32-true"
    told = f"| the same recipe with other seeds, packed | {100 * repeat.top1:.2f} % (seed 1) |"
    assert told in (out / f"{NAME}.md").read_text()


def test_evaluation_of_all_includes_repeats(
    two_seeds: tuple[Path, ShippedNetwork],
    image_folder: Path,
    cache_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    out, entry = two_seeds
    use(monkeypatch, out)
    # the folder that holds the data set may hold others, too
    others = tmp_path / "data"
    (others / "unfinished").mkdir(parents=True)
    (others / "insects").symlink_to(image_folder)
    rows = evaluate_all(others, cache_folder=cache_folder)
    (repeat,) = entry.repeats
    assert (rows[0]["network"], rows[0]["same_pictures"], rows[0]["differs"]) == (NAME, True, False)
    assert rows[1:] == [{"network": f"{NAME}, seed 1", "images": 24, "manifest_top1": repeat.top1, "at_hand": False}]
    for key in ("top1", "top5"):
        enter(out, replace(entry, **{key: getattr(entry, key) - 0.1}))
        assert evaluate_all(image_folder, cache_folder=cache_folder)[0]["differs"]


def test_repeats_stay_with_their_recipe_and_go_with_it(
    two_seeds: tuple[Path, ShippedNetwork],
    finished_run: Result,
    run_small: Callable[..., Result],
    small_recipe: Callable[..., Recipe],
    image_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
):
    out, entry = two_seeds
    again = shipped_as_network(finished_run, image_folder, out, cache_folder=cache_folder)
    assert again.repeats == entry.repeats
    other = run_small(small_recipe(epochs=1), tmp_path / "other")
    assert shipped_as_network(other, image_folder, out, cache_folder=cache_folder).repeats == ()
    assert "repeats" not in json.loads((out / "manifest.json").read_text())[NAME]


def test_a_run_of_before_precisions_were_recorded_was_trained_in_its_recipes(
    finished_run: Result, image_folder: Path, cache_folder: Path, tmp_path: Path
):
    checkpoint = torch.load(finished_run.checkpoint, weights_only=True)
    for record in checkpoint["callbacks"]["History"]["epochs"]:
        del record["precision"], record["hardware"]
    torch.save(checkpoint, tmp_path / "last.ckpt")
    entry = ship(tmp_path, image_folder, tmp_path / "out", cache_folder=cache_folder)
    assert (entry.hardware, entry.precision) == (checkpoint["hardware"], "32-true")


def test_all_finished_runs_are_shipped_and_first_stages_are_not(
    run_small: Callable[..., Result],
    small_recipe: Callable[..., Recipe],
    image_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
):
    runs, out = tmp_path / "runs", tmp_path / "out"
    first = small_recipe(scheme="float", epochs=1)
    second = small_recipe(start=first.name, epochs=1)
    unfinished, absent = small_recipe(scheme="bwn", epochs=2), small_recipe(scheme="bnn")
    for recipe in (first, second, unfinished):
        run_small(recipe, runs / recipe.run_name, runs=runs, stop_after=1)
    zoo = (first, second, unfinished, absent)
    entered = list(ship_all(iter(zoo), runs, image_folder, out, cache_folder=cache_folder))
    assert [name for name, _ in entered] == [NAME]
    assert list(manifest.read(out)) == [NAME]
    # by itself it is no first stage
    alone = list(ship_all([first], runs, image_folder, out, cache_folder=cache_folder))
    assert alone == [(first.name, manifest.read(out)[first.name])]
    with pytest.raises(ValueError, match="was trained by another recipe than the zoo's"):
        list(ship_all([replace(second, epochs=2)], runs, image_folder, out, cache_folder=cache_folder))
