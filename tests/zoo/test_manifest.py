"""The manifest is read as records that were checked, and written back to the byte."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from manifests import enter, shipped_network, use

from xnorlab.pretrained import PretrainedError
from xnorlab.zoo import manifest
from xnorlab.zoo.recipe import Recipe

NAME = "imagenette/alexnet-xnor"
CURVES: dict[str, Any] = {"history_file": "h.json", "history_sha256": "1" * 64, "history_bytes": 3}


def stored(**changes: Any) -> dict[str, Any]:
    """A sound entry of one repeat as the manifest holds it, with these fields changed."""
    return shipped_network(Recipe(), 0.25, top5=0.75, **CURVES).to_dict() | changes


def store(folder: Path, values: object, name: str = NAME) -> None:
    (folder / "manifest.json").write_text(json.dumps({name: values}))


def test_the_shipped_manifest_is_written_as_it_was_read(tmp_path: Path):
    networks = manifest.entries()
    written = manifest.write(tmp_path, dict(reversed(list(networks.items()))))
    assert written.read_bytes() == (manifest.folder() / "manifest.json").read_bytes()


def test_an_entry_becomes_a_record(tmp_path: Path):
    store(tmp_path, stored())
    network = manifest.read(tmp_path)[NAME]
    assert (network.name, network.dataset, network.model, network.scheme) == (NAME, "imagenette", "alexnet", "xnor")
    assert network.recipe == Recipe()
    assert network.top1_by_seed == (0.5, 0.25)
    assert network.repeats[0].seed == 1
    assert network == shipped_network(Recipe(), 0.25, top5=0.75, **CURVES)


def test_what_an_older_manifest_lacks_has_its_default_and_is_not_written():
    network = shipped_network(Recipe())
    values = network.to_dict()
    assert not {"top5", "repeats", *CURVES} & set(values)
    del values["recipe"]["temperature"]
    assert manifest.ShippedNetwork.from_dict(NAME, values) == network


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"top1": 1.5}, "top1=1.5 must be a number from 0 to 1"),
        ({"top1": True}, "top1=True must be a number from 0 to 1"),
        ({"top1": float("nan")}, "top1=nan must be a number from 0 to 1"),
        ({"images": 0}, "images=0 must be an integer of 1 or more"),
        ({"bytes": 1.0}, "bytes=1.0 must be an integer of 1 or more"),
        ({"labels_differ": -1}, "labels_differ=-1 must be an integer of 0 or more"),
        ({"sha256": "abc"}, "sha256='abc' must be 64 hexadecimal digits"),
        ({"file": "../x"}, "file='../x' must be a path within the folder, with / between its parts"),
        ({"latent_file": "/etc/x"}, "latent_file='/etc/x' must be a path within the folder"),
        ({"file": "C:\\x"}, "must be a path within the folder"),
        ({"date": "23.11.2026"}, "date='23.11.2026' must be a date as 2026-11-23"),
        ({"precision": "half"}, "precision='half' must be one of auto, bf16-mixed, 32-true"),
        ({"precision": []}, "precision=[] must be one of"),
        ({"hardware": 3}, "hardware=3 must be null or a text that is not empty"),
        ({"labels": []}, "labels=[] must be a list of one text per class"),
        ({"labels": ["a", 2]}, "labels=['a', 2] must be a list of one text per class"),
        ({"trained_seconds": "long"}, "trained_seconds='long' must be a number of 0 or more"),
        ({"recipe": []}, "recipe=[] must be an object"),
        ({"recipe": {"epochs": 0}}, "recipe: epochs=0 must be an int of 1 or more"),
        ({"recipe": {"epoch": 1}}, "recipe: recipe has no 'epoch'"),
        ({"scheme": "bnn"}, "scheme='bnn' must be that of the recipe, 'xnor'"),
        ({"top": 0.5}, "there is no field 'top'; the fields are file, latent_file"),
        ({"repeats": {}}, "repeats={} must be a list"),
        ({"repeats": [{"seed": 1}]}, "repeats[0]: sha256 is missing; it must be 64 hexadecimal digits"),
        ({"repeats": [3]}, "repeats[0]: it must be an object with the fields seed, sha256"),
        ({"repeats": [stored()["repeats"][0] | {"seed": 0}]}, "repeats[0]: seed=0 must be above the one before, 0"),
    ],
)
def test_a_broken_rule_is_told_with_file_network_field_and_value(changes: dict, sentence: str, tmp_path: Path):
    store(tmp_path, stored(**changes))
    with pytest.raises(PretrainedError) as caught:
        manifest.read(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'manifest.json'}, network {NAME!r}: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("field", ["file", "top1", "recipe", "labels", "hardware", "data_note"])
def test_a_missing_field_is_named(field: str, tmp_path: Path):
    values = stored()
    del values[field]
    store(tmp_path, values)
    with pytest.raises(PretrainedError, match=f"network '{NAME}': {field} is missing; it must be "):
        manifest.read(tmp_path)


def test_a_history_is_there_whole_or_not_at_all(tmp_path: Path):
    values = stored()
    del values["history_bytes"]
    store(tmp_path, values)
    with pytest.raises(PretrainedError, match="history_file, history_sha256, history_bytes must all be there, or none"):
        manifest.read(tmp_path)


def test_a_network_has_its_recipes_name(tmp_path: Path):
    store(tmp_path, stored(), name="imagenette/alexnet-bnn")
    with pytest.raises(PretrainedError, match=re.escape("name='imagenette/alexnet-bnn' must be <data set>/<model>-")):
        manifest.read(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"imagenette/alexnet-xnor": 3}'])
def test_a_broken_manifest_is_named(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "manifest.json").write_bytes(content)
    use(monkeypatch, tmp_path)
    with pytest.raises(PretrainedError, match=r"manifest\.json"):
        manifest.names()


def test_a_record_that_breaks_a_rule_is_not_written(tmp_path: Path):
    enter(tmp_path, shipped_network(Recipe()))
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(PretrainedError, match=r"top1=2 must be"):
        enter(tmp_path, shipped_network(Recipe(), top1=2))
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_an_unchanged_manifest_is_parsed_once_and_a_changed_one_anew(tmp_path: Path):
    assert manifest.read(tmp_path) == {}
    network = shipped_network(Recipe())
    enter(tmp_path, network)
    first = manifest.read(tmp_path)
    assert manifest.read(tmp_path) is first
    enter(tmp_path, replace(network, top1=0.6))
    assert manifest.read(tmp_path)[NAME].top1 == 0.6


def test_a_repeat_keeps_what_the_network_had(tmp_path: Path):
    network = shipped_network(Recipe(seed=3), top5=0.7, **CURVES)
    repeat = network.as_repeat()
    assert (repeat.seed, repeat.sha256, repeat.top5) == (3, network.sha256, 0.7)
    assert manifest.Repeat.from_dict(repeat.to_dict()) == repeat
