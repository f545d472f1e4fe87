"""`xnorlab bench loading`: times of loading training pictures, decoded on the fly and from the cache."""

from typing import Annotated

import typer

from xnorlab.cli.bench_options import AsJson, progress_bar
from xnorlab.cli.data_options import CacheFolder, Data
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.timing_tables import machine_line, median_and_quartiles, thread_count


def loading(
    data: Data,
    model: Annotated[str, typer.Option(help="alexnet, resnet18 or nin.")] = "alexnet",
    scheme: Annotated[str, typer.Option(help="As in `xnorlab train`.")] = "xnor",
    workers: Annotated[
        list[int] | None, typer.Option(min=0, help="Worker processes; repeatable. By default 0, 1 and 2.")
    ] = None,
    pictures: Annotated[int, typer.Option(min=1, help="Training pictures, spread evenly over the folder's.")] = 512,
    batch: Annotated[int, typer.Option(min=2, help="Pictures per step.")] = 64,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds; one more does not count.")] = 3,
    cache_folder: CacheFolder = None,
    as_json: AsJson = False,
) -> None:
    """Time the **loading** of training pictures, decoded on the fly and from the cache, with workers and without.

    All times are per picture, of loading alone and of loading beside training steps.

    A step's own time is what "beside steps" tends to where workers load fast enough.

    `xnorlab bench loading imagenette2-160`

    `xnorlab bench loading imagenette2-160 --model resnet18 --workers 0 --workers 4 --json`
    """
    from xnorlab.training.loading_time import bench_loading

    with progress_bar() as part:
        result = bench_loading(
            data,
            model,
            scheme,
            workers=workers or (0, 1, 2),
            pictures=pictures,
            repeats=repeats,
            threads=threads,
            cache_folder=cache_folder,
            progress=part("loading", 0, 1),
            batch_size=batch,
        )
    if as_json:
        print_json(result.to_dict())
        return
    recipe = result.recipe
    typer.echo(machine_line(result.machine))
    typer.echo()
    rows = [
        [source, str(count), *median_and_quartiles(timing), *median_and_quartiles(result.training[source, count])]
        for (source, count), timing in result.loading.items()
    ]
    rows.append(["a step alone", "", "", "", *median_and_quartiles(result.step)])
    print_table(
        f"{recipe.model}, {recipe.scheme}, {result.pictures} pictures of {recipe.dataset}, {recipe.train_size} pixels, "
        f"batches of {recipe.batch_size}, {thread_count(threads)}: ms per picture",
        ["squares", "workers", "loading", "quartiles", "beside steps", "quartiles"],
        rows,
    )
