"""All contestants compute the same convolution; one with a wrong answer is not timed."""

import json
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorlab.benchmark import BenchmarkError, Contestant, ConvProblem, ConvShape, Ready, bench_conv
from xnorlab.benchmark.conv_problem import Answer
from xnorlab.kernels.xnor_conv import XnorConv2d
from xnorlab.paper.cost_model import predicted_speedup

SMALL = ConvShape(65, 6, filters=7)


def slow_convolution(x: np.ndarray, weight: np.ndarray, stride: int, padding: int, border: float) -> np.ndarray:
    """The definition, output value by output value."""
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=border)
    batch, (filters, _, kernel, _) = len(x), weight.shape
    size = (padded.shape[1] - kernel) // stride + 1
    out = np.zeros((batch, size, size, filters))
    for b, i, j, n in np.ndindex(*out.shape):
        window = padded[b, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        out[b, i, j, n] = (window * weight[n].transpose(1, 2, 0)).sum()
    return out


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_reference_answers_follow_the_definition(data: st.DataObject):
    kernel = data.draw(st.integers(1, 4))
    shape = ConvShape(
        channels=data.draw(st.integers(1, 5)),
        size=data.draw(st.integers(kernel, 6)),
        filters=data.draw(st.integers(1, 3)),
        kernel=kernel,
        stride=data.draw(st.integers(1, 2)),
        padding=data.draw(st.integers(0, kernel - 1)),
        batch=data.draw(st.integers(1, 2)),
        pad_value=data.draw(st.sampled_from([-1, 0, 1])),
    )
    problem = ConvProblem(shape, seed=data.draw(st.integers(0, 99)))
    real = slow_convolution(problem.x, problem.weight, shape.stride, shape.border, 0)
    assert problem.answer("float") == pytest.approx(real, abs=1e-4)
    signs, weights = np.where(problem.x >= 0, 1, -1), np.where(problem.weight >= 0, 1, -1)
    exact = slow_convolution(signs, weights, shape.stride, shape.border, shape.pad_value)
    assert np.array_equal(problem.answer("signs"), exact)
    assert np.array_equal(problem.answer("scaled"), exact.astype(np.float32) * problem.scale)
    assert problem.answer("float").shape == (shape.batch, shape.output, shape.output, shape.n_filters)
    assert shape.macs == real.size * shape.channels * kernel**2


@pytest.mark.parametrize(
    "shape",
    [SMALL, ConvShape(3, 5, filters=2, kernel=5, stride=2, batch=2, pad_value=-1), ConvShape(128, 4, kernel=1)],
    ids=str,
)
def test_result_holds_every_part(shape: ConvShape):
    result = bench_conv(shape, repeats=3)
    assert set(result.timings) == set(result.about) == {"binary", "pack", "conv", "naive"}
    assert result.left_out == {}
    assert result.conv_ceiling_share == shape.macs / result.timings["conv"].median_s / result.ceiling_macs_per_s
    assert result.best_float is None
    assert result.fastest_float is None, "the naive loop is no engine"
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["shape"]["macs"] == shape.macs
    assert document["predicted_speedup"] == predicted_speedup(shape.channels, shape.kernel**2)
    assert document["speedups"]["naive"] == result.timings["naive"].median_s / result.timings["binary"].median_s
    assert document["machine"]["versions"]["numba"]


def test_groups_are_the_convolutions_of_their_channels():
    shape = ConvShape(12, 6, filters=8, groups=4, stride=2, pad_value=1)
    problem = ConvProblem(shape)
    for kind in ("float", "signs"):
        parts = []
        for group in range(4):
            part = ConvProblem(
                ConvShape(3, 6, filters=2, stride=2, pad_value=1), x=problem.x[..., 3 * group :][..., :3]
            )
            part.weight = problem.weight[2 * group : 2 * group + 2]
            parts.append(part.answer(kind))
        np.testing.assert_allclose(problem.answer(kind), np.concatenate(parts, axis=3), atol=1e-6)
    result = bench_conv(shape, repeats=1)  # which checks every answer
    assert set(result.timings) == {"binary", "pack", "conv", "naive"}
    assert result.to_dict()["shape"]["groups"] == 4
    assert "groups" not in SMALL.to_dict(), "as benchmarks recorded before groups came"
    assert (str(shape), shape.macs) == ("3×3/2 12→8@6 in 4 groups", 3 * 3 * 8 * 3 * 3 * 3)
    assert shape.predicted_speedup == predicted_speedup(3, 9)
    with pytest.raises(ValueError, match="groups=3 does not divide filters=8"):
        ConvShape(12, 6, filters=8, groups=3)


def test_ceiling_is_measured_in_the_same_run_for_the_same_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xnorlab.benchmark.conv_bench.binary_ceiling", lambda seconds: 1e12)
    for threads in (1, 2):
        result = bench_conv(SMALL, naive=False, repeats=2, threads=threads)
        assert result.ceiling_macs_per_s == result.threads * 1e12
        assert result.ceiling_share == pytest.approx(
            SMALL.macs / result.timings["binary"].median_s / result.ceiling_macs_per_s
        )


def contestant(name: str, call: Callable[[ConvProblem], Callable[[], Any]], computes: Answer = "float") -> Contestant:
    return Contestant(name, f"what {name} does", computes, lambda problem: nullcontext(Ready(call(problem))))


def test_own_feature_maps_are_used():
    x = np.full((1, 6, 6, 65), -1.0, np.float32)
    seen: list[ConvProblem] = []

    def spy(problem: ConvProblem):
        seen.append(problem)
        return lambda: problem.answer("float")

    bench_conv(SMALL, x=x, naive=False, repeats=1, peers=[contestant("spy", spy)])
    assert np.array_equal(seen[0].x, x)
    with pytest.raises(ValueError, match=r"x of shape .* must be \(1, 6, 6, 65\) float32"):
        bench_conv(SMALL, x=x[..., :64])


def after(seconds: float, *, right: bool = True) -> Callable[[ConvProblem], Callable[[], np.ndarray]]:
    def prepared(problem: ConvProblem) -> Callable[[], np.ndarray]:
        answer = problem.answer("float") + np.float32(not right)
        return lambda: (time.sleep(seconds), answer)[1]

    return prepared


def test_fastest_engine_and_torchs_faster_layout_are_named():
    names = {"torch-nchw": 9e-3, "torch-channels-last": 6e-3, "other": 3e-3}
    engines = [contestant(name, after(seconds)) for name, seconds in names.items()]
    result = bench_conv(SMALL, naive=False, repeats=3, peers=engines)
    assert (result.best_float, result.fastest_float) == ("torch-channels-last", "other")


def test_only_contestants_that_were_timed_have_ratios():
    engines = [
        contestant("torch-nchw", after(9e-3)),
        contestant("torch-channels-last", after(0, right=False)),
        contestant("other", after(0, right=False)),
    ]
    result = bench_conv(SMALL, naive=False, repeats=2, peers=engines)
    assert (result.best_float, result.fastest_float) == ("torch-nchw", "torch-nchw")
    assert set(result.left_out) == {"torch-channels-last", "other"}
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert set(document["speedups"]) == {"torch-nchw"}
    assert document["left_out"] == result.left_out
    assert document["about"]["other"] == "what other does"
    result = bench_conv(SMALL, naive=False, repeats=1, peers=engines[1:])
    assert (result.best_float, result.fastest_float) == (None, None)


FAULTS = {
    "zeros": (None, "252 of 252 values are wrong"),
    "another shape": (np.zeros(0, np.float32), r"its answer has the shape \(0,\) instead of \(1, 6, 6, 7\)"),
    "not a number": (np.full((1, 6, 6, 7), np.nan, np.float32), "252 of 252 values are wrong"),
}


@pytest.mark.parametrize(("answer", "fault"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("computes", ["float", "int8", "signs", "scaled"])
def test_a_contestant_with_a_wrong_answer_is_not_timed(answer: np.ndarray | None, fault: str, computes: Answer):
    def wrong(problem: ConvProblem):
        return lambda: np.full_like(problem.answer(computes), 1e6) if answer is None else answer

    peers = [contestant("cheat", wrong, computes), contestant("fair", after(0))]
    result = bench_conv(SMALL, naive=False, repeats=1, peers=peers)
    if computes == "int8" and "values" in fault:
        fault = "the root mean square of its errors is .* standard deviations, above 0.01"
    assert re.fullmatch(f"cheat does not compute 3×3 65→7@6: {fault}; .* nothing", result.left_out["cheat"])
    assert set(result.timings) == {"binary", "pack", "conv", "fair"}


def test_a_contestant_that_stops_computing_is_left_out():
    """Right at first, then a constant: what a cached or emptied function looks like."""

    def stopping(problem: ConvProblem):
        calls: list[int] = []

        def call() -> np.ndarray:
            calls.append(1)
            return problem.answer("float") if len(calls) < 3 else np.zeros(1, np.float32)

        return call

    result = bench_conv(SMALL, naive=False, repeats=1, peers=[contestant("cheat", stopping)])
    assert list(result.left_out) == ["cheat"]


@pytest.mark.parametrize("part", ["__call__", "pack", "convolve"])
def test_a_wrong_answer_of_ours_is_raised(part: str, monkeypatch: pytest.MonkeyPatch):
    right = getattr(XnorConv2d, part)
    monkeypatch.setattr(XnorConv2d, part, lambda *given, **options: right(*given, **options) * 0)
    with pytest.raises(BenchmarkError, match=r"(binary|pack|conv) does not compute 3×3 65→7@6"):
        bench_conv(SMALL, naive=False, repeats=1, peers=[contestant("fair", after(0))])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 0}, "channels=0"),
        ({"channels": 64, "size": 0}, "size=0"),
        ({"kernel": 3.0}, "kernel=3.0"),
        ({"padding": 3}, "padding=3 must be an integer from 0 to kernel−1=2"),
        ({"pad_value": 2}, "pad_value=2"),
        ({"kernel": 9, "padding": 0}, "kernel=9"),
        ({"size": 20_000}, "the input has 25,600,000,000 values"),
        ({"channels": 60_000, "size": 1}, "the weight has"),
    ],
)
def test_impossible_shapes_are_named(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        ConvShape(**({"channels": 64, "size": 8} | arguments))


@pytest.mark.parametrize("threads", [0, -1, 1.5])
def test_impossible_thread_counts_are_named(threads):
    with pytest.raises(ValueError, match=f"threads={threads}"):
        bench_conv(SMALL, threads=threads)
