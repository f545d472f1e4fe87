"""`xnorlab train`: from a folder of pictures to a trained network."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from xnorlab.cli.data_options import Cache, CacheFolder, Data, Keep, SkipUnreadable, preparing
from xnorlab.cli.stopping import given_options, safe_and_go_on, same_command, stoppable
from xnorlab.printable import one_line

KEPT_ON_RESUME = (
    "accelerator",
    "devices",
    "nodes",
    "workers",
    "runs",
    "evaluate_every",
    "stop_after",
    "cache_folder",
    "cache",
    "skip_unreadable",
)
"""Options of `train` that are no part of the recipe, and so are given again to go on."""

Devices = Annotated[str, typer.Option(help="How many devices, or auto.")]
Accelerator = Annotated[str, typer.Option(help="auto, cpu, gpu: as Lightning takes it.")]


def train(
    context: typer.Context,
    data: Data,
    model: Annotated[str | None, typer.Option(help="alexnet (default), resnet18 or nin.")] = None,
    scheme: Annotated[
        str | None, typer.Option(help="float, binaryconnect, bnn, bwn, xnor (default), xnor-k, bireal, reactnet, …")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; by default runs/DATASET/MODEL-SCHEME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out, exactly.")] = False,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training pictures.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step, over all devices.")] = None,
    peak_rate: Annotated[float | None, typer.Option(help="AdamW's highest learning rate.")] = None,
    warmup: Annotated[float | None, typer.Option(help="Share of all steps in which the rate climbs.")] = None,
    binary_rate_factor: Annotated[float | None, typer.Option(help="Rate of latent binary weights, relative.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="On real weights only.")] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="Target probability spread over all classes.")] = None,
    resize: Annotated[int | None, typer.Option(help="Short side of a picture, pixels.")] = None,
    eval_size: Annotated[int | None, typer.Option(help="Centre crop at evaluation, pixels.")] = None,
    train_size: Annotated[int | None, typer.Option(help="Side of a training picture, pixels.")] = None,
    first_size: Annotated[int | None, typer.Option(help="Its side in the first epoch; grows to --train-size.")] = None,
    crop_area: Annotated[tuple[float, float] | None, typer.Option(help="Area of a random crop.")] = None,
    crop_ratio: Annotated[tuple[float, float] | None, typer.Option(help="Width to height of a random crop.")] = None,
    flip: Annotated[bool | None, typer.Option("--flip/--no-flip", help="Mirror every other picture.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto, bf16-mixed or 32-true; with --resume, of this start.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides weights, order, crops, stochastic signs.")] = None,
    teacher: Annotated[str | None, typer.Option(help="Learn its answers too: a run's or a shipped name.")] = None,
    teacher_weight: Annotated[float | None, typer.Option(help="The teacher's share of the loss.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Softens both networks' answers.")] = None,
    start: Annotated[str | None, typer.Option(help="Begin with its weights: a run's or a shipped name.")] = None,
    model_option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the network; repeatable.")] = None,
    accelerator: Accelerator = "auto",
    devices: Devices = "auto",
    nodes: Annotated[int, typer.Option(min=1, help="How many machines.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes a device that cut crops.")] = 0,
    runs: Annotated[Path, typer.Option(help="Folder of runs, in which --teacher and --start are looked for.")] = Path(
        "runs"
    ),
    evaluate_every: Annotated[int, typer.Option(min=1, help="Evaluate after every so many epochs.")] = 1,
    stop_after: Annotated[int | None, typer.Option(help="End after this epoch, to be resumed later.")] = None,
    cache_folder: CacheFolder = None,
    cache: Cache = Keep.ON,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """**Train** a network on a folder of pictures: `DATA/train/<class>/…` and `DATA/val/<class>/…`.

    Imagenette, Tiny ImageNet and CIFAR-10 are known by their classes, in their publishers' layouts, too; a folder of
    other classes that is called `cifar10` is named `cifar10-folder`. What is not given comes from the recipe of that
    data set and network, which is printed and stored with the weights. Every epoch leaves a checkpoint.

    `xnorlab train imagenette2-160 --scheme xnor`

    `xnorlab train my-photos --model resnet18 --scheme bwn --epochs 30 --out runs/mine`

    `xnorlab train my-photos --out runs/mine --resume`
    """
    from xnorlab.training import folders, run
    from xnorlab.training.trained_networks import CHECKPOINT
    from xnorlab.zoo import recipe

    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "peak_rate": peak_rate,
        "warmup": warmup,
        "binary_rate_factor": binary_rate_factor,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "resize": resize,
        "eval_size": eval_size,
        "train_size": train_size,
        "first_size": first_size,
        "crop_area": crop_area,
        "crop_ratio": crop_ratio,
        "flip": flip,
        "precision": precision,
        "seed": seed,
        "teacher": teacher,
        "teacher_weight": teacher_weight,
        "temperature": temperature,
        "start": start,
        "model_options": dict(map(parse_option, model_option)) if model_option else None,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    if resume:
        if given.keys() - {"precision"} or model or scheme or out is None:
            raise ValueError(
                "--resume takes the recipe from the checkpoint in --out, and no other choice of it but --precision"
            )
        chosen = None
    else:
        found = folders.open_folder(data)
        chosen = recipe.recipe_for(found.name, model or "alexnet", scheme or "xnor", **given)
        for name, value in chosen.to_dict().items():
            typer.echo(f"{name:>20}  {one_line(value)}", err=True)
    folder = runs / chosen.run_name if out is None and chosen is not None else Path(out or "")

    def go_on() -> str:
        if not (folder / CHECKPOINT).is_file():
            return safe_and_go_on(folder, same_command())
        again = given_options(context, *KEPT_ON_RESUME, *(("precision",) if resume else ()))
        return safe_and_go_on(
            folder, shlex.join(["xnorlab", "train", str(data), "--out", str(folder), "--resume", *again])
        )

    with stoppable(go_on):
        result = run.train(
            data,
            chosen,
            folder,
            resume=resume,
            stop_after=stop_after,
            precision=precision if resume else None,
            accelerator=accelerator,
            devices=devices,
            nodes=nodes,
            workers=workers,
            runs=runs,
            evaluate_every=evaluate_every,
            announce=say,
            report=say_epoch,
            **preparing(cache_folder, cache, skip_unreadable),
        )
    typer.echo(one_line(f"{result.checkpoint}; next: xnorlab pack {folder}"), err=True)


def say(line: str) -> None:
    """One line on stderr."""
    typer.echo(one_line(line), err=True)


def parse_option(text: str) -> tuple[str, Any]:
    """NAME=VALUE with VALUE read as JSON where it is JSON, else as text."""
    import json

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"model_option={text!r} must be NAME=VALUE, such as width=32")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def say_epoch(record: dict[str, Any]) -> None:
    """An epoch's record in one line on stderr."""
    words = [f"epoch {record['epoch']}", f"loss {record['train_loss']:.3f}", f"train {record['train_top1']:.1%}"]
    if "val_top1" in record:
        words.append(f"val {record['val_top1']:.1%}")
    typer.echo(", ".join([*words, f"{record['seconds']:.0f} s"]), err=True)
