"""`xnorlab pack` and `xnorlab ship`: from a run to a packed network."""

from pathlib import Path
from typing import Annotated

import typer

from xnorlab import units
from xnorlab.cli.data_options import Cache, CacheFolder, DataOption, Keep, SkipUnreadable, preparing
from xnorlab.cli.output import print_json
from xnorlab.printable import one_line


def pack(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its checkpoint (.ckpt).")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The packed file; packed.safetensors in the run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """**Pack** a trained network: a bit per binary weight, two per ternary one, norms folded, no torch to run it.

    `xnorlab pack runs/mine`

    `xnorlab predict photo.jpg --model runs/mine/packed.safetensors`
    """
    import numpy as np
    import torch

    from xnorlab import export
    from xnorlab.training.checkpoints import CHECKPOINT, load_checkpoint
    from xnorlab.training.rounding import round_weights_

    checkpoint = run / CHECKPOINT if run.is_dir() else run
    model, recipe, labels, _ = load_checkpoint(checkpoint)
    round_weights_(model)  # `ship` does so, too: packed and torch then agree bit for bit up to the first sign
    preprocessing = recipe.preprocessing()
    # export compares torch and packed logits on this noise, which reaches every layer
    noise = np.random.default_rng(0).integers(0, 256, (2, recipe.resize, recipe.resize, 3), np.uint8)
    example = torch.from_numpy(preprocessing(noise)).permute(0, 3, 1, 2)
    network = export.pack(
        model,
        example,
        labels=list(labels),
        preprocessing=preprocessing,
        provenance={"name": recipe.name, "dataset": recipe.dataset, "recipe": recipe.to_dict()},
        name=recipe.name,
    )
    target = checkpoint.parent / "packed.safetensors" if out is None else out
    network.save(target)
    size = target.stat().st_size
    noticed = [str(hint) for hint in export.hints(model, example)]
    if as_json:
        print_json({"file": str(target), "bytes": size, "name": recipe.name, "hints": noticed})
    else:
        typer.echo(f"{one_line(target)}: {units.memory(size)}")
        for hint in noticed:
            typer.echo(f"hint: {one_line(hint)}")


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
        typer.echo(f"{one_line(file)}: {measured}, {units.memory(shipped.bytes)}")
