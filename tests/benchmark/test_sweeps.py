"""A sweep varies one number, keeps the others, and compares the times with the paper's formula."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from xnorlab.benchmark import SWEEPS, ConvProblem, ConvShape, Ready, UnsupportedError, sweep
from xnorlab.figures.performance import Panel, sweeps
from xnorlab.paper.cost_model import predicted_speedup
from xnorlab.peers import TORCH_CONVS

SMALL = ConvShape(64, 6, filters=8)


def test_each_axis_varies_one_number_only():
    for axis, values in {"channels": (3, 65), "size": (5, 7), "batch": (1, 2), "kernel": (1, 5)}.items():
        swept = sweep(axis, values=values, shape=SMALL, naive=False, repeats=1)
        assert [getattr(result.shape, axis) for result in swept.results] == list(values)
        for name in {"channels", "size", "batch", "kernel", "filters"} - {axis}:
            assert {getattr(result.shape, name) for result in swept.results} == {getattr(SMALL, name)}
    assert [result.shape.border for result in sweep("kernel", values=(1, 5), shape=SMALL, repeats=1).results] == [0, 2]


def test_threads_are_swept_as_far_as_the_machine_has_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xnorlab.benchmark.sweeps.available_threads", lambda: 2)
    with pytest.raises(ValueError, match=r"values=\(1, 8\) must be at most 2"):
        sweep("threads", shape=SMALL, values=(1, 8))
    swept = sweep("threads", shape=SMALL, naive=False, repeats=1)
    assert swept.values == (1, 2)
    assert {result.shape for result in swept.results} == {SMALL}


def test_formula_and_ratios_are_given_at_every_value():
    swept = sweep("channels", values=(64, 65), shape=SMALL, peers=TORCH_CONVS, repeats=2)
    assert swept.computed == (predicted_speedup(64, 9), predicted_speedup(65, 9))
    assert swept.computed_in_words[1] < 0.6 * swept.computed_in_words[0], "65 channels take two words"
    assert swept.rivals["naive"] == tuple(result.speedup("naive") for result in swept.results)
    assert swept.rivals["best-float"] == tuple(result.speedup(result.best_float or "") for result in swept.results)
    assert swept.measured("nobody") == (None, None)
    assert swept.left_out == {}
    told = json.loads(json.dumps(swept.to_dict(), allow_nan=False))
    assert (told["axis"], told["values"], set(told["measured"])) == ("channels", [64, 65], {"best-float", "naive"})


def test_a_contestant_that_fails_at_one_value_is_timed_at_the_others():
    nchw = TORCH_CONVS[0]

    @contextmanager
    def choosy(problem: ConvProblem) -> Iterator[Ready]:
        if problem.shape.channels != 64:
            raise UnsupportedError(f"nothing for {problem.shape.channels}")
        with nchw.prepare(problem) as ready:
            yield ready

    peers = [replace(nchw, prepare=choosy)]
    swept = sweep("channels", values=(3, 64, 65), shape=SMALL, peers=peers, naive=False, repeats=1)
    first, middle, last = swept.measured("best-float")
    assert (first, last) == (None, None)
    assert middle == swept.results[1].speedup(nchw.name)
    assert swept.left_out == {nchw.name: ((3, 65), "nothing for 3")}
    assert json.loads(json.dumps(swept.to_dict(), allow_nan=False))["measured"] == {"best-float": [None, middle, None]}
    (formula, drawn) = sweeps([Panel("channels", swept.values, swept.rivals, swept.computed)]).data
    assert (drawn.y, len(formula.y)) == ((None, middle, None), 3)


def test_the_steps_of_whole_words_are_swept():
    assert {64, 65, 128, 129} <= set(SWEEPS["channels"])


def test_progress_names_the_value_and_ends_at_one():
    seen: list[tuple[float, str]] = []
    sweep("size", values=(3, 4), shape=SMALL, naive=False, repeats=1, progress=lambda *step: seen.append(step))
    assert seen == [(0.0, "size = 3"), (0.5, "size = 4"), (1.0, "done")]


@pytest.mark.parametrize(("axis", "values", "message"), [("colour", None, "axis='colour'"), ("size", (), "values=")])
def test_impossible_sweeps_are_named(axis: str, values, message: str):
    with pytest.raises(ValueError, match=message):
        sweep(axis, values=values)
