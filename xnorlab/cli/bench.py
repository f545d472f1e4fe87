"""`xnorlab bench`: timings that anyone can repeat, on this machine, now."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from xnorlab.cli.output import milliseconds, one_line, print_json, print_table, significant

app = typer.Typer(no_args_is_help=True, help="**Time** convolutions or a whole network on this machine.")


@app.command("conv")
def conv(
    shapes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[C@SIZE]...", help="Channels and map size, such as 64@56; C→N as 64-128@56."),
    ] = None,
    kernel: Annotated[int, typer.Option(min=1, help="Kernel height and width.")] = 3,
    stride: Annotated[int, typer.Option(min=1)] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Pictures at once.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads for everyone.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds; each times everyone once.")] = 21,
    naive: Annotated[bool, typer.Option(help="Also time the plain float loop.")] = True,
    peers: Annotated[bool, typer.Option(help="Also time torch, OpenVINO, ONNX Runtime, where installed.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every sample.")] = False,
) -> None:
    """Time one **convolution**: packed XNOR + population count against float32.

    Ours includes everything: thresholds, packing, counting, scaled float output. Answers are checked, runs take turns.
    Columns are milliseconds, median of all rounds; × says how many times longer than ours.

    `xnorlab bench conv`, the 3×3 convolutions of ResNet-18

    `xnorlab bench conv 64@56 65@56`, the step after a full word

    `xnorlab bench conv 256@14 --kernel 1 --batch 8 --threads 2 --json`
    """
    from xnorlab.benchmark import bench_conv
    from xnorlab.peers import conv_peers

    wanted = [parse_shape(text, kernel, stride, batch) for text in shapes or ["64@56", "128@28", "256@14", "512@7"]]
    chosen = conv_peers() if peers else []
    results = []
    with _progress() as report:
        for i, shape in enumerate(wanted):
            results.append(
                bench_conv(
                    shape,
                    threads=threads,
                    peers=chosen,
                    naive=naive,
                    repeats=repeats,
                    progress=report(f"{shape}", i, len(wanted)),
                )
            )
    if as_json:
        print_json([result.to_dict() for result in results])
    else:
        _print_conv(results)


def parse_shape(text: str, kernel: int, stride: int, batch: int) -> Any:
    """64@56 or 64-128@56 (channels, filters, map size) as a ConvShape."""
    from xnorlab.benchmark import ConvShape

    planes, at, size = text.partition("@")
    channels, _, filters = planes.replace("→", "-").partition("-")
    if not at or not all(part.isascii() and part.isdigit() for part in (channels, size, filters or "1")):
        raise ValueError(f"shape={text!r} must be CHANNELS@SIZE or CHANNELS-FILTERS@SIZE, such as 64@56")
    many = int(filters) if filters else None
    return ConvShape(int(channels), int(size), many, kernel=kernel, stride=stride, batch=batch)


@app.command("network")
def network(
    name: Annotated[str, typer.Argument(help="A pretrained name, such as imagenette/alexnet-xnor.")],
    photo: Annotated[
        str | None, typer.Option(help="The photo to run it on; a made-up one where none is given.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Copies of the photo at once.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads for everyone.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds; each times everyone once.")] = 21,
    peers: Annotated[bool, typer.Option(help="Also time torch, OpenVINO, ONNX Runtime, where installed.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with every sample.")] = False,
) -> None:
    """Time a whole **network**, packed, against its float twin, and op by op.

    Reading and cropping the photo are left out. Engines must agree on the logits, or nothing is printed.

    `xnorlab bench network imagenette/alexnet-xnor --photo photo.jpg`
    """
    import numpy as np

    from xnorlab import pretrained
    from xnorlab.benchmark import bench_network
    from xnorlab.images import open_image
    from xnorlab.peers import network_peers

    packed = pretrained.load(name)
    twin_name = pretrained.sibling(name, "float")
    twin = pretrained.load(twin_name) if twin_name in pretrained.names() and twin_name != name else None
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8) if photo is None else open_image(photo)
    with _progress() as report:
        result = bench_network(
            packed,
            [picture] * batch,
            float_twin=twin,
            threads=threads,
            peers=network_peers(packed, twin) if peers else [],
            repeats=repeats,
            progress=report(name, 0, 1),
        )
    if as_json:
        print_json(result.to_dict())
    else:
        _print_network(result)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], Callable[[float, str], None]]]:
    """A bar on stderr, where that is a terminal; yields, for part i of n, the callback that moves it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def report(title: str, i: int, n: int) -> Callable[[float, str], None]:
            return lambda fraction, text: bar.update(task, completed=(i + fraction) / n, description=f"{title}: {text}")

        yield report


