import json
import shlex
from dataclasses import replace

import pytest
from manifests import shipped_network

from xnorlab import pretrained
from xnorlab.training.card import card, train_command
from xnorlab.training.run import Result
from xnorlab.zoo.cost import file_float32_bytes
from xnorlab.zoo.recipe import recipe_for


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"epochs": 24}, " --epochs 24"),
        ({"flip": False, "crop_area": (0.5, 1.0)}, " --crop-area 0.5 1.0 --no-flip"),
        (
            {"teacher": "imagenette/resnet18-float", "temperature": 2.0},
            " --teacher imagenette/resnet18-float --temperature 2.0",
        ),
        ({"model_options": {"width": 64}}, " --model-option width=64"),
    ],
)
def test_the_command_spells_out_what_differs_from_the_default(changes: dict, expected: str):
    recipe = recipe_for("imagenette", "resnet18", "bwn", **changes)
    assert train_command(recipe) == "xnorlab train DATA --out RUN --model resnet18 --scheme bwn" + expected


def test_a_card_names_the_networks_that_this_one_learned_from(finished_run: Result):
    alone = card(shipped_network(finished_run.recipe), finished_run.epochs, float32_bytes=40)
    recipe = replace(finished_run.recipe, teacher="big", start="big-stage-1")
    taught = card(shipped_network(recipe), finished_run.epochs, float32_bytes=40)
    assert "It learned from" not in alone
    assert "It learned from big and big-stage-1: train first what is not shipped" in taught


@pytest.mark.parametrize(
    ("scheme", "holds_weights"),
    [("float", False), ("binaryconnect-stochastic", False), ("binaryconnect", True), ("xnor", True)],
)
def test_a_card_says_what_the_latent_file_holds(scheme: str, holds_weights: bool, finished_run: Result):
    """A network that is tested with real weights has them in its packed file alone."""
    text = card(shipped_network(replace(finished_run.recipe, scheme=scheme)), finished_run.epochs, float32_bytes=40)
    assert ("| latent (training) weights, in 8 bits" in text) == holds_weights
    assert ("| what torch needs beside it | 2 bytes |" in text) != holds_weights


def test_a_card_says_that_ternary_weights_lie_there_in_float16(finished_run: Result):
    network = shipped_network(replace(finished_run.recipe, scheme="ternary"))
    text = card(network, finished_run.epochs, float32_bytes=40)
    assert "| latent (training) weights, in float16 | 2 bytes |" in text
    assert 'under the scheme "Ternary" (Ma et al. 2024, The Era of 1-bit LLMs (BitNet b1.58))' in text


def test_names_from_outside_break_no_card(finished_run: Result):
    recipe = replace(finished_run.recipe, dataset="my | photos", teacher="a\nb")
    network = shipped_network(recipe, labels=("ant\n# A title", "<b>bee|", "*cat*"))
    lines = card(network, finished_run.epochs, float32_bytes=40).splitlines()
    assert r"It knows 3 classes: ant\\n# A title, \<b\>bee\|, \*cat\*." in lines
    assert r"| dataset | my \| photos |" in lines
    assert r"| teacher | a\\nb |" in lines
    assert "xnorlab evaluate 'my | photos/resnet18-xnor' --data DATA" in lines
    assert [line for line in lines if line.startswith("# ")] == [r"# my \| photos/resnet18-xnor"]
    command = shlex.split(train_command(replace(recipe, teacher="run of mine")))
    assert command[command.index("--teacher") + 1] == "run of mine"


@pytest.mark.parametrize("name", pretrained.names())
def test_shipped_cards_are_what_the_manifest_and_the_curves_say(name: str):
    epochs = json.loads(pretrained.history_path(name).read_text(encoding="utf-8"))["epochs"]
    text = (pretrained.folder() / f"{name}.md").read_text(encoding="utf-8")
    shipped, numbers_bytes = pretrained.entry(name), file_float32_bytes(pretrained.path(name))
    assert text == card(shipped, epochs, float32_bytes=numbers_bytes)
    assert f"bytes, {numbers_bytes / shipped.bytes:.1f} times smaller than its numbers in float32" in text
