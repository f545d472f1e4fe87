"""The number format of training: bfloat16 products where the device computes in it, float32 elsewhere."""

import llvmlite.binding as llvm
import torch

BF16_FEATURES = ("avx512bf16", "amx-bf16")
"""x86 instructions that multiply bfloat16; without them torch emulates it, fifteen times slower than float32."""


def resolve(precision: str, device: str) -> str:
    """What `precision` of a recipe means on a kind of device: "bf16-mixed" or "32-true".

    precision: "auto", or one of the two, which is returned as it is. device: "cpu", "cuda", "mps": a torch device's
    type.
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
