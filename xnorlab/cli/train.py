"""`xnorlab train`: from a folder of pictures to a trained network."""

import inspect
import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from xnorlab.cli.data_options import Cache, CacheFolder, Keep, SkipUnreadable, preparing
from xnorlab.cli.estimate import print_estimate
from xnorlab.cli.stopping import given_options, same_command, saved_and_next, stoppable
from xnorlab.printable import one_line
from xnorlab.training.processes import command_words, is_first_process
from xnorlab.zoo.recipe import Recipe, recipe_for

Devices = Annotated[str, typer.Option(help="Devices per machine, one process each; auto: all GPUs, or one CPU.")]
Accelerator = Annotated[str, typer.Option(help="auto, cpu, gpu: as Lightning takes it.")]

SEVERAL_MACHINES = """\
**Several devices or machines** share each step: N processes take batch-size / N pictures each, so that the steps and \
learning rates are those of one process. Gradients and BatchNorm are over all of them. To take a larger batch, give \
--batch-size, and choose --peak-rate for it; nothing scales it. Killed or not, the run goes on with --resume, on any \
number of processes that divides the batch. All machines need the data and --out under the same paths.

One machine:

`xnorlab train DATA --out RUN --devices 4`

Two machines of four GPUs, by torchrun, on each of them:

`torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29400 --rdzv-id 1 \
-m xnorlab train DATA --out RUN --devices 4 --nodes 2`

Two machines of four GPUs, by SLURM:

`sbatch --nodes 2 --ntasks-per-node 4 --gpus-per-node 4 \
--wrap "srun xnorlab train DATA --out RUN --devices 4 --nodes 2"`
"""
"""End of the help text."""

RECIPE_OPTIONS = {item.name: item.metadata["help"] for item in fields(Recipe) if "help" in item.metadata}
"""Settings of a recipe that are options of `train`, with their help texts."""


