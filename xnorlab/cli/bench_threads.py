"""`xnorlab bench threads`: what several threads of one process reach of what as many processes do."""

import statistics
from typing import Annotated

import typer

from xnorlab import units
from xnorlab.cli.bench_options import AsJson, progress_bar
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.timing_tables import machine_line, thread_count


def threads(
    name: Annotated[
        str, typer.Argument(help="A pretrained name, or an architecture under XNOR at 224 pixels (needs torch).")
    ] = "resnet18",
    threads: Annotated[int | None, typer.Option(min=2, help="Threads; all processors by default.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.05, help="Of each measurement.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Time what several **threads** of one process reach together, beside as many processes with one thread each.

    Processes share nothing, so that together they do what the machine can; a share of 1 is that. Measured for one
    convolution and for a network at batch 1 and 8. Processors that do not share a cache hand maps over slowly: on a
    virtual machine the share of batch 1 may change from minute to minute.

    `xnorlab bench threads`

    `xnorlab bench threads imagenette/resnet18-xnor`
    """
    import tempfile
    from pathlib import Path

    from xnorlab import pretrained
    from xnorlab.benchmark.thread_scaling import bench_threads
    from xnorlab.kernels.threads import available_threads

    with tempfile.TemporaryDirectory() as folder, progress_bar() as part:
        progress = part("threads", 0, 1)
        progress(0.0, "building")
        if "/" in name or "-" in name:
            path = pretrained.path(name)
        else:
            from xnorlab.peers import untrained

            path = Path(folder) / "network.safetensors"
            untrained(name, "xnor", size=224).network.save(path)
        result = bench_threads(
            {f"{name}, batch {n}": (path, n) for n in (1, 8)},
            threads=available_threads() if threads is None else threads,
            rounds=rounds,
            seconds=seconds,
            progress=progress,
        )
    if as_json:
        print_json(result.to_dict())
        return
    typer.echo(machine_line(result.machine))
    rows = []
    for work, scaling in result.scaling.items():
        times = (scaling.alone_s, scaling.threads_s, scaling.processes_s)
        shares = scaling.share(result.threads)
        rows.append(
            [
                work,
                *(units.milliseconds(statistics.median(values)) for values in times),
                f"{statistics.median(shares):.2f}",
                f"{min(shares):.2f} … {max(shares):.2f}",
            ]
        )
    several = thread_count(result.threads)
    print_table(
        f"Milliseconds a call; share of what {result.threads} processes of one thread do together",
        ["", "1 thread", several, f"{result.threads} processes", "share", "of rounds"],
        rows,
    )
