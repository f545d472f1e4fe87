"""The recorded ablations: `ablations.json` in the folder of shipped networks, one entry per ablation."""

import json
from pathlib import Path
from typing import Any

from xnorlab import atomic
from xnorlab.zoo import manifest

FILE = "ablations.json"


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of the folder's file, by name; none where there is no file."""
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def record(name: str, entry: dict[str, Any], folder: str | Path | None = None) -> Path:
    """Enter an ablation's result, in place of an earlier one; returns the file.

    Args:
        name: one of `training.ablations.ABLATIONS`, or "no-retraining".
        entry: what the ablation returned.
        folder: the folder of shipped networks; None is the checkout's `pretrained/`.
    """
    folder = manifest.folder() if folder is None else Path(folder)
    entries = read(folder) | {name: entry}
    atomic.write_json(folder / FILE, {key: entries[key] for key in sorted(entries)})
    return folder / FILE
