import pytest
import torch

from xnorlab.training.devices import device_count, device_type


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
