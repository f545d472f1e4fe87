"""`xnorlab train`, `pack`, `ship` and `evaluate`: the commands that need torch."""

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorlab.cli.data_options import Cache, CacheFolder, Data, DataOption, Keep, SkipUnreadable, preparing
from xnorlab.cli.output import bytes_, print_json, print_table
from xnorlab.printable import one_line


def train(
    data: Data,
    model: Annotated[str | None, typer.Option(help="alexnet (default), resnet18 or nin.")] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="float, binaryconnect, bnn, bwn, xnor (default), xnor-k, bireal, reactnet, …"),
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
    precision: Annotated[str | None, typer.Option(help="bf16-mixed or 32-true.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides weights, order, crops, stochastic signs.")] = None,
    teacher: Annotated[str | None, typer.Option(help="Learn its answers too: a run's or a shipped name.")] = None,
    teacher_weight: Annotated[float | None, typer.Option(help="The teacher's share of the loss.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Softens both networks' answers.")] = None,
    start: Annotated[str | None, typer.Option(help="Begin with its weights: a run's or a shipped name.")] = None,
    model_option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the network; repeatable.")] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu: as Lightning takes it.")] = "auto",
    devices: Annotated[str, typer.Option(help="How many devices, or auto.")] = "auto",
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
    other classes that is called `cifar10` is named `cifar10-folder`. What is not given comes from the
    recipe of that data set and network, which is printed and stored with the weights. Every epoch leaves a checkpoint.

    `xnorlab train imagenette2-160 --scheme xnor`

    `xnorlab train my-photos --model resnet18 --scheme bwn --epochs 30 --out runs/mine`

    `xnorlab train my-photos --out runs/mine --resume`
    """
    from xnorlab.training import folders, recipe, run

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
        if given or model or scheme or out is None:
            raise ValueError("--resume takes the recipe from the checkpoint in --out, and no other choice of it")
        chosen = None
    else:
        found = folders.open_folder(data)
        chosen = recipe.recipe_for(found.name, model or "alexnet", scheme or "xnor", **given)
        for name, value in chosen.to_dict().items():
            typer.echo(f"{name:>20}  {one_line(value)}", err=True)
    folder = runs / chosen.run_name if out is None and chosen is not None else Path(out or "")
    result = run.train(
        data,
        chosen,
        folder,
        resume=resume,
        stop_after=stop_after,
        accelerator=accelerator,
        devices=int(devices) if devices.isdigit() else devices,
        nodes=nodes,
        workers=workers,
        runs=runs,
        evaluate_every=evaluate_every,
        report=say_epoch,
        **preparing(cache_folder, cache, skip_unreadable),
    )
    typer.echo(one_line(f"{result.checkpoint}; next: xnorlab pack {folder}"), err=True)


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


def pack(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its checkpoint (.ckpt).")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The packed file; packed.safetensors in the run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """**Pack** a trained network: binary weights to one bit each, norms folded, no torch needed to run it.

    `xnorlab pack runs/mine`

    `xnorlab predict photo.jpg --model runs/mine/packed.safetensors`
    """
    import numpy as np
    import torch

    from xnorlab import export
    from xnorlab.training.rounding import round_weights_
    from xnorlab.training.sources import CHECKPOINT, load_checkpoint

    checkpoint = run / CHECKPOINT if run.is_dir() else run
    model, recipe, labels, _ = load_checkpoint(checkpoint)
    round_weights_(model)  # as `ship` does: packed and torch then agree bit for bit up to the first sign
    preprocessing = recipe.preprocessing()
    # export compares torch and packed logits on these; noise reaches every layer
    noise = np.random.default_rng(0).integers(0, 256, (2, recipe.resize, recipe.resize, 3), np.uint8)
    network = export.pack(
        model,
        torch.from_numpy(preprocessing(noise)).permute(0, 3, 1, 2),
        labels=list(labels),
        preprocessing=preprocessing,
        provenance={"name": recipe.name, "dataset": recipe.dataset, "recipe": recipe.to_dict()},
        name=recipe.name,
    )
    target = checkpoint.parent / "packed.safetensors" if out is None else out
    network.save(target)
    size = target.stat().st_size
    if as_json:
        print_json({"file": str(target), "bytes": size, "name": recipe.name})
    else:
        typer.echo(f"{one_line(target)}: {bytes_(size)}")


def ship(
    run: Annotated[Path, typer.Argument(help="A finished run's folder.")],
    data: DataOption,
    out: Annotated[
        Path | None, typer.Option(help="The folder of shipped networks; this checkout's pretrained/.")
    ] = None,
    data_note: Annotated[
        str | None, typer.Option(help="For the card: how this copy of the data differs from its publisher's.")
    ] = None,
    cache_folder: CacheFolder = None,
    cache: Cache = Keep.ON,
    skip_unreadable: SkipUnreadable = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the manifest entry.")] = False,
) -> None:
    """Pack and measure a run's network, write its **model card** and enter it into the manifest of `pretrained/`.

    `xnorlab ship runs/imagenette/alexnet-xnor --data imagenette2-160`
    """
    from xnorlab.training import ship as shipping

    entry = shipping.ship(run, data, out, data_note=data_note, **preparing(cache_folder, cache, skip_unreadable))
    if as_json:
        print_json(entry)
    else:
        measured = f"top-1 {entry['top1']:.1%} on {entry['images']:,} pictures"
        typer.echo(f"{one_line(entry['file'])}: {measured}, {bytes_(entry['bytes'])}")


def evaluate(
    network: Annotated[str, typer.Argument(help='A pretrained name, "all", a packed file or a checkpoint (.ckpt).')],
    data: DataOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the packed network.")] = 1,
    cache_folder: CacheFolder = None,
    cache: Cache = Keep.ON,
    skip_unreadable: SkipUnreadable = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure **top-1 accuracy** on the validation pictures in `--data`, packed and through torch.

    A pretrained network is also compared with what the manifest claims; exit code 1 where it is off by more than
    0.1 point or the pictures are not as many. "another copy": the pictures are not those of the manifest, byte for
    byte.

    `xnorlab evaluate all --data .`

    `xnorlab evaluate runs/mine/packed.safetensors --data my-photos`
    """
    from xnorlab.training.evaluate import evaluate as measure
    from xnorlab.training.evaluate import evaluate_all

    options = preparing(cache_folder, cache, skip_unreadable)
    if network == "all":
        rows = evaluate_all(data, threads=threads, report=_say_row, **options)
    else:
        rows = [measure(network, data, threads=threads, **options)]
    if as_json:
        print_json(rows)
    else:
        print_table(
            "Top-1 accuracy in %",
            ["network", "pictures", "packed", "torch", "labels differ", "manifest"],
            [
                [
                    row["network"],
                    f"{row['images']:,}" + ("" if row.get("same_pictures", True) else ", another copy"),
                    f"{100 * row['packed_top1']:.2f}",
                    f"{100 * row['torch_top1']:.2f}" if "torch_top1" in row else "–",
                    str(row.get("labels_differ", "–")),
                    (f"{100 * row['manifest_top1']:.2f}" + (" differs" if row["differs"] else ""))
                    if "manifest_top1" in row
                    else "–",
                ]
                for row in rows
            ],
        )
    if any(row.get("differs") for row in rows):
        raise typer.Exit(1)


def _say_row(row: dict[str, Any]) -> None:
    """A measured network in one line on stderr: all of them take minutes."""
    typer.echo(f"{one_line(row['network'])}: top-1 {row['packed_top1']:.2%}", err=True)
