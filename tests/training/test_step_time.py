"""Timing of training steps: schemes take turns with the float network, and each step learns."""

import pytest
import torch

from xnorlab.training.step_time import bench_train

SMALL = {"batch_size": 2, "train_size": 16, "model_options": {"width": 4, "stem": "cifar"}, "precision": "32-true"}


def test_every_scheme_steps_in_turn_with_its_float_twin():
    threads = torch.get_num_threads()
    result = bench_train("resnet18", ("xnor", "xnor"), repeats=2, **SMALL)
    assert torch.get_num_threads() == threads
    assert list(result.timings) == ["float", "xnor"]
    assert result.overhead("float") == 1
    assert result.overhead("xnor") == result.timings["xnor"].median_s / result.timings["float"].median_s
    told = result.to_dict()
    assert told["overheads"] == {scheme: result.overhead(scheme) for scheme in result.timings}
    assert (told["device"], told["threads"], told["recipe"]["batch_size"]) == ("CPU", 1, 2)


def test_a_step_learns(monkeypatch: pytest.MonkeyPatch):
    losses: list[float] = []
    cross_entropy = torch.nn.functional.cross_entropy

    def kept(*args, **kwargs):
        loss = cross_entropy(*args, **kwargs)
        losses.append(loss.item())
        return loss

    monkeypatch.setattr("torch.nn.functional.cross_entropy", kept)
    bench_train("resnet18", (), repeats=10, warmup=0.0, **SMALL)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "tpu"}, "device='tpu' must be 'cpu' or 'cuda'"),
        ({"threads": 0}, "threads=0 must be at least 1"),
        ({"repeats": 0}, "repeats=0 must be an integer"),
        ({"schemes": ("xnr",)}, "scheme='xnr' is not one of .*did you mean 'xnor'"),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        bench_train("resnet18", **(arguments | SMALL))


def test_a_missing_gpu_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match="device='cuda' needs a GPU"):
        bench_train("resnet18", device="cuda", **SMALL)
