"""What the Network timing page measures: two schemes of one network in turns, layer by layer, in rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared import cached, networks, photos, turns
from streamlit.delta_generator import DeltaGenerator

from xnorlab.benchmark import Machine, NetworkBench, OpTiming, Timing, bench_network
from xnorlab.runtime import Network
from xnorlab.runtime.graph import infer_shapes
from xnorlab.zoo.layer_names import layer_names

ROUND = 3  # runs between two looks at the page
SAMPLE = "golf-ball"  # a time does not depend on what the photo shows
FIRST, CONV, PACK, REST = STAGES = ("real first layer", "other layers", "packing", "pools and the like")
_LAB_KERNELS, _LAB_STRIDES = (1, 3, 5, 7, 11), (1, 2, 4)
_LAB_LIMITS = {"channels": 2048, "filters": 2048, "size": 224}
_STAGE_OF = {
    "pack": PACK,
    **dict.fromkeys(
        ("conv", "binary_conv", "binary_weight_conv", "linear", "binary_linear", "binary_weight_linear"), CONV
    ),
}


@dataclass(frozen=True)
class Settings:
    """family: `<data set>/<model>`. schemes: the two, the first is what the second is compared with."""

    family: str
    schemes: tuple[str, str]
    threads: int
    repeats: int


@dataclass(frozen=True)
class Layer:
    """A layer with weights. shape: in words. lab: the Speed lab's address with its geometry, None where it has none.

    padding: the Speed lab's border, where the layer's own is another one; else None.
    """

    key: str
    shape: str
    lab: dict[str, str] | None
    padding: int | None = None


@dataclass(frozen=True)
class Found:
    """The runs so far. bench: "packed" in it is the second scheme, "float" the first. layers: of both, in order."""

    settings: Settings
    bench: NetworkBench
    layers: tuple[Layer, ...]
    op_layers: dict[str, dict[str, str]]

    @property
    def runs(self) -> int:
        """Runs of each network, step by step."""
        return len(self.bench.ops[0].timing.samples_s)

    @property
    def machine(self) -> Machine:
        """What it was measured on."""
        return self.bench.machine

    @property
    def timings(self) -> dict[str, Timing]:
        """The whole networks, end to end, by scheme."""
        return {scheme: self.whole(scheme) for scheme in self.settings.schemes}

    def whole(self, scheme: str) -> Timing:
        """A whole network, end to end."""
        return self.bench.timings["float" if scheme == self.settings.schemes[0] else "packed"]

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it: the settings, all runs of the whole networks, and the layers' medians by stage."""
        return {
            "name": self.settings.family,
            "threads": self.settings.threads,
            "input_shape": list(self.bench.input_shape),
            "machine": self.machine.to_dict(),
            "timings": {scheme: timing.to_dict() for scheme, timing in self.timings.items()},
            "layers": [{"key": layer.key, "shape": layer.shape} for layer in self.layers],
            "layer_medians_s": {scheme: self.stages(scheme) for scheme in self.settings.schemes},
        }

    def stages(self, scheme: str) -> dict[str, list[float]]:
        """Stage → median seconds of each of `layers`; stages that take no time anywhere are left out."""
        rows = self.bench.float_ops if scheme == self.settings.schemes[0] else self.bench.ops
        samples: dict[tuple[str, str], list[list[float]]] = {}
        for row in rows:
            op = row.ops[0] if row.ops else row.timing.name  # a step that only packs has its reader's name
            layer, stage = self.op_layers[scheme][op], _STAGE_OF.get(row.kind, REST)
            if stage == CONV and layer == self.layers[0].key:
                stage = FIRST
            samples.setdefault((stage, layer), []).append(list(row.timing.samples_s))
        found = {
            stage: [_median_of_sums(samples.get((stage, layer.key), [])) for layer in self.layers] for stage in STAGES
        }
        return {stage: values for stage, values in found.items() if any(values)}

    def first_layer_s(self, scheme: str) -> float:
        """Of the first layer's multiply-adds, which are real under every scheme, without the pooling behind it."""
        return self.stages(scheme)[FIRST][0]


