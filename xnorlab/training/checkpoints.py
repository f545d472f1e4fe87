"""How a run's checkpoint is written: beside the earlier one, which goes only when the new one can be opened."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from xnorlab import atomic


class CheckpointFile(TorchCheckpointIO):
    """Lightning's reading and writing of checkpoints, all or nothing.

    Where the disk is full or the file does not read back, OSError is raised, which ends the run: an epoch more would
    only be lost, too. The earlier checkpoint stays as it was.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Serialise, write beside `path`, open what was written, rename."""
        # Serialised first: torch.save to a full disk raises a RuntimeError that does not say so.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(path) as partial:
            partial.write_bytes(content.getbuffer())
            try:
                torch.load(partial, map_location="cpu", weights_only=True)
            except Exception as error:  # anything from EOFError to UnpicklingError
                raise OSError(f"{path}: what was written cannot be read back: {error}") from error
