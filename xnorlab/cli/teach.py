"""`xnorlab teach`: a shipped network learns the classes of a folder of photos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xnorlab import units
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.predict import open_network
from xnorlab.printable import one_line

if TYPE_CHECKING:
    from xnorlab.teach import Lesson, Taught

MOST_WRONG = 10
"""Most wrongly answered photos that are listed."""


def teach(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="DIR/<class>/*: one folder of photos per class.")],
    source: Annotated[
        str | None, typer.Option("--from", help="A pretrained name or a packed file, whose features are used.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The packed file to write.")] = Path("mine.safetensors"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Teach a shipped network **your own classes** from a few photos of each, in seconds, without torch.

    Only the last layer is learnt. The accuracy is that of a cross-validation, on photos that were left out; ± is the
    standard error of that many photos. Without `--from` the features are those of the network with most classes.

    `xnorlab teach my-photos --from imagenette/resnet18-reactnet --out mine.safetensors`

    `xnorlab predict photo.jpg --model mine.safetensors`
    """
    from xnorlab import teach as teaching
    from xnorlab.teach.folder import read
    from xnorlab.teach.lesson import KEPT_SIDE

    name, network = open_network(source or teaching.default_source())
    side = KEPT_SIDE if network.preprocessing is None else max(KEPT_SIDE, network.preprocessing.resize)
    lesson, unreadable = read(folder, side)
    for sentence in (*unreadable, *lesson.notes):
        typer.echo(f"xnorlab: {one_line(sentence)}", err=True)
    taught = teaching.teach(network, lesson, out.stem)
    taught.network.save(out)
    if as_json:
        print_json(_report(name, lesson, taught, out, unreadable))
    else:
        _print(name, lesson, taught, out)


def _print(name: str, lesson: "Lesson", taught: "Taught", out: Path) -> None:
    from xnorlab.teach import how_to_run

    validated = taught.cross_validation
    print_table(
        f"{len(lesson.targets)} photos, features of {name}: what each photo was taken for when it was left out",
        ["class", "photos", *lesson.labels, "right"],
        [
            [label, str(row.sum()), *(str(count) if count else "·" for count in row), f"{row[i] / row.sum():.0%}"]
            for i, (label, row) in enumerate(zip(lesson.labels, validated.confusion, strict=True))
        ],
    )
    typer.echo(
        f"Cross-validated accuracy: {100 * validated.accuracy:.1f} ± {100 * validated.error:.1f} % "
        f"(chance: {100 / len(lesson.labels):.1f} %)"
    )
    for index in validated.wrong[:MOST_WRONG]:
        answer = lesson.labels[validated.answers[index]]
        typer.echo(
            f"  {one_line(lesson.names[index])}: {answer}, {units.percent(validated.probabilities[index].max())}"
        )
    if len(validated.wrong) > MOST_WRONG:
        typer.echo(f"  and {len(validated.wrong) - MOST_WRONG} more")
    typer.echo(f"\nWritten: {one_line(out)}, {units.memory(out.stat().st_size)}. It runs without torch:\n")
    typer.echo(how_to_run(str(out)))


def _report(name: str, lesson: "Lesson", taught: "Taught", out: Path, unreadable: tuple[str, ...]) -> dict[str, Any]:
    validated = taught.cross_validation
    return {
        "from": name,
        "file": str(out),
        "photos": lesson.counts,
        "left_out": [*unreadable, *lesson.notes],
        "accuracy": validated.accuracy,
        "error": validated.error,
        "confusion": validated.confusion.tolist(),
        "wrong": [
            {
                "photo": lesson.names[index],
                "answer": lesson.labels[validated.answers[index]],
                "probability": float(validated.probabilities[index].max()),
            }
            for index in validated.wrong
        ],
    }
