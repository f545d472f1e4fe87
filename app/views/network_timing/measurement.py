"""One network under two schemes, timed in turns, or a visitor's own alone; layer by layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared import cached, networks, photos, timing_choice, turns
from streamlit.delta_generator import DeltaGenerator

from views.network_timing.layers import Layer, layer_of_each_op, layers_of
from xnorlab.benchmark import Machine, NetworkBench, OpTiming, Timing, bench_network

RUNS_PER_ROUND = 3  # the page shows what is there after each round
FIRST, CONV, PACK, REST = STAGES = ("first layer", "other layers", "packing", "pools and the like")
_PACKED_WEIGHTS = {"binary_weight_": 1, "ternary_weight_": 2}
"""The bits of a weight, by how the kinds of layers with packed weights and real inputs begin."""
_LAYER_KINDS = [begin + kind for begin in ("", "binary_", *_PACKED_WEIGHTS) for kind in ("conv", "linear")]
_STAGE_OF_KIND = {"pack": PACK, **dict.fromkeys(_LAYER_KINDS, CONV)}


@dataclass(frozen=True)
class Settings:
    """What is timed.

    Attributes:
        family: `<data set>/<model>`, or the key of a visitor's own network.
        schemes: The two that are compared, speed-ups being those of the second over the first; or the only one.
        threads: On which they run.
        repeats: Runs of each network.
    """

    family: str
    schemes: tuple[str, ...]
    threads: int
    repeats: int


@dataclass(frozen=True)
class LayerTimings:
    """The times of both networks, or of the only one, as many runs as there are so far.

    Attributes:
        settings: What was asked for.
        bench: The runs; "packed" in it is the last scheme, and "float" the one before.
        layers: Those of both networks, in order of execution.
        op_layers: Scheme → op → the key of the layer that its time counts to.
    """

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
        """The machine that both ran on, and when."""
        return self.bench.machine

    @property
    def timings(self) -> dict[str, Timing]:
        """Scheme → the whole network, end to end."""
        contestants = ("float", "packed")[-len(self.settings.schemes) :]
        return {scheme: self.bench.timings[c] for scheme, c in zip(self.settings.schemes, contestants, strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """JSON values: the settings, all runs of the whole networks, and the layers' medians by stage."""
        return {
            "name": self.settings.family,
            "threads": self.settings.threads,
            "input_shape": list(self.bench.input_shape),
            "machine": self.machine.to_dict(),
            "timings": {scheme: timing.to_dict() for scheme, timing in self.timings.items()},
            "layers": [{"key": layer.key, "shape": layer.shape} for layer in self.layers],
            "layer_medians_s": {scheme: self.layer_medians_s(scheme) for scheme in self.settings.schemes},
        }

    def layer_medians_s(self, scheme: str) -> dict[str, list[float]]:
        """Stage → median seconds of each of `layers`; stages that take no time anywhere are left out."""
        rows = self._steps(scheme)
        samples: dict[tuple[str, str], list[tuple[float, ...]]] = {}
        for row in rows:
            op = row.ops[0] if row.ops else row.timing.name  # a step that only packs has its reader's name
            layer, stage = self.op_layers[scheme][op], _STAGE_OF_KIND.get(row.kind, REST)
            if stage == CONV and layer == self.layers[0].key:
                stage = FIRST
            samples.setdefault((stage, layer), []).append(row.timing.samples_s)
        medians = {
            stage: [_median_of_sums(samples.get((stage, layer.key), [])) for layer in self.layers] for stage in STAGES
        }
        return {stage: seconds for stage, seconds in medians.items() if any(seconds)}

    def packed_weight_bits(self, scheme: str) -> int:
        """Bits of a weight in the network's layers with packed weights and real inputs; 0 where it has none."""
        rows = self._steps(scheme)
        return max(
            (bits for row in rows for kind, bits in _PACKED_WEIGHTS.items() if row.kind.startswith(kind)), default=0
        )

    def _steps(self, scheme: str) -> Sequence[OpTiming]:
        return self.bench.ops if scheme == self.settings.schemes[-1] else self.bench.float_ops

    def whole_s(self, scheme: str) -> float:
        """Seconds of the whole network: the sum of its layers' medians, so that it is as long as its bars.

        The median of each layer leaves interruptions out; a run from end to end has all of them.
        """
        return sum(map(sum, self.layer_medians_s(scheme).values()))

    def first_layer_s(self, scheme: str) -> float:
        """Median seconds of the first layer's multiply-adds, without the pooling after it."""
        return self.layer_medians_s(scheme)[FIRST][0]


def measure(settings: Settings, place: DeltaGenerator, show: Callable[[LayerTimings], None]) -> LayerTimings:
    """Wait for a turn, then time the networks in rounds of RUNS_PER_ROUND runs.

    Whatever interrupts the script (a press of Cancel, another setting) ends the measurement at its next step.

    Args:
        settings: What is timed.
        place: Where the progress is shown.
        show: Gets what is there after each round.

    Raises:
        ValueError: A network cannot be loaded or takes no photos, or the two cannot be compared.
    """
    timed = {scheme: cached.network(networks.name(settings.family, scheme)) for scheme in settings.schemes}
    *twins, last = timed.values()
    layers = layers_of(last)
    op_layers = {scheme: layer_of_each_op(network) for scheme, network in timed.items()}
    picture, done, result = photos.sample(timing_choice.SAMPLE).pixels, 0, None
    with turns.turn(place):
        while done < settings.repeats:
            runs = min(RUNS_PER_ROUND, settings.repeats - done)

            def report(share: float, text: str, done: int = done, runs: int = runs) -> None:
                place.progress(
                    (done + share * runs) / settings.repeats, f"run {done + 1} of {settings.repeats}: {text}"
                )

            bench = bench_network(
                last,
                [picture],
                float_twin=twins[0] if twins else None,
                threads=settings.threads,
                repeats=runs,
                progress=report,
            )
            if result is not None:
                bench = _joined(result.bench, bench)
            result = LayerTimings(settings, bench, layers, op_layers)
            show(result)
            done += runs
    place.empty()
    assert result is not None
    return result


def _joined(a: NetworkBench, b: NetworkBench) -> NetworkBench:
    """The runs of both, as if they had been one measurement."""
    return replace(
        b,
        timings={name: _joined_timing(timing, b.timings[name]) for name, timing in a.timings.items()},
        ops=_joined_ops(a.ops, b.ops),
        float_ops=_joined_ops(a.float_ops, b.float_ops),
    )


def _joined_timing(a: Timing, b: Timing) -> Timing:
    return Timing(a.name, a.samples_s + b.samples_s, a.calls_per_sample, a.first_call_s)


def _joined_ops(a: Sequence[OpTiming], b: Sequence[OpTiming]) -> tuple[OpTiming, ...]:
    return tuple(replace(x, timing=_joined_timing(x.timing, y.timing)) for x, y in zip(a, b, strict=True))


def _median_of_sums(samples_s: list[tuple[float, ...]]) -> float:
    """Median over the runs of what several ops took together in a run; 0 without ops."""
    if not samples_s:
        return 0.0
    return Timing("sum", tuple(map(sum, zip(*samples_s, strict=True))), 1, 0.0).median_s
