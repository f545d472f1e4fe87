"""Devices of a run: the arguments of Lightning, and the number format that a device computes in."""

import llvmlite.binding as llvm
import pytest
import torch

from xnorlab.training.devices import device_count, device_type, resolve_precision


@pytest.mark.parametrize(("given", "taken"), [("auto", "auto"), (2, 2), ("2", 2)])
def test_a_number_may_be_given_as_text(given: int | str, taken: int | str):
    assert device_count(given) == taken


@pytest.mark.parametrize("devices", ["foo", "-1", -1, 0, "0,", "1.5", "²", True, ""])
def test_what_is_no_number_of_devices_is_refused_by_name(devices: int | str):
    with pytest.raises(ValueError, match=f"devices={devices!r} must be a whole number of 1 or more, or 'auto'"):
        device_count(devices)


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for there, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device_type("auto") == expected
    assert device_type("cpu") == "cpu"


@pytest.mark.parametrize(("feature", "expected"), [("avx512bf16", "bf16-mixed"), ("avx2", "32-true")])
def test_auto_precision_asks_the_cpu(feature: str, expected: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {feature: True})
    assert resolve_precision("auto", "cpu") == expected


@pytest.mark.parametrize(("has", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_precision_asks_the_gpu(has: bool, expected: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    assert resolve_precision("auto", "cuda") == expected


def test_a_chosen_precision_is_kept():
    assert resolve_precision("32-true", "cuda") == "32-true"
    assert resolve_precision("bf16-mixed", "cpu") == "bf16-mixed"
    assert resolve_precision("auto", "mps") == "32-true"
