"""`xnorlab bench network`: times of a whole network, and the tables that show them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xnorlab import units
from xnorlab.cli.bench_options import AsJson, Peers, Repeats, Threads, progress_bar
from xnorlab.cli.output import print_json, print_table
from xnorlab.cli.timing_tables import machine_line, print_notes, print_timings, thread_count, timing_row

if TYPE_CHECKING:
    from xnorlab.benchmark import NetworkBench, OpTiming
    from xnorlab.runtime import Network


def network(
    name: Annotated[
        str,
        typer.Argument(
            help="A pretrained name, such as imagenette/alexnet-xnor, or an architecture, such as resnet18."
        ),
    ],
    scheme: Annotated[str | None, typer.Option(help="Scheme of an architecture; xnor by default.")] = None,
    size: Annotated[int | None, typer.Option(help="Pixels of an architecture's pictures; 224 by default.")] = None,
    photo: Annotated[
        str | None, typer.Option(help="The photo to run it on; a random picture if none is given.")
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
    with progress_bar() as part:
        part(name, 0, 1)(0.0, "building")
        packed, twin, module = _networks(name, scheme, size)
        result = bench_network(
            packed,
            [picture] * batch,
            float_twin=twin,
            threads=1 if threads is None else threads,
            peers=network_peers(packed, twin, module) if peers else [],
            repeats=repeats,
            progress=part(name, 0, 1),
        )
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)


def _networks(
    name: str, scheme: str | None, size: int | None
) -> "tuple[Network, Network | None, Callable[[str], Any] | None]":
    """Load or build the networks to time.

    Args:
        name: A pretrained name or an architecture.
        scheme: Scheme of an architecture; xnor if None.
        size: Pixels of an architecture's pictures; 224 if None.

    Returns:
        The packed network, its float twin (None if none is shipped), and a function that returns the torch module for
        the name of either (None for pretrained networks).
    """
    from xnorlab import pretrained

    if "/" in name or "-" in name:
        if scheme is not None or size is not None:
            raise ValueError(f"name={name!r} has its own scheme and size; --scheme and --size go with an architecture")
        packed, twin_name = pretrained.load(name), pretrained.sibling(name, "float")
        if twin_name == name:
            return packed, packed, None
        return packed, pretrained.load(twin_name) if twin_name in pretrained.names() else None, None
    from xnorlab.peers import untrained

    made = untrained(name, "xnor" if scheme is None else scheme, size=224 if size is None else size)
    return made.network, made.float_twin, made.modules.__getitem__


def _print(result: "NetworkBench") -> None:
    """Print the times of all engines, the memory that packed weights save, and the times of the steps."""
    ours = result.timings["packed"].median_s
    typer.echo(machine_line(result.machine))
    typer.echo()
    title = f"{result.name}, input {' × '.join(map(str, result.input_shape))}, {thread_count(result.threads)}"
    rows = [timing_row(result.about[name], timing, ours) for name, timing in result.timings.items()]
    print_timings(title, rows, result.about, result.left_out)
    summary = []
    if result.fastest_float is not None:
        summary.append(f"{result.speedup(result.fastest_float):.1f}× the fastest float32 ({result.fastest_float})")
    if "openvino-int8" in result.timings:
        summary.append(
            f"{result.speedup('openvino-int8'):.1f}× OpenVINO int8, whose logits are "
            f"{result.deviations['openvino-int8']:.1%} off float32's"
        )
    if result.memory is not None:
        summary.append(
            f"packed weights: {units.memory(result.memory.file_bytes)} in the file, "
            f"{units.memory(result.memory.resident_bytes)} in memory, "
            f"{units.memory(result.memory.float32_bytes)} in float32"
        )
    if summary:
        typer.echo("; ".join(summary))
    twin = {name: step for step in result.float_ops for name in step.ops}
    total = sum(step.timing.median_s for step in result.ops)
    typer.echo()
    print_table(
        "Packed network, step by step",
        ["step", "kind", "median ms", "share", "GMAC/s", "float twin ms"],
        [_step_row(step, total, twin.get(step.ops[0]) if step.ops else None) for step in result.ops],
        texts=2,
    )
    print_notes(list(result.timings.values()))


def _step_row(step: "OpTiming", total: float, twin: "OpTiming | None") -> list[str]:
    """The row of a step, which is named after its first op; norms, activations and sums within the step follow it."""
    seconds, macs = step.timing.median_s, step.binary_macs + step.float_macs
    name = step.ops[0] if step.ops else step.timing.name
    return [
        name + (f" + {len(step.ops) - 1}" if len(step.ops) > 1 else ""),
        step.kind,
        units.milliseconds(seconds),
        f"{seconds / total:.1%}",
        units.significant(macs / seconds / 1e9) if macs else "–",
        "–" if twin is None else units.milliseconds(twin.timing.median_s),
    ]
