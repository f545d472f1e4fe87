"""`xnorlab train --estimate`: the hours that a recipe would take on the device at hand."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xnorlab import units
from xnorlab.cli.output import print_table
from xnorlab.zoo.recipe import Recipe

if TYPE_CHECKING:
    from xnorlab.training.estimate import Estimate


def print_estimate(
    data: Path | None, recipe: Recipe, accelerator: str, workers: int, evaluate_every: int, runs: Path
) -> None:
    """Measure for about a minute, and print what was measured and the hours that follow."""
    from xnorlab.training.devices import device_type
    from xnorlab.training.estimate import estimate

    result = estimate(
        data, recipe, device=device_type(accelerator), workers=workers, evaluate_every=evaluate_every, runs=runs
    )
    _print(result)


def _print(result: "Estimate") -> None:
    recipe, (training, validation) = result.recipe, result.pictures
    steps = [
        [f"training step at {size} pixels, with decoding", units.milliseconds(seconds), *_hours(result, size)]
        for size, seconds in result.step_s.items()
    ]
    rows = [
        *steps,
        ["  of which decoding and cropping, alone", units.milliseconds(result.loading_s), ""],
        ["evaluation, with decoding", units.milliseconds(result.evaluation_s), _hour(result.evaluation_hours)],
        ["all decoded once, before training", units.milliseconds(result.reading_s), _hour(result.reading_hours)],
    ]
    workers = "no workers" if result.workers == 0 else f"{result.workers} worker{'s' if result.workers > 1 else ''}"
    print_table(
        f"{recipe.name}, {recipe.epochs} epochs, on {result.device}, {result.precision}, {workers}",
        ["", "ms per picture", "hours"],
        rows,
        footer=["the whole run", "", _hour(result.hours)],
    )
    of = "ImageNet's number of generated" if result.generated else "the folder's"
    typer.echo(f"for {of} pictures: {training:,} to train on, {validation:,} to validate")
    if result.batch != recipe.batch_size:
        typer.echo(
            f"measured in steps of {result.batch} pictures; the recipe's have {recipe.batch_size}, which take too "
            "long here or too much memory"
        )
    squares = 3 * (training * recipe.resize**2 + validation * recipe.eval_size**2)
    typer.echo(f"a cache of decoded pictures would take {units.memory(squares)}, and save most of the decoding")
    typer.echo("measured on this device alone; other devices were not. The accuracy of this run is not estimated.")


def _hours(result: "Estimate", size: int) -> list[str]:
    """Hours of the epochs at one size."""
    share = sum(result.recipe.size_at(epoch) == size for epoch in range(result.recipe.epochs)) * result.step_s[size]
    every = sum(result.step_s[result.recipe.size_at(epoch)] for epoch in range(result.recipe.epochs))
    return [_hour(result.training_hours * share / every)]


def _hour(hours: float) -> str:
    return f"{hours:,.2f}" if hours < 10 else f"{hours:,.0f}"
