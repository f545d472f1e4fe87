"""Options that name a data set and say how its pictures are prepared, for several commands."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Keep(StrEnum):
    """Whether decoded pictures are kept in files."""

    ON = "on"
    OFF = "off"


Data = Annotated[Path, typer.Argument(metavar="DATA", help="The data set's folder, or one that holds it.")]
DataOption = Annotated[Path, typer.Option("--data", help="The data set's folder, or one that holds it.")]
CacheFolder = Annotated[Path | None, typer.Option(help="Where decoded pictures are kept; by default ~/.cache/xnorlab.")]
Cache = Annotated[Keep, typer.Option(help="off: keep no decoded picture, decode each one whenever it is used.")]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out pictures that cannot be read, and say which.")
]


def preparing(cache_folder: Path | None, cache: Keep, skip_unreadable: bool) -> dict[str, Any]:
    """Keyword arguments of `training.cache.prepare` from the options of a command."""
    return {"cache_folder": cache_folder, "cache": cache == Keep.ON, "skip_unreadable": skip_unreadable}
