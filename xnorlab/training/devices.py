"""What a run computes on: the arguments that Lightning takes, checked before it sees them."""

import torch


def device_type(accelerator: str) -> str:
    """The type of torch device that Lightning will train on."""
    if accelerator in ("gpu", "auto"):
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    return accelerator


def device_count(devices: int | str) -> int | str:
    """`devices` as Lightning takes it: "auto" or a number, which may be given as text.

    Raises ValueError for anything else: Lightning would take −1 or "0," on some accelerators and not on others.
    """
    if devices == "auto":
        return devices
    text = str(devices)
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ValueError(f"devices={devices!r} must be a whole number of 1 or more, or 'auto' for all of the machine")
    return int(text)
