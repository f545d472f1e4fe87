"""`xnorlab bench`: timings that anyone can repeat, on this machine, now."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Annotated, Any

import typer

from xnorlab.cli.bench_tables import print_conv, print_network, print_sweeps
from xnorlab.cli.output import print_json

app = typer.Typer(no_args_is_help=True, help="**Time** convolutions or a whole network on this machine.")

FULL_KERNELS, FULL_BATCHES = (1, 3, 5), (1, 8)

Threads = Annotated[int | None, typer.Option(min=1, help="Threads for everyone; 1 where not given.")]
Repeats = Annotated[int, typer.Option(min=1, help="Rounds; each times everyone once.")]
Naive = Annotated[bool, typer.Option(help="Also time the plain float loop.")]
Peers = Annotated[bool, typer.Option(help="Also time torch, OpenVINO and ONNX Runtime.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with every sample.")]


@app.command("conv")
def conv(
    shapes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[C@SIZE]...", help="Channels and map size, such as 64@56; C→N as 64-128@56."),
    ] = None,
    kernel: Annotated[int | None, typer.Option(min=1, help="Kernel height and width; 3 where not given.")] = None,
    stride: Annotated[int, typer.Option(min=1)] = 1,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures at once; 1 where not given.")] = None,
    threads: Threads = None,
    full: Annotated[
        bool, typer.Option("--full", help="Kernels 1, 3 and 5, batches 1 and 8, one thread and all; minutes.")
    ] = False,
    repeats: Repeats = 21,
    naive: Naive = True,
    peers: Peers = True,
    as_json: AsJson = False,
) -> None:
    """Time one **convolution**: packed XNOR + population count against float32 and int8.

    Ours includes everything: thresholds, packing, counting, scaled float output. Answers are checked, runs take turns.
    Columns are milliseconds, median of all rounds; × says how many times longer than ours. Who is not installed, fails
    or is wrong gets the reason instead of a time.

    `xnorlab bench conv`, the 3×3 convolutions of ResNet-18

    `xnorlab bench conv --full`, all of them; an option that is given narrows it

    `xnorlab bench conv 64@56 65@56`, the step after a full word

    `xnorlab bench conv 256@14 --kernel 1 --batch 8 --threads 2 --json`
    """
    from xnorlab.benchmark import bench_conv
    from xnorlab.kernels.threads import available_threads
    from xnorlab.peers import CONVS

    kernels = _choice(kernel, FULL_KERNELS if full else (3,))
    batches = _choice(batch, FULL_BATCHES if full else (1,))
    counts = _choice(threads, sorted({1, available_threads()}) if full else (1,))
    names = shapes or ["64@56", "128@28", "256@14", "512@7"]
    wanted = [
        (parse_shape(name, size, stride, many), count)
        for count, many, size, name in product(counts, batches, kernels, names)
    ]
    chosen = CONVS if peers else ()
    results = []
    with _progress() as report:
        for i, (shape, count) in enumerate(wanted):
            watch = report(f"{shape}", i, len(wanted))
            results.append(bench_conv(shape, threads=count, peers=chosen, naive=naive, repeats=repeats, progress=watch))
    if as_json:
        print_json([result.to_dict() for result in results])
    else:
        print_conv(results)


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
    name: Annotated[
        str, typer.Argument(help="A pretrained name, such as imagenette/alexnet-xnor, or alexnet, resnet18, nin.")
    ],
    scheme: Annotated[str | None, typer.Option(help="Of an architecture; xnor where not given.")] = None,
    size: Annotated[int | None, typer.Option(help="Pixels of an architecture's pictures; 224 where not given.")] = None,
    photo: Annotated[
        str | None, typer.Option(help="The photo to run it on; a made-up one where none is given.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Copies of the photo at once.")] = 1,
    threads: Threads = None,
    repeats: Repeats = 21,
    peers: Peers = True,
    as_json: AsJson = False,
) -> None:
    """Time a whole **network**, packed, against its float twin in float32 and int8, and layer by layer.

    An architecture gets random weights (this needs torch): a time does not depend on the training. Reading and
    cropping the photo are left out. An engine that fails or gives other logits gets the reason instead of a time.

    `xnorlab bench network imagenette/alexnet-xnor --photo photo.jpg`

    `xnorlab bench network resnet18`, under the XNOR scheme at 224 pixels

    `xnorlab bench network alexnet --scheme bwn --batch 8 --threads 2`
    """
    import numpy as np

    from xnorlab.benchmark import bench_network
    from xnorlab.images import open_image
    from xnorlab.peers import network_peers

    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8) if photo is None else open_image(photo)
    with _progress() as report:
        report(name, 0, 1)(0.0, "building")
        packed, twin, module = _networks(name, scheme, size)
        result = bench_network(
            packed,
            [picture] * batch,
            float_twin=twin,
            threads=1 if threads is None else threads,
            peers=network_peers(packed, twin, module) if peers else [],
            repeats=repeats,
            progress=report(name, 0, 1),
        )
    if as_json:
        print_json(result.to_dict())
    else:
        print_network(result)


def _networks(name: str, scheme: str | None, size: int | None) -> tuple[Any, Any, Callable[[str], Any] | None]:
    """The packed network, its float twin or None, and who gives torch's modules; `name` is pretrained or a model."""
    from xnorlab import pretrained

    if "/" in name or "-" in name:
        if scheme is not None or size is not None:
            raise ValueError(
                f"name={name!r} has its own scheme and size; --scheme and --size go with alexnet, resnet18"
            )
        packed, twin_name = pretrained.load(name), pretrained.sibling(name, "float")
        if twin_name == name:
            return packed, packed, None
        return packed, pretrained.load(twin_name) if twin_name in pretrained.names() else None, None
    from xnorlab.peers import untrained

    made = untrained(name, "xnor" if scheme is None else scheme, size=224 if size is None else size)
    return made.network, made.float_twin, made.modules.__getitem__


