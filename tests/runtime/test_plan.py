"""Ops that run together, in shared buffers, give what they give one by one, bit for bit."""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from xnorlab.kernels.packing import pack_filters
from xnorlab.runtime import Network, batch_runner, ops
from xnorlab.runtime.fusion import groups


class Random:
    """Random networks of maps (H, W, C) → the same, with shortcuts, norms and every kind of convolution."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.ops: list[ops.Op] = []
        self.maps = {"input": 3}

    def real(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape, np.float32)

    def maybe(self, *shape: int) -> np.ndarray | None:
        return self.real(*shape) if self.rng.random() < 0.5 else None

    def add(self, kind: type[ops.Op], width: int, *inputs: str, **fields) -> None:
        name = f"{kind.kind}{len(self.ops)}"
        self.ops.append(kind(name=name, inputs=inputs, **fields))
        self.maps[name] = width

    def grow(self) -> None:
        source = str(self.rng.choice(list(self.maps)[-3:]))
        c = self.maps[source]
        pick = self.rng.integers(10)
        if pick < 4:
            self.convolve(source, c, int(self.rng.choice([5, 8, 16, 33, 64, 128])))
        elif pick == 4:
            self.add(ops.Affine, c, source, scale=self.real(c), bias=self.real(c))
        elif pick == 5:
            self.add(ops.PReLU, c, source, slope=self.real(c))
        elif pick == 6:
            self.activate(source, c)
        elif pick == 7:
            self.add(ops.MaxPool, c, source, kernel=(3, 3), stride=(1, 1), padding=(1, 1))
        else:
            others = [name for name, channels in self.maps.items() if channels == c]
            kind = ops.Add if self.rng.random() < 0.6 else ops.Multiply
            self.add(kind, c, source, str(self.rng.choice(others)))

    def activate(self, source: str, c: int) -> None:
        kinds: list[tuple[type[ops.Op], dict[str, Any]]] = [
            (ops.ReLU, {}),
            (ops.Hardtanh, {"low": -0.5, "high": 2.0}),
            (ops.HardSigmoid, {}),
            (ops.HardSwish, {}),
            (ops.Divide, {"divisor": np.abs(self.real(c)) + np.float32(0.5)}),
            (ops.Activation, {"function": "silu"}),
        ]
        kind, fields = kinds[self.rng.integers(len(kinds))]
        self.add(kind, c, source, **fields)

    def convolve(self, source: str, c: int, n: int) -> None:
        fields = {"bias": self.maybe(n), "padding": (1, 1)}
        pick = self.rng.integers(5)
        if pick == 0:
            self.add(ops.Conv, n, source, weight=self.real(n, 3, 3, c), **fields)
            return
        packed = {"words": pack_filters(self.real(n, 3, 3, c)), "channels": c, "scale": self.maybe(n), **fields}
        if pick == 1:
            self.add(ops.BinaryWeightConv, n, source, **packed)
            return
        flip = self.rng.random(c) < 0.5 if self.rng.random() < 0.5 else None
        sign = {"threshold": self.maybe(c), "flip": flip, "pad_value": int(self.rng.integers(-1, 2))}
        self.add(ops.BinaryConv, n, source, input_scale=bool(self.rng.random() < 0.2), **sign, **packed)

    def network(self, n_ops: int) -> Network:
        while len(self.ops) < n_ops:
            self.grow()
        needed, kept = {self.ops[-1].name}, []
        for op in reversed(self.ops):
            if op.name in needed:
                kept.append(op)
                needed.update(op.inputs)
        return Network(kept[::-1], input_shape=(9, 10, 3))


def one_by_one(network: Network, x: np.ndarray) -> np.ndarray:
    return network.run(x, lambda op, value, seconds: None)


@pytest.mark.parametrize("block", range(8))
def test_together_equals_one_by_one(block: int):
    fused = 0
    for seed in range(25 * block, 25 * block + 25):
        network = Random(seed).network(4 + seed % 20)
        fused += sum(len(group.ops) > 1 or group.signs_for is not None for group in groups(network.ops))
        x = np.random.default_rng(seed).standard_normal((1 + seed % 3, 9, 10, 3), np.float32)
        expected = one_by_one(network, x)
        for threads in (1, 2, 1):
            network.threads = threads
            np.testing.assert_array_equal(network.run(x), expected, err_msg=f"seed {seed}")
        np.testing.assert_array_equal(network.timed(-x)[0], one_by_one(network, -x), err_msg=f"seed {seed}")
    assert fused >= 10


@pytest.mark.parametrize("seed", range(12))
def test_every_op_is_in_one_group_and_finds_its_inputs(seed: int):
    network = Random(seed).network(25)
    in_order = groups(network.ops)
    assert sorted(op.name for group in in_order for op in group.ops) == sorted(op.name for op in network.ops)
    stored = {"input"}
    for group in in_order:
        inside = {op.name for op in group.ops}
        for op in group.ops:
            for name in op.inputs:
                words = isinstance(op, ops.BinaryConv) and any(earlier.signs_for is op for earlier in in_order)
                assert name in stored or name in inside or words
        if group.stored:
            stored.add(group.name)
    assert in_order[-1].stored or any(group.name == network.ops[-1].name and group.stored for group in in_order)


def residual(channels: int = 64) -> Network:
    """A picture's convolution with norm and ReLU, then a binary pair around a shortcut."""
    rng = np.random.default_rng(0)

    def real(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    def binary(name: str, source: str) -> ops.BinaryConv:
        words = pack_filters(real(channels, 3, 3, channels))
        return ops.BinaryConv(
            name=name, inputs=(source,), words=words, channels=channels, padding=(1, 1), threshold=real(channels)
        )

    weight = np.round(16 * real(channels, 3, 3, 3)) / 256
    return Network(
        [
            ops.Conv(name="stem", inputs=("input",), weight=weight.astype(np.float32), padding=(1, 1)),
            ops.Affine(name="norm", inputs=("stem",), scale=real(channels), bias=real(channels)),
            ops.ReLU(name="act", inputs=("norm",)),
            binary("first", "act"),
            binary("second", "first"),
            ops.Add(name="sum", inputs=("second", "act")),
        ],
        input_shape=(12, 12, 3),
    )


def test_what_runs_together():
    network = residual()
    steps = network.timed(np.zeros((1, 12, 12, 3), np.float32))[1]
    work = [step.ops for step, _ in steps if step.kind != "pack"]
    assert work == [("stem", "norm", "act"), ("first",), ("second", "sum")]
    assert all(seconds > 0 for _, seconds in steps)
    macs = network.summary()
    assert sum(step.binary_macs for step, _ in steps) == sum(row.binary_macs for row in macs)
    assert sum(step.float_macs for step, _ in steps) == sum(row.float_macs for row in macs)
    in_order = groups(network.ops)
    if in_order[0].signs_for is not None:  # not on processors whose tiles hold fewer than eight filters
        assert in_order[0].signs_for is network.ops[3]
        assert in_order[0].stored
        assert not in_order[1].stored


def test_pictures_and_other_inputs_give_what_float32_gives():
    network = residual()
    rng = np.random.default_rng(1)
    picture = ((rng.integers(0, 256, (2, 12, 12, 3)) - 128) / 64).astype(np.float32)
    for x in (picture, rng.standard_normal((2, 12, 12, 3), np.float32), picture):
        np.testing.assert_array_equal(network.run(x), one_by_one(network, x))


def test_answers_are_not_written_to_later():
    network = residual()
    x = np.random.default_rng(2).standard_normal((1, 12, 12, 3), np.float32)
    first = network.run(x)
    copy = first.copy()
    network.run(-x)
    np.testing.assert_array_equal(first, copy)


def test_many_callers_at_once():
    network = residual(128)
    rng = np.random.default_rng(3)
    inputs = [rng.standard_normal((1 + i % 3, 12, 12, 3), np.float32) for i in range(24)]
    expected = [one_by_one(network, x) for x in inputs]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for output, right in zip(pool.map(network.run, inputs), expected, strict=True):
                np.testing.assert_array_equal(output, right)
    assert len(network._runner._idle) <= batch_runner.IDLE_PLANS


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_runs_in_parts_that_fit_the_cache(threads: int, monkeypatch):
    network = residual()
    x = np.random.default_rng(4).standard_normal((11, 12, 12, 3), np.float32)
    expected = one_by_one(network, x)
    network.threads = threads
    for cache_bytes, most in ((1, 32), (200_000, 32), (2**40, 32), (2**40, 4)):
        monkeypatch.setattr(batch_runner, "CACHE_BYTES", cache_bytes)
        monkeypatch.setattr(batch_runner, "MOST_AT_ONCE", most)
        network._runner = batch_runner.BatchRunner(network.ops, [network.ops[-1].name])
        np.testing.assert_array_equal(network.run(x), expected)
        output, steps = network.timed(x)
        np.testing.assert_array_equal(output, expected)
        assert [step.name for step, _ in steps] == [step.name for step, _ in network.timed(x[:1])[1]]


def test_a_later_run_makes_no_new_buffers():
    network = residual()
    x = np.zeros((1, 12, 12, 3), np.float32)
    network.run(x)
    plan = network._runner._idle[0][1]
    network.run(x + 1)
    assert [kept for _, kept in network._runner._idle] == [plan]


def test_a_run_of_nothing_has_no_time():
    with pytest.raises(ValueError, match="no input"):
        residual().timed(np.zeros((0, 12, 12, 3), np.float32))


def test_a_network_that_has_run_in_every_way_still_says_what_it_keeps():
    network = residual()
    before = [row.resident_bytes for row in network.summary()]
    x = np.zeros((1, 12, 12, 3), np.float32)
    one_by_one(network, x)
    network.run(x)
    after = [row.resident_bytes for row in network.summary()]
    assert all(late >= early > 0 or late == early for early, late in zip(before, after, strict=True))


def test_a_nan_and_a_deep_copy_change_nothing_between_the_ways():
    network = copy.deepcopy(residual())
    x = np.random.default_rng(7).standard_normal((1, 12, 12, 3), np.float32)
    x[0, 3, 4, 1] = np.nan
    np.testing.assert_array_equal(network.run(x), one_by_one(network, x))


def test_a_convolution_of_narrow_groups_reads_signs_that_an_epilogue_wrote():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((48, 3, 3, 4), np.float32)
    chain = [
        ops.Conv(name="first", inputs=("input",), weight=weight, padding=(1, 1), groups=12),
        ops.ReLU(name="act", inputs=("first",)),
        ops.BinaryConv(
            name="second",
            inputs=("act",),
            words=pack_filters(weight),
            channels=48,
            groups=12,
            padding=(1, 1),
            threshold=np.abs(rng.standard_normal(48, np.float32)),
            flip=rng.random(48) < 0.5,
        ),
    ]
    network = Network(chain, input_shape=(7, 9, 48))
    first, second = groups(network.ops)
    if first.main.kernel.epilogue().gives_bits:  # not where a register holds one group
        assert first.signs_for is second.main
        assert not first.stored
    x = rng.standard_normal((2, 7, 9, 48), np.float32)
    for threads in (1, 2):
        network.threads = threads
        np.testing.assert_array_equal(network.run(x), one_by_one(network, x))
