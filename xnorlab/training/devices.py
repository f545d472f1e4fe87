"""Devices of a run: the arguments that Lightning takes, checked before it sees them, and the number format on each."""

import llvmlite.binding as llvm
import torch

BF16_FEATURES = ("avx512bf16", "amx-bf16")
"""x86 instructions that multiply bfloat16; without them torch emulates it, fifteen times slower than float32."""


def device_type(accelerator: str) -> str:
    """Type of torch device that Lightning will train on: "cpu", "cuda", "mps" or another accelerator's name."""
    if accelerator in ("gpu", "auto"):
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    return accelerator


def device_count(devices: int | str) -> int | str:
    """Number of devices as Lightning takes it: "auto", or a whole number, which may be given as text.

    Raises:
        ValueError: `devices` is anything else. Lightning would take −1 or "0," on some accelerators and not on others.
    """
    if devices == "auto":
        return devices
    text = str(devices)
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ValueError(f"devices={devices!r} must be a whole number of 1 or more, or 'auto' for all of the machine")
    return int(text)


def devices_per_node(accelerator: str, devices: int | str) -> int:
    """Number of devices that Lightning will use on this machine; "auto" is all GPUs, or one CPU.

    Args:
        accelerator: as Lightning takes it.
        devices: as `device_count` returns it.
    """
    if isinstance(devices, int):
        return devices
    return max(1, torch.cuda.device_count()) if device_type(accelerator) == "cuda" else 1


def resolve_precision(precision: str, device: str) -> str:
    """Number format that a recipe's precision means on a device: bfloat16 products where it computes in them.

    Args:
        precision: "auto", or "bf16-mixed" or "32-true", which are returned as they are.
        device: type of the torch device: "cpu", "cuda", "mps".

    Returns:
        "bf16-mixed" or "32-true".
    """
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if device == "cpu" and cpu_has_bf16() else "32-true"


def cpu_has_bf16() -> bool:
    """Whether this CPU has instructions that multiply bfloat16."""
    features = llvm.get_host_cpu_features()
    return any(features.get(name, False) for name in BF16_FEATURES)
