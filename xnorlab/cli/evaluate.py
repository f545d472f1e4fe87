"""`xnorlab evaluate`: the accuracy of packed networks and of their torch counterparts."""

from typing import Annotated, Any

import typer

from xnorlab.cli.data_options import Cache, CacheFolder, DataOption, Keep, SkipUnreadable, preparing
from xnorlab.cli.output import print_json, print_table
from xnorlab.printable import one_line


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
    byte. "not at hand": a further seed, whose figures are kept but not its file.

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
    """Print a measured network in one line on stderr, since all of them take minutes."""
    measured = f"top-1 {row['packed_top1']:.2%}" if row.get("at_hand", True) else "not at hand, its figures are kept"
    typer.echo(f"{one_line(row['network'])}: {measured}", err=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"
