import pytest

from xnorlab.training.card import train_command
from xnorlab.training.recipe import recipe_for


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"epochs": 24}, " --epochs 24"),
        ({"flip": False, "crop_area": (0.5, 1.0)}, " --crop-area 0.5 1.0 --no-flip"),
        ({"model_options": {"width": 64}}, " --model-option width=64"),
    ],
)
def test_the_command_spells_out_what_differs_from_the_default(changes: dict, expected: str):
    recipe = recipe_for("imagenette", "resnet18", "bwn", **changes)
    assert train_command(recipe) == "xnorlab train DATA --out RUN --model resnet18 --scheme bwn" + expected
