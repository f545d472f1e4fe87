"""What a timing was taken on; part of every result."""

import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from xnorlab.kernels.cpu import describe_cpu

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
    """What the processor calls itself."""
    return describe_cpu()["cpu"]


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)
