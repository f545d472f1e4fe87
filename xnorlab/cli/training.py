"""`xnorlab pack`, `ship` and `evaluate`: from a finished run to a packed, measured network."""

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorlab.cli.data_options import Cache, CacheFolder, DataOption, Keep, SkipUnreadable, preparing
from xnorlab.cli.output import bytes_, print_json, print_table
from xnorlab.printable import one_line


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
    from xnorlab.zoo.manifest import Repeat

    shipped = shipping.ship(run, data, out, data_note=data_note, **preparing(cache_folder, cache, skip_unreadable))
    if as_json:
        print_json(shipped.to_dict())
    else:
        measured = f"top-1 {shipped.top1:.1%} on {shipped.images:,} pictures"
        file = f"seed {shipped.seed}" if isinstance(shipped, Repeat) else shipped.file
        typer.echo(f"{one_line(file)}: {measured}, {bytes_(shipped.bytes)}")


def evaluate(
    network: Annotated[str, typer.Argument(help='A pretrained name, "all", a packed file or a checkpoint (.ckpt).')],
    data: DataOption,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the packed network.")] = 1,
    cache_folder: CacheFolder = None,
    cache: Cache = Keep.ON,
    skip_unreadable: SkipUnreadable = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure **top-1 and top-5 accuracy** on the validation pictures in `--data`, packed and through torch.

    A pretrained network is also compared with what the manifest claims; exit code 1 where it is off by more than
    0.1 point or the pictures are not as many. "another copy": the pictures are not those of the manifest, byte for
    byte. "not at hand": a further seed, of which the figures are kept and not the file.

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
            "Accuracy in %: top-1 (packed, torch, manifest) and the packed network's top-5",
            ["network", "pictures", "packed", "top-5", "torch", "labels differ", "manifest"],
            [
                [
                    row["network"],
                    f"{row['images']:,}" + ("" if row.get("same_pictures", True) else ", another copy"),
                    *(_percent(row.get(key)) for key in ("packed_top1", "packed_top5", "torch_top1")),
                    str(row.get("labels_differ", "–")),
                    _percent(row.get("manifest_top1"))
                    + (" differs" if row.get("differs") else "" if row.get("at_hand", True) else ", not at hand"),
                ]
                for row in rows
            ],
        )
    if any(row.get("differs") for row in rows):
        raise typer.Exit(1)


def _say_row(row: dict[str, Any]) -> None:
    """A measured network in one line on stderr: all of them take minutes."""
    found = f"top-1 {row['packed_top1']:.2%}" if row.get("at_hand", True) else "not at hand, its figures are kept"
    typer.echo(f"{one_line(row['network'])}: {found}", err=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"
