"""The folder in the user's cache where decoded pictures and measurements of this machine are kept."""

import os
from pathlib import Path


def default_cache_folder() -> Path:
    """Folder of cache files: $XNORLAB_CACHE, or xnorlab in $XDG_CACHE_HOME, or ~/.cache/xnorlab."""
    chosen = os.environ.get("XNORLAB_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xnorlab"
