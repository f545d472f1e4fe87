"""The table of verdicts, `pretrained/verdicts.json`: computed, kept, read and printed.

`write` computes it from the manifest, the ablations and the benchmarks beside it; nothing in it is typed in but the
paper's own numbers.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from xnorlab import atomic
from xnorlab.verdicts.claims import judge
from xnorlab.verdicts.evidence import Evidence
from xnorlab.verdicts.verdict import Verdict
from xnorlab.zoo import manifest

FILE = "verdicts.json"


def load(folder: str | Path | None = None) -> tuple[Verdict, ...]:
    """The rows of verdicts.json in the folder of shipped networks."""
    path = _folder(folder) / FILE
    if not path.is_file():
        raise ValueError(f"{path} does not exist: `xnorlab verdicts --write` makes it")
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Verdict(**row | {"based_on": tuple(row["based_on"])}) for row in rows)


def write(folder: str | Path | None = None) -> Path:
    """Compute every row from the files in the folder of shipped networks; returns the file written."""
    path = _folder(folder) / FILE
    rows = [asdict(verdict) for verdict in judge(Evidence.read(path.parent))]
    atomic.write_json(path, rows)
    return path


def markdown(verdicts: Iterable[Verdict]) -> str:
    """The table in Markdown, one row per claim."""
    lines = ["| claim | published | ours, measured | verdict | why |", "|---|---|---|---|---|"]
    for v in verdicts:
        cells = (f"{v.claim} ({v.source})", v.published, v.ours, f"**{v.verdict}**", v.why)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _folder(folder: str | Path | None) -> Path:
    return manifest.folder() if folder is None else Path(folder)