def with_recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per entry of RECIPE_OPTIONS, of the type of that field of `Recipe`.

    Args:
        command: takes the settings as keyword arguments, those that were not given as None.
    """
    types, own = get_type_hints(Recipe), inspect.signature(command)
    named = [parameter for parameter in own.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[types[name] | None, typer.Option(help=text)],
        )
        for name, text in RECIPE_OPTIONS.items()
    ]
    first = [parameter for parameter in named if parameter.kind is not parameter.KEYWORD_ONLY]
    command.__signature__ = own.replace(parameters=[*first, *options, *named[len(first) :]])
    command.__annotations__ |= {option.name: option.annotation for option in options}
    return command


@with_recipe_options
def train(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="The data set's folder, or one that holds it.")
    ] = None,
    *,
    recipe: Annotated[
        str | None, typer.Option(help="Begin from this one, such as imagenet/resnet18-xnor or imagenette/alexnet-bwn.")
    ] = None,
    model_option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the network; repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; by default runs/DATASET/MODEL-SCHEME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out, exactly.")] = False,
    accelerator: Accelerator = "auto",
    devices: Devices = "auto",
    nodes: Annotated[int, typer.Option(min=1, help="How many machines.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes per device that cut crops.")] = 0,
    runs: Annotated[Path, typer.Option(help="Folder of runs, in which --teacher and --start are looked for.")] = Path(
        "runs"
    ),
    evaluate_every: Annotated[int, typer.Option(min=1, help="Evaluate after every so many epochs.")] = 1,
    stop_after: Annotated[int | None, typer.Option(help="End after this epoch, to be resumed later.")] = None,
    cache_folder: CacheFolder = None,
    cache: Cache = Keep.ON,
    skip_unreadable: SkipUnreadable = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Train nothing: measure this device for a minute and print the hours.")
    ] = False,
    **settings: Any,
) -> None:
    """**Train** a network on a folder of pictures: `DATA/train/<class>/…` and `DATA/val/<class>/…`.

    Imagenette, Tiny ImageNet and CIFAR-10 are known by their classes, in their publishers' layouts, too; a folder of
    other classes that is called `cifar10` is named `cifar10-folder`. What is not given comes from the recipe of that
    data set and network, which is printed and stored with the weights. Every epoch leaves a checkpoint.

    `xnorlab train imagenette2-160 --scheme xnor`

    `xnorlab train my-photos --model resnet18 --scheme bwn --epochs 30 --out runs/mine`

    `xnorlab train my-photos --out runs/mine --resume`

    ImageNet, `IMAGENET/train/<wnid>` and `IMAGENET/val/<wnid>`, has recipes of AlexNet and ResNet-18 with the numbers
    of their papers. None of them was trained to its end here, and their accuracy was not measured.

    `xnorlab train IMAGENET --recipe imagenet/resnet18-xnor --cache off --workers 8`

    `xnorlab train --recipe imagenet/resnet18-xnor --estimate`
    """
    from xnorlab.training import folders, run
    from xnorlab.training.checkpoints import CHECKPOINT

    if data is None and not estimate:
        raise ValueError("DATA is missing: the data set's folder. Only --estimate goes without")
    given = {name: value for name, value in settings.items() if value is not None}
    if model_option:
        given["model_options"] = dict(map(parse_option, model_option))
    if resume:
        if given.keys() - {"precision"} or recipe is not None or estimate or out is None:
            raise ValueError(
                "--resume takes the recipe from the checkpoint in --out, and no other choice of it but --precision"
            )
        chosen = None
    else:
        chosen = _chosen(recipe, "imagenet" if data is None else folders.open_folder(data).name, given)
        if estimate:
            print_estimate(data, chosen, accelerator, workers, evaluate_every, runs)
            return
    assert data is not None
    folder = runs / chosen.run_name if out is None and chosen is not None else Path(out or "")

    def how_to_resume() -> str:
        if not (folder / CHECKPOINT).is_file():
            return saved_and_next(folder, same_command())
        in_the_checkpoint = {"data", "out", "resume", "model_option", *(() if resume else RECIPE_OPTIONS)}
        again = given_options(context, leave_out=in_the_checkpoint)
        return saved_and_next(
            folder, shlex.join([*command_words(), "train", str(data), "--out", str(folder), "--resume", *again])
        )

    with stoppable(how_to_resume):
        result = run.train(
            data,
            chosen,
            folder,
            resume=resume,
            stop_after=stop_after,
            precision=given.get("precision") if resume else None,
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
    say(f"{result.checkpoint}; next: xnorlab pack {folder}")


def _chosen(name: str | None, dataset: str, given: dict[str, Any]) -> Recipe:
    """Recipe of this name, or the default one, with the settings that were given; it is printed on stderr."""
    from xnorlab.training.recipes import named

    if name is None:
        chosen, paper = recipe_for(dataset, **({"model": Recipe.model, "scheme": Recipe.scheme} | given)), None
    elif given.keys() & {"model", "scheme"}:
        raise ValueError(f"recipe={name!r} names model and scheme: leave out --model and --scheme")
    else:
        chosen, paper = named(name, dataset)
        options = {**chosen.model_options, **given.get("model_options", {})}
        chosen = Recipe.from_dict(chosen.to_dict() | given | {"model_options": options})
    for setting, value in chosen.to_dict().items():
        say(f"{setting:>20}  {one_line(value)}")
    if paper is not None:
        say(f"{'source':>20}  {paper.source}")
        if paper.differs:
            say(f"{'differs':>20}  {paper.differs}")
        published = paper.published
        printed = "none is published" if published is None else f"{published.source}: {published.top1:g} % top-1"
        say(f"{'accuracy':>20}  not measured here; {printed}")
    return chosen


def say(line: str) -> None:
    """Print one line on stderr, from the first process of a training alone."""
    if is_first_process():
        typer.echo(one_line(line), err=True)


def parse_option(text: str) -> tuple[str, Any]:
    """Name and value of NAME=VALUE; the value is read as JSON where it is JSON, else as text.

    Raises:
        ValueError: the text has another form.
    """
    import json

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"model_option={text!r} must be NAME=VALUE, such as width=32")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def say_epoch(record: dict[str, Any]) -> None:
    """Print the record of an epoch in one line on stderr."""
    words = [f"epoch {record['epoch']}", f"loss {record['train_loss']:.3f}", f"train {record['train_top1']:.1%}"]
    if "val_top1" in record:
        words.append(f"val {record['val_top1']:.1%}")
    say(", ".join([*words, f"{record['seconds']:.0f} s"]))
