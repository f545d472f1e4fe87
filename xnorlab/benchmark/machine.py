"""The description of the machine and the packages that a time was measured with; part of every result."""

import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from xnorlab.kernels.cpu import describe_cpu

PACKAGES = ("xnorlab", "numpy", "numba", "llvmlite", "torch", "openvino", "onnxruntime", "pillow", "ray")
"""Packages whose versions are recorded."""


@dataclass(frozen=True)
class Machine:
    """A machine at the time of a measurement.

    Attributes:
        cpu: Name of the processor.
        cores: Logical processors that this process may use.
        instructions: Vector instructions that the kernels were compiled to.
        system: Operating system and architecture.
        versions: Versions of Python and of the installed PACKAGES.
        taken: Date and time in UTC, ISO 8601.
    """

    cpu: str
    cores: int
    instructions: str
    system: str
    versions: dict[str, str]
    taken: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as values that JSON can hold."""
        return asdict(self)


def describe() -> Machine:
    """Describe the machine that runs this process, now."""
    cpu = describe_cpu()
    return Machine(
        cpu=cpu["cpu"],
        cores=cpu["threads"],
        instructions=cpu["path"],
        system=f"{platform.system()} {platform.machine()}",
        versions=dict(_versions()),
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def cpu_name() -> str:
    """Return the name of the processor."""
    return describe_cpu()["cpu"]


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    versions = [("python", platform.python_version())]
    for package in PACKAGES:
        try:
            versions.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(versions)