@app.command("sweep")
def sweep(
    axes: Annotated[
        list[str] | None, typer.Argument(metavar="[AXIS]...", help="channels, kernel, size, batch, threads.")
    ] = None,
    threads: Threads = None,
    repeats: Repeats = 7,
    naive: Naive = True,
    peers: Peers = True,
    plot: Annotated[str | None, typer.Option(metavar="FILE.html", help="Also draw figure 4 of the paper anew.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time one convolution with one number **changed**, beside the paper's formula.

    The convolution is the paper's: 3×3, 256 channels, 14×14. Channels fill words of 64, so cost steps at 65 and 129.

    `xnorlab bench sweep`, over channels and kernel, as figure 4 of the paper

    `xnorlab bench sweep size batch threads`

    `xnorlab bench sweep --plot figure4.html`
    """
    from xnorlab import benchmark
    from xnorlab.peers import CONVS

    chosen = CONVS if peers else ()
    wanted = axes or ["channels", "kernel"]
    found = []
    with _progress() as report:
        for i, axis in enumerate(wanted):
            found.append(
                benchmark.sweep(
                    axis,
                    threads=1 if threads is None else threads,
                    peers=chosen,
                    naive=naive,
                    repeats=repeats,
                    progress=report("", i, len(wanted)),
                )
            )
    if plot is not None:
        _plot(found, plot)
    if as_json:
        print_json([each.to_dict() for each in found])
    else:
        print_sweeps(found)


def _plot(sweeps: list[Any], file: str) -> None:
    """One page that needs no network connection."""
    from xnorlab.figures import performance

    panels = [performance.Panel(s.axis, s.values, s.rivals, s.computed, s.computed_in_words) for s in sweeps]
    performance.sweeps(panels).update_layout(paper_bgcolor="white").write_html(file, include_plotlyjs=True)


def _choice(given: int | None, otherwise: Any) -> Any:
    return otherwise if given is None else (given,)


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
