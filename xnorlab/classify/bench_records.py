"""Records of `xnorlab bench classify` in the user's cache: the newest one of each network on each machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorlab import atomic
from xnorlab.cache_folder import default_cache_folder
from xnorlab.kernels.cpu import describe_cpu

FILE = "classify-bench.json"


@dataclass(frozen=True)
class Record:
    """What one picture took in one process of the local engine.

    Attributes:
        network: its name.
        sha256: of its packed file.
        pictures: what was classified, in words.
        taken: date and time in UTC, ISO 8601.
        decode_s: seconds to read, decode and crop one picture.
        network_s: seconds of one picture in the network.
        seconds: of one picture with all that belongs to it.
    """

    network: str
    sha256: str
    pictures: str
    taken: str
    decode_s: float
    network_s: float
    seconds: float


def record(result: Mapping[str, Any]) -> Path:
    """Keep what `ClassifyBench.to_dict` gave, in place of the former record of that network and machine.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    file = default_cache_folder() / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    others = [old for old in _read(file) if _key(old) != _key(result)]
    atomic.write_json(file, {"records": [*others, dict(result)]})
    return file


def of_this_machine() -> list[Record]:
    """The records of this processor and its instructions, the newest first; none where there is no readable file."""
    cpu = describe_cpu()
    here = [old for old in _read(default_cache_folder() / FILE) if _key(old)[1:] == (cpu["cpu"], cpu["path"])]
    return sorted(map(_record, here), key=lambda one: one.taken, reverse=True)


def _key(result: Mapping[str, Any]) -> tuple[str, str, str]:
    return result["sha256"], result["machine"]["cpu"], result["machine"]["instructions"]


def _record(result: Mapping[str, Any]) -> Record:
    _key(result)
    run = min((run for run in result["runs"] if not run["draft"]), key=lambda run: (run["engine"], run["workers"]))
    cost = run["this_run"]
    names = ("network", "sha256", "pictures")
    return Record(
        *(str(result[name]) for name in names),
        taken=str(result["machine"]["taken"]),
        decode_s=float(run["decode_s"]),
        network_s=float(run["network_s"]),
        seconds=cost["seconds"] / cost["pictures"],
    )


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(file.read_text("utf-8"))["records"]
        for one in records:
            _record(one)
    except (OSError, ValueError, LookupError, TypeError):  # there is none yet, or it is of another version
        return []
    return records
