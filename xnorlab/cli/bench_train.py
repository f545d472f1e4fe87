"""`xnorlab bench train`: what a binary scheme costs a training step."""

from typing import Annotated, Any

import typer

from xnorlab.cli.output import milliseconds, print_json, print_table


def train(
    schemes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCHEME]...", help="By default binaryconnect, bnn, bwn, xnor, xnor-k."),
    ] = None,
    model: Annotated[str, typer.Option(help="alexnet, resnet18 or nin.")] = "alexnet",
    batch: Annotated[int, typer.Option(min=2, help="Pictures a step.")] = 64,
    size: Annotated[int | None, typer.Option(min=1, help="Side of a picture; the recipe's.")] = None,
    precision: Annotated[str, typer.Option(help="auto, bf16-mixed or 32-true.")] = "auto",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="Of torch, on the CPU.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds; slow steps join every third one.")] = 21,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every sample.")] = False,
) -> None:
    """Time a **training step** under binary schemes against the same network in full precision.

    Forward, backward and optimiser on one batch that lies ready; networks take turns. × is in units of the float step.

    `xnorlab bench train`

    `xnorlab bench train xnor reactnet --model resnet18 --device cuda`
    """
    from xnorlab.training.step_time import bench_train

    changes: dict[str, Any] = {"batch_size": batch, "precision": precision}
    if size is not None:
        changes["train_size"] = size
    result = bench_train(
        model,
        schemes or ("binaryconnect", "bnn", "bwn", "xnor", "xnor-k"),
        device=device,
        threads=threads,
        repeats=repeats,
        **changes,
    )
    if as_json:
        print_json(result.to_dict())
        return
    where = f"{result.machine.cpu}, {threads} thread{'s' if threads > 1 else ''}" if device == "cpu" else result.device
    rows = []
    for scheme, timing in result.timings.items():
        low, median, high = (milliseconds(value) for value in timing.quartiles_s)
        noisy = " ~" if timing.spread > 0.1 else ""
        rows.append([scheme, median + noisy, f"{low} … {high}", f"{result.overhead(scheme):.2f}×"])
    pixels = result.recipe.train_size
    print_table(
        f"{model}, {batch} pictures of {pixels} × {pixels}, {result.precision}; {where}",
        ["", "median ms", "quartiles", "of float"],
        rows,
    )
