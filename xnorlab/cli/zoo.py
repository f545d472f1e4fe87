"""`xnorlab zoo`: all shipped networks at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xnorlab import units
from xnorlab.cli.data_options import Cache, CacheFolder, DataOption, Keep, SkipUnreadable, preparing
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.stopping import CurrentRun, stoppable
from xnorlab.cli.train import Accelerator, Devices, say, say_epoch
from xnorlab.printable import one_line

if TYPE_CHECKING:
    from xnorlab.teach.novel_classes import NovelAccuracy

app = typer.Typer(no_args_is_help=True, help="Train and ship **all** networks of this repository.")

Only = Annotated[
    list[str] | None, typer.Option(help="Only this one, such as imagenette/alexnet-xnor-seed1; repeatable.")
]


@app.command("list")
def list_() -> None:
    """List the zoo's recipes in the order of training."""
    from xnorlab.training.recipes import RECIPES

    rows = [[r.run_name, str(r.epochs), r.teacher or "–", r.start or "–"] for r in RECIPES]
    print_table("The zoo", ["run", "epochs", "teacher", "start"], rows)


@app.command("train")
def train(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    only: Only = None,
    accelerator: Accelerator = "auto",
    devices: Devices = "auto",
    nodes: Annotated[int, typer.Option(min=1, help="How many machines.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes per device that cut crops.")] = 0,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Evaluate after every so many epochs.")] = 5,
    cache_folder: CacheFolder = None,
    cache: Cache = Keep.ON,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """**Train** every network of the zoo, one after the other. Called again, it goes on where it was stopped.

    `xnorlab zoo train --data imagenette2-160`

    `xnorlab zoo train --data imagenette2-160 --only imagenette/alexnet-bwn --accelerator gpu --devices 1`
    """
    from xnorlab.training.recipes import select, train_all

    current = CurrentRun(out)
    with stoppable(current.how_to_resume):
        train_all(
            select(only),
            data,
            out,
            begin=current.begin,
            accelerator=accelerator,
            devices=devices,
            nodes=nodes,
            workers=workers,
            evaluate_every=evaluate_every,
            progress=False,
            announce=say,
            report=say_epoch,
            **preparing(cache_folder, cache, skip_unreadable),
        )


@app.command("ship")
def ship(
    data: DataOption,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    only: Only = None,
    data_note: Annotated[str | None, typer.Option(help="For the cards: how this copy of the data differs.")] = None,
    cache_folder: CacheFolder = None,
    cache: Cache = Keep.ON,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """**Ship** every finished run of the zoo: the lowest seed as a network, other seeds as its repeats.

    `xnorlab zoo ship --data imagenette2-160`
    """
    from xnorlab.training.recipes import select
    from xnorlab.training.ship import ship_all
    from xnorlab.zoo.manifest import Repeat

    options = preparing(cache_folder, cache, skip_unreadable)
    for name, shipped in ship_all(select(only), runs, data, data_note=data_note, **options):
        file = name if isinstance(shipped, Repeat) else shipped.file
        typer.echo(f"{one_line(file)}: top-1 {shipped.top1:.1%}, {units.memory(shipped.bytes)}")


@app.command("teach")
def teach(
    data: DataOption,
    only: Annotated[list[str] | None, typer.Option(help="Only this shipped network; repeatable.")] = None,
    classes: Annotated[int, typer.Option(min=2, help="Classes per draw.")] = 5,
    photos: Annotated[int, typer.Option(min=3, help="Photos of each class to learn from.")] = 20,
    draws: Annotated[int, typer.Option(min=1, help="Draws.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of all draws.")] = 0,
    record: Annotated[bool, typer.Option("--record", help="Enter it into pretrained/novel-classes.json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """**Teach** every float, BWN, XNOR and ReActNet network classes that it has never seen, and measure the accuracy.

    A draw takes some classes of `--data` (one folder of photos per class) and some photos of each to learn from; its
    other photos are the test. ± is the standard error over the draws.

    `xnorlab zoo teach --data novel-24`
    """
    from dataclasses import asdict

    from xnorlab.teach import novel_classes

    protocol = novel_classes.Protocol(classes, photos, draws, seed)
    result = novel_classes.measure(data, only or novel_classes.default_names(), protocol, _say_accuracy)
    if record:
        typer.echo(f"entered into {one_line(novel_classes.record(result))}", err=True)
    if as_json:
        print_json(asdict(result))
        return
    rows = []
    for network in result.networks:
        twin = result.twin(network.name)
        away = "–" if twin is None or twin is network else "{} ± {:.1f}".format(*_points(*network.minus(twin)))
        rows.append([network.name, f"{100 * network.mean:.1f} ± {100 * network.error:.1f}", away])
    print_table(
        f"{protocol.classes} new classes, {protocol.photos} photos of each: accuracy over {protocol.draws} draws",
        ["features of", "top-1 %", "points from float"],
        rows,
    )


def _points(difference: float, error: float) -> tuple[str, float]:
    return units.points(100 * difference), 100 * error


def _say_accuracy(network: "NovelAccuracy") -> None:
    """Print a measured network in one line on stderr, since all of them take minutes."""
    typer.echo(f"{one_line(network.name)}: {network.mean:.1%} ± {network.error:.1%}", err=True)


@app.command("calibrate")
def calibrate(
    data: DataOption,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this one, such as imagenette/alexnet-xnor; repeatable.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Networks that are calibrated already, too.")] = False,
) -> None:
    """**Calibrate** the shipped networks: when does each of them say that it does not know a picture?

    Own pictures and pictures of other classes (Tiny ImageNet, and the folder of class folders `novel-24`) are shown at
    one size. Half of the other classes choose a score and a threshold that keeps 90 % of the own pictures; the rest is
    measured. Score and threshold go into the packed files, the figures into manifest and cards; weights stay as they
    are. Called again, it goes on where it was stopped. `xnorlab zoo unknown` prints the figures.

    `xnorlab zoo calibrate --data DIR`
    """
    from xnorlab.training.calibration import calibrate_all

    for network in calibrate_all(data, only=only, again=again):
        assert network.calibration is not None
        refused = ", ".join(f"{of.refused:.1%} of {one_line(of.data)}" for of in network.calibration.foreign)
        typer.echo(f"{one_line(network.file)}: refuses {refused}")


@app.command("unknown")
def unknown(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show how well each shipped network tells pictures of **other classes** from those of its own.

    "refused" is the share of foreign pictures, "own pass" the share of own ones beside them, both at one size; "full
    size" is the share of own pictures that pass at their full size. AUROC 50 is chance.

    `xnorlab zoo unknown`
    """
    from xnorlab import pretrained

    calibrated = {name: e.calibration for name, e in pretrained.entries().items() if e.calibration is not None}
    if as_json:
        print_json({name: calibration.to_dict() for name, calibration in calibrated.items()})
        return
    print_table(
        "What a network makes of pictures of other classes, %",
        ["network", "score", "shown", "refused", "own pass", "AUROC", "full size"],
        [
            [
                name,
                f"{record.score}, T = {record.temperature:g}",
                f"{of.data}, {of.side} pixels",
                *(f"{100 * share:.1f}" for share in (of.refused, of.own_passed, of.auroc, record.full_size_passed)),
            ]
            for name, record in calibrated.items()
            for of in record.foreign
        ],
        texts=3,
    )
