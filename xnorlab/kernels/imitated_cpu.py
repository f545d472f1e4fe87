"""A narrower processor than the machine's, imitated: the environment variable XNORLAB_CPU names it.

The compiler then uses what that processor has, so that one machine measures and tests every path that it can execute.
Other engines are asked to do without the rest as well, as far as they can be asked (oneDNN, and with it torch and
OpenVINO's products; torch's own loops). Imports neither Numba nor NumPy: Numba reads its variables when it is imported.
"""

import os
import sys

VARIABLE = "XNORLAB_CPU"

LEVELS = ("sse", "avx2", "avx512", "avx512-vpopcntdq")
"""From the narrowest; `sse` means SSE4.2 with SSSE3's byte shuffle, `avx512` is without a vector population count."""

_NEEDS = {
    "sse": ("ssse3", "sse4.2"),
    "avx2": ("avx2", "fma"),
    "avx512": ("avx512f", "avx512bw", "avx512vl", "avx512dq"),
    "avx512-vpopcntdq": ("avx512f", "avx512bw", "avx512vpopcntdq"),
}
_WIDE = ("avx", "fma", "f16c", "vaes", "vpclmulqdq", "gfni", "xop")
_AVX512 = ("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512cd")

_OTHERS = {
    "sse": {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "ATEN_CPU_CAPABILITY": "avx512"},
    "avx512-vpopcntdq": {},
}


class ImitationError(ValueError):
    """XNORLAB_CPU names no processor that this machine can imitate."""


def imitated() -> str | None:
    """The level that XNORLAB_CPU asks for; None where it is unset or empty."""
    return os.environ.get(VARIABLE) or None


def available() -> tuple[str, ...]:
    """The levels that this machine can imitate, its own among them."""
    features = _host_features()
    return tuple(level for level in LEVELS if all(features.get(name) for name in _NEEDS[level]))


def _host_features() -> dict[str, bool]:
    import llvmlite.binding as llvm

    return dict(llvm.get_host_cpu_features())


def _is_in(level: str, feature: str) -> bool:
    """Whether a processor of this level may have the feature."""
    if level == "avx512-vpopcntdq":
        return True
    if feature.startswith(("avx512", "evex", "avx10", "amx")):
        return level == "avx512" and feature in _AVX512
    return level != "sse" or not feature.startswith(_WIDE)


def features_of(level: str, host: dict[str, bool]) -> str:
    """Numba's list of features for a level: the machine's own, those that the level lacks switched off by name."""
    return ",".join(f"{'+' if has and _is_in(level, name) else '-'}{name}" for name, has in sorted(host.items()))


def imitate() -> None:
    """Tell Numba and other engines what XNORLAB_CPU asks for; does nothing where it is unset.

    Variables that are set already stay as they are, but for Numba's own.

    Raises:
        ImitationError: the level is unknown, or the machine lacks it.
    """
    level = imitated()
    if level is None:
        return
    if level not in LEVELS:
        raise ImitationError(f"{VARIABLE}={level!r} must be one of {', '.join(LEVELS)}")
    if level not in available():
        there = ", ".join(available()) or "none, since it is no x86-64 processor"
        raise ImitationError(f"{VARIABLE}={level!r} is more than this machine has; it can imitate {there}")
    import llvmlite.binding as llvm

    numba = {"NUMBA_CPU_NAME": llvm.get_host_cpu_name(), "NUMBA_CPU_FEATURES": features_of(level, _host_features())}
    os.environ.update(numba)
    for name, value in _OTHERS[level].items():
        os.environ.setdefault(name, value)
    if "numba" in sys.modules:  # somebody imported it first: it has read its variables already
        from numba.core import config

        config.reload_config()
