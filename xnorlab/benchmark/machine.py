"""What a timing was taken on; part of every result."""

import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("xnorlab", "numpy", "numba", "llvmlite", "torch", "openvino", "onnxruntime")


@dataclass(frozen=True)
class Machine:
    """cpu: its name. cores: logical processors this process may use. instructions: what the kernels were compiled to.

    versions: of Python and of the packages that take part, where installed. taken: date and time, UTC.
    """

    cpu: str
    cores: int
    instructions: str
    system: str
    versions: dict[str, str]
    taken: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return asdict(self)


def describe() -> Machine:
    """The machine that runs this process, now."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        cpu=cpu_name(),
        cores=cores,
        instructions=instructions(),
        system=f"{platform.system()} {platform.machine()}",
        versions=dict(_versions()),
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@cache
def cpu_name() -> str:
    """The processor's own name where the system tells it, else its architecture."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)


@cache
def instructions() -> str:
    """The vector instructions that the kernels are compiled to; Numba's NUMBA_CPU_NAME and …_FEATURES decide too."""
    from numba.core.registry import cpu_target

    context: Any = cpu_target.target_context  # a cached property, which type checkers do not see through
    _, _, features = context.codegen().magic_tuple()
    has = {feature[1:] for feature in features.split(",") if feature.startswith("+")}
    for feature, label in _PATHS:
        if feature in has:
            return label
    return f"baseline {platform.machine()}"


_PATHS = (
    ("avx512vpopcntdq", "AVX-512 VPOPCNTDQ"),
    ("avx512bw", "AVX-512"),
    ("avx2", "AVX2"),
    ("neon", "NEON"),
    ("ssse3", "SSSE3"),
)