def measure(settings: Settings, place: DeltaGenerator, show: Callable[[Found], None]) -> Found:
    """Wait for a turn, then time both networks in rounds of ROUND runs; `show` gets what is there after each.

    Whatever interrupts the script (a press of Cancel, another setting) ends the measurement at its next step.
    """
    first, second = (cached.network(networks.name(settings.family, scheme)) for scheme in settings.schemes)
    layers = layers_of(second)
    op_layers = {scheme: layer_of_each_op(n) for scheme, n in zip(settings.schemes, (first, second), strict=True)}
    picture, done, found = photos.sample(SAMPLE).pixels, 0, None
    with turns.turn(place):
        while done < settings.repeats:
            runs = min(ROUND, settings.repeats - done)

            def report(share: float, text: str, done: int = done, runs: int = runs) -> None:
                place.progress(
                    (done + share * runs) / settings.repeats, f"run {done + 1} of {settings.repeats}: {text}"
                )

            bench = bench_network(
                second, [picture], float_twin=first, threads=settings.threads, repeats=runs, progress=report
            )
            found = Found(settings, bench if found is None else joined(found.bench, bench), layers, op_layers)
            show(found)
            done += runs
    place.empty()
    assert found is not None
    return found


def joined(a: NetworkBench, b: NetworkBench) -> NetworkBench:
    """The runs of both, as if they had been one measurement."""
    return replace(
        b,
        timings={name: _joined(timing, b.timings[name]) for name, timing in a.timings.items()},
        ops=_joined_ops(a.ops, b.ops),
        float_ops=_joined_ops(a.float_ops, b.float_ops),
    )


def _joined(a: Timing, b: Timing) -> Timing:
    return Timing(a.name, a.samples_s + b.samples_s, a.calls_per_sample, a.first_call_s)


def _joined_ops(a: Sequence[OpTiming], b: Sequence[OpTiming]) -> tuple[OpTiming, ...]:
    return tuple(replace(x, timing=_joined(x.timing, y.timing)) for x, y in zip(a, b, strict=True))


def _median_of_sums(parts: list[list[float]]) -> float:
    """Median over the runs of what several ops took together in a run; 0 without ops."""
    if not parts:
        return 0.0
    return Timing("sum", tuple(map(sum, zip(*parts, strict=True))), 1, 0.0).median_s


def layers_of(network: Network) -> tuple[Layer, ...]:
    """The layers with weights, in order of execution."""
    return tuple(layer for _, layer in _with_weights(network))


def layer_of_each_op(network: Network) -> dict[str, str]:
    """Op → the key of the layer that its time counts to: what follows a layer is its own."""
    starts = {name: layer.key for name, layer in _with_weights(network)}
    keys, current = {}, next(iter(starts.values()))
    for op in network.ops:
        keys[op.name] = current = starts.get(op.name, current)
    return keys


def _with_weights(network: Network) -> list[tuple[str, Layer]]:
    """(op, layer) of every op with weights; the same layer of two schemes has the same key."""
    shapes = infer_shapes(network.ops, network.input_shape)
    ops = [op for op in network.ops if op.weight_bits]
    keys, found = layer_names(op.name for op in ops), []
    for op in ops:
        maps, key = (shapes[op.inputs[0]], shapes[op.name]), keys[op.name]
        is_conv = op.kind.endswith("conv")
        found.append((op.name, _conv_layer(key, op, *maps) if is_conv else Layer(key, "dense", None)))
    return found


def _conv_layer(key: str, op, source: tuple[int, ...], output: tuple[int, ...]) -> Layer:
    filters, height, width = (op.words if op.weight_bits == 1 else op.weight).shape[:3]
    stride, padding = op.stride[0], height // 2
    over = "" if stride == 1 else f"/{stride}"
    shape = f"{height}×{width}{over} {op.in_channels}→{filters} @ {output[0]}"
    lab = {"channels": op.in_channels, "filters": filters, "size": source[0], "kernel": height, "stride": stride}
    fits = height == width in _LAB_KERNELS and op.stride == (stride, stride) and stride in _LAB_STRIDES
    fits = fits and source[0] == source[1] and op.groups == 1 and op.dilation == (1, 1)
    fits = fits and all(lab[name] <= limit for name, limit in _LAB_LIMITS.items())
    address = {"data": "random", "batch": "1", **{name: str(value) for name, value in lab.items()}} if fits else None
    return Layer(key, shape, address, None if op.padding == (padding, padding) else padding)
