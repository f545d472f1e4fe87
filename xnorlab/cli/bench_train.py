"""`xnorlab bench train`: times of a training step under binary schemes."""

from typing import Annotated, Any

import typer

from xnorlab.cli.bench_options import AsJson
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.timing_tables import median_and_quartiles, thread_count


def train(
    schemes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCHEME]...", help="By default binaryconnect, bnn, bwn, xnor, xnor-k."),
    ] = None,
    model: Annotated[str, typer.Option(help="An architecture, such as alexnet or resnet18.")] = "alexnet",
    batch: Annotated[int, typer.Option(min=2, help="Pictures per step.")] = 64,
    size: Annotated[int | None, typer.Option(min=1, help="Side of a picture; the recipe's by default.")] = None,
    precision: Annotated[str, typer.Option(help="auto, bf16-mixed or 32-true.")] = "auto",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch, on the CPU.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds; slow steps take part in every third one.")] = 21,
    as_json: AsJson = False,
) -> None:
    """Time a **training step** under binary schemes against the same network in full precision.

    A step is forward pass, backward pass and optimiser on one prepared batch; networks take turns. × compares with the
    float step.

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
    where = f"{result.machine.cpu}, {thread_count(threads)}" if device == "cpu" else result.device
    rows = [
        [scheme, *median_and_quartiles(timing), f"{result.overhead(scheme):.2f}×"]
        for scheme, timing in result.timings.items()
    ]
    pixels = result.recipe.train_size
    print_table(
        f"{model}, {batch} pictures of {pixels} × {pixels}, {result.precision}; {where}",
        ["", "median ms", "quartiles", "of float"],
        rows,
    )
