"""`xnorlab ablate`: one thing changed at a time, trained and measured."""

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorlab.cli.data_options import CacheFolder, DataOption
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.stopping import CurrentRun, stoppable
from xnorlab.cli.train import Accelerator, Devices, say
from xnorlab.printable import one_line

app = typer.Typer(no_args_is_help=True, help="Change **one thing at a time** and measure what it is worth.")

Record = Annotated[bool, typer.Option("--record", help="Enter the table into pretrained/ablations.json.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_() -> None:
    """List the ablations, and the networks that each one trains."""
    from xnorlab.training.ablations import ABLATIONS

    rows = [
        [name, row.label, f"{row.model}-{row.scheme}"] for name, ablation in ABLATIONS.items() for row in ablation.rows
    ]
    print_table("Ablations", ["name", "row", "network"], rows, texts=3)


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(help="One of `xnorlab ablate list`.")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder of the runs; what is trained there is not trained again.")] = Path(
        "runs/ablations"
    ),
    dataset: Annotated[str, typer.Option(help="The data set's name, where --data holds several.")] = "imagenette",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training pictures, alike for all rows.")] = 16,
    seed: Annotated[list[int] | None, typer.Option(min=0, help="Alike for all rows; may be repeated. 0.")] = None,
    accelerator: Accelerator = "auto",
    devices: Devices = "auto",
    record: Record = False,
    cache_folder: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """**Train** the networks of one ablation, resuming what was begun, and print their top-1.

    `xnorlab ablate run order --data imagenette2-160`
    """
    from xnorlab.training import ablations

    current = CurrentRun(out)
    with stoppable(current.how_to_resume):
        entry = ablations.run_ablation(
            name,
            data,
            out,
            dataset=dataset,
            epochs=epochs,
            seeds=seed or [0],
            cache_folder=cache_folder,
            accelerator=accelerator,
            devices=devices,
            evaluate_every=epochs,
            progress=False,
            announce=say,
            begin=current.begin,
        )
    _show(name, entry, record, as_json)


@app.command("no-retraining")
def no_retraining(
    networks: Annotated[
        list[str], typer.Argument(help="A float network, pretrained or a run's folder; then its runs with other seeds.")
    ],
    data: DataOption,
    record: Record = False,
    cache_folder: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Replace a float network's filters by **signs**, scaled or not, train nothing, and measure top-1.

    `xnorlab ablate no-retraining imagenette/alexnet-float --data imagenette2-160`
    """
    from xnorlab.training.no_retraining import no_retraining as measure

    _show("no-retraining", measure(networks, data, cache_folder=cache_folder), record, as_json)


def _show(name: str, entry: dict[str, Any], record: bool, as_json: bool) -> None:
    from xnorlab.zoo import ablations

    if record:
        typer.echo(f"entered into {one_line(ablations.record(name, entry))}", err=True)
    if as_json:
        print_json(entry)
        return
    rows = [
        [row["label"], *(f"{100 * measured['top1']:.2f}" for measured in (row, *row.get("repeats", [])))]
        for row in entry["rows"]
    ]
    others = entry["rows"][0].get("repeats", [])
    first = f"top-1 %, seed {entry['rows'][0]['recipe']['seed']}" if others else "top-1 %"
    header = ["", first, *(f"seed {repeat['seed']}" for repeat in others)]
    print_table(f"{entry['question']}; {entry['images']:,} pictures", header, rows)
