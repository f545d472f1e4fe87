"""`xnorlab predict`: labels for photos, without torch."""

import os
from dataclasses import asdict
from typing import Annotated, Any

import typer

from xnorlab.cli.compiling import compiling_on_stderr
from xnorlab.cli.output import print_json
from xnorlab.printable import one_line

BAR = 24
"""Characters of a bar at probability 1."""


def predict(
    photos: Annotated[
        list[str], typer.Argument(help="Photos: JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF; HEIC with pillow-heif.")
    ],
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A pretrained name or a packed file; repeatable.")
    ] = None,
    scheme: Annotated[
        list[str] | None,
        typer.Option("--scheme", "-s", help="The default network under this scheme (float, bwn, xnor, …); repeatable."),
    ] = None,
    top: Annotated[int, typer.Option("--top", "-k", min=1, help="Labels per answer.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is in **photos**.

    `xnorlab predict photo.jpg`

    `xnorlab predict *.jpg --scheme float --scheme xnor --top 3`

    `xnorlab predict photo.jpg --model runs/mine/packed.safetensors --json`

    A network that was calibrated says so where a photo shows none of its classes, perhaps; its answers follow.

    A photo that cannot be read gets one sentence on stderr. The others are still answered, and the exit code is 1. The
    first answer after an installation compiles code, for some seconds; a line on stderr says so.
    """
    from xnorlab.images import ImageError, read_image

    networks = [open_network(name) for name in chosen(model or [], scheme or [])]
    answers: list[dict[str, Any]] = []
    refused = False
    for photo in photos:
        try:
            picture = read_image(photo)
        except ImageError as error:
            refused = True
            typer.echo(f"xnorlab: {one_line(error)}", err=True)
            answers.append({"photo": photo, "error": str(error)})
            continue
        with compiling_on_stderr():
            predictions = {name: network.predict([picture.pixels], top)[0] for name, network in networks}
        if as_json:
            labels = {name: [asdict(prediction) for prediction in best] for name, best in predictions.items()}
            known = {name: _judged(network, predictions[name]) for name, network in networks if network.unknown}
            answers.append({"photo": photo, "notes": list(picture.notes), "answers": labels, "unknown": known})
        else:
            classes = {name: network.output_shape[0] for name, network in networks}
            _print(photo, picture.notes, predictions, classes)
    if as_json:
        print_json(answers)
    if refused:
        raise typer.Exit(1)


def chosen(models: list[str], schemes: list[str]) -> list[str]:
    """List the networks to use: `models`, then the default network under each of `schemes`.

    Args:
        models: Pretrained names or packed files.
        schemes: Schemes.

    Raises:
        PretrainedError: The default network is not shipped under one of `schemes`.
    """
    from xnorlab import pretrained

    if models and not schemes:
        return models
    default = default_name()
    names = [pretrained.sibling(default, scheme) for scheme in schemes]
    for name in names:
        pretrained.entry(name)
    return [*models, *names] or [default]


def default_name() -> str:
    """Return the name of the first XNOR network of the manifest, else of the first network."""
    from xnorlab import pretrained

    names = pretrained.names()
    if not names:
        raise pretrained.PretrainedError("there is no pretrained network; give a packed file with --model")
    return next((name for name in names if name.endswith("-xnor")), names[0])


def open_network(name: str) -> tuple[str, Any]:
    """Load a network by its pretrained name or from its packed file, and return the name to print with it."""
    from xnorlab import pretrained
    from xnorlab.runtime import Network

    if os.path.isfile(name) or name.endswith(".safetensors"):
        return name, Network.open(name)
    return name, pretrained.load(name)


def _judged(network: Any, answer: Any) -> dict[str, Any]:
    """What a network's rule says of a photo: the rule, the photo's score, and whether it is refused."""
    return network.unknown.to_dict() | {"value": answer.unknown_score, "is_unknown": answer.is_unknown}


def _print(photo: str, notes: tuple[str, ...], predictions: dict[str, Any], classes: dict[str, int]) -> None:
    typer.echo(typer.style(one_line(photo), bold=True) + (f"  ({', '.join(notes)})" if notes else ""))
    width = max(len(one_line(p.label)) for best in predictions.values() for p in best)
    for name, best in predictions.items():
        if len(predictions) > 1:
            typer.echo(f"  {one_line(name)}")
        if best.is_unknown:
            typer.echo(f"  None of its {classes[name]} classes, perhaps. The nearest:")
        for p in best:
            bar = "█" * round(p.probability * BAR)
            typer.echo(f"  {p.probability:7.1%}  {one_line(p.label):<{width}}  {bar}".rstrip())
    typer.echo()