def _machine_line(result: Any) -> str:
    machine, threads = result.machine, result.threads
    versions = ", ".join(f"{name} {machine.versions[name]}" for name in ("numba", "torch") if name in machine.versions)
    plural = "thread" if threads == 1 else "threads"
    return f"{machine.cpu}, {machine.instructions}, {threads} {plural} of {machine.cores}; {versions}; {machine.taken}"


def _timing_row(label: str, timing: Any, ours: float) -> list[str]:
    low, median, high = (milliseconds(value) for value in timing.quartiles_s)
    noisy = " ~" if timing.spread > 0.1 else ""
    return [label, median + noisy, f"{low} … {high}", f"{significant(timing.median_s / ours)}×"]


COLUMNS = ["", "median ms", "quartiles", "of ours"]
NOISY = "~ quartile range above 10 % of the median: the machine was busy, run again."


def _print_conv(results: list[Any]) -> None:
    typer.echo(_machine_line(results[0]))
    for result in results:
        timings, shape = result.timings, result.shape
        ours = timings["binary"].median_s
        rows = [_timing_row("xnorlab", timings["binary"], ours)]
        rows += [_timing_row(f"  {part}", timings[part], ours) for part in ("pack", "conv")]
        others = [name for name in timings if name not in ("binary", "pack", "conv")]
        rows += [_timing_row(result.about[name], timings[name], ours) for name in others]
        typer.echo()
        print_table(f"{shape}, {shape.macs / 1e6:.1f} million multiply-adds", COLUMNS, rows)
        typer.echo(_conv_verdict(result))
    if any(timing.spread > 0.1 for result in results for timing in result.timings.values()):
        typer.echo("\n" + NOISY)
    first = max(result.timings["binary"].first_call_s for result in results)
    typer.echo(f"First call, with compilation or its cache: at most {milliseconds(first)} ms; in no median.")


def _conv_verdict(result: Any) -> str:
    parts = [
        f"{result.binary_macs_per_s / 1e9:.0f} GMAC/s, {result.ceiling_share:.0%} of a loop of xor, count and add "
        f"on registers ({result.ceiling_macs_per_s / 1e9:.0f})"
    ]
    if result.conv_ceiling_share is not None:
        parts.append(f"{result.conv_ceiling_share:.0%} without packing")
    if result.best_float is not None:
        parts.append(f"{result.speedup(result.best_float):.1f}× torch's faster layout ({result.best_float})")
    if result.fastest_float not in (None, result.best_float):
        parts.append(f"{result.speedup(result.fastest_float):.1f}× the fastest float32 ({result.fastest_float})")
    parts.append(f"the paper's formula: {result.shape.predicted_speedup:.1f}×")
    return "; ".join(parts)


def _print_network(result: Any) -> None:
    ours = result.timings["packed"].median_s
    typer.echo(_machine_line(result))
    typer.echo()
    rows = [_timing_row(result.about[name], timing, ours) for name, timing in result.timings.items()]
    print_table(f"{one_line(result.name)}, input {' × '.join(map(str, result.input_shape))}", COLUMNS, rows)
    twin = {op.timing.name: op for op in result.float_ops}
    total = sum(op.timing.median_s for op in result.ops)
    print_table(
        "Packed network, op by op",
        ["op", "kind", "median ms", "share", "GMAC/s", "float twin ms"],
        [
            [
                one_line(op.timing.name),
                op.kind,
                milliseconds(op.timing.median_s),
                f"{op.timing.median_s / total:.1%}",
                significant(n / op.timing.median_s / 1e9) if (n := op.binary_macs + op.float_macs) else "–",
                milliseconds(twin[op.timing.name].timing.median_s) if op.timing.name in twin else "–",
            ]
            for op in result.ops
        ],
        texts=2,
    )
    if any(timing.spread > 0.1 for timing in result.timings.values()):
        typer.echo(NOISY)
