import llvmlite.binding as llvm
import pytest
import torch

from xnorlab.training import precision


@pytest.mark.parametrize(("feature", "expected"), [("avx512bf16", "bf16-mixed"), ("avx2", "32-true")])
def test_auto_asks_the_cpu(feature: str, expected: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {feature: True})
    assert precision.resolve("auto", "cpu") == expected


@pytest.mark.parametrize(("has", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_asks_the_gpu(has: bool, expected: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    assert precision.resolve("auto", "cuda") == expected


def test_what_is_chosen_is_kept():
    assert precision.resolve("32-true", "cuda") == "32-true"
    assert precision.resolve("bf16-mixed", "cpu") == "bf16-mixed"
    assert precision.resolve("auto", "mps") == "32-true"
