"""Checkpoint of a run: written without losing the earlier one, and read without trusting the file."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import nn

from xnorlab import atomic, models
from xnorlab.printable import error_line
from xnorlab.training.data_record import is_data_record
from xnorlab.training.epoch_recorder import STATE_KEY
from xnorlab.zoo.recipe import Recipe

CHECKPOINT = "last.ckpt"
"""Name of the checkpoint in a run's folder."""

PARTS = {
    "recipe": dict,
    "labels": list,
    "state_dict": dict,
    "epoch": int,
    "callbacks": dict,
    "loops": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}
"""Keys of every checkpoint, and their types. Without "loops", Lightning would begin at epoch 1 again."""

HISTORY_PARTS = ("epochs", "histograms")


class CheckpointFile(TorchCheckpointIO):
    """Lightning's reading and writing of checkpoints; a new one takes the place of the earlier one only if it is whole.

    Where the disk is full or the file does not read back, OSError ends the run, since the next epoch could not be
    saved either. The earlier checkpoint stays as it was.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Serialise, write beside `path`, read back, rename."""
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


def read_checkpoint(path: str | Path) -> tuple[Recipe, list[str], Mapping[str, Any]]:
    """Recipe and labels of a run, and its whole checkpoint as it was saved; no code of the file is run.

    Raises:
        ValueError: the file is missing, cut off, damaged or no checkpoint of a run; the message says which.
    """
    path = Path(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"checkpoint={str(path)!r} does not exist") from None
    except Exception as error:  # torch.load raises anything from EOFError to UnpicklingError
        raise _unusable(path, _unreadable(path, error)) from error
    if not isinstance(checkpoint, dict):
        raise _unusable(path, f"it holds a {type(checkpoint).__name__}")
    for key, kind in PARTS.items():
        if not isinstance(checkpoint.get(key), kind):
            raise _unusable(path, f"its {key!r} is missing or not a {kind.__name__}")
    labels, history = checkpoint["labels"], checkpoint["callbacks"].get(STATE_KEY)
    if len(labels) < 2 or not all(isinstance(label, str) for label in labels):
        raise _unusable(path, f"its labels are {labels!r}")
    if not isinstance(history, dict) or not all(isinstance(history.get(key), list) for key in HISTORY_PARTS):
        raise _unusable(path, "it holds no history of its epochs")
    if not is_data_record(checkpoint.get("data"), len(labels)):
        raise _unusable(path, "its record of the pictures is not a listing and one count per class")
    try:
        return Recipe.from_dict(checkpoint["recipe"]), labels, checkpoint
    except (ValueError, TypeError) as error:
        raise _unusable(path, str(error)) from error


def load_checkpoint(path: str | Path) -> tuple[nn.Module, Recipe, list[str], Mapping[str, Any]]:
    """Model of a run in eval mode, its recipe and labels, and the whole checkpoint.

    Raises:
        ValueError: see `read_checkpoint` and `load_weights_`.
    """
    recipe, labels, checkpoint = read_checkpoint(path)
    try:
        model = models.build(recipe.model, recipe.scheme, len(labels), **recipe.model_options)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise _unusable(path, error_line(error)) from error
    load_weights_(model, checkpoint, path)
    return model.eval(), recipe, labels, checkpoint


def load_weights_(model: nn.Module, checkpoint: Mapping[str, Any], path: str | Path) -> None:
    """Load a checkpoint's weights into the network of its recipe.

    Args:
        model: the network.
        checkpoint: as `read_checkpoint` returns it.
        path: the checkpoint's file, for the message.

    Raises:
        ValueError: the weights have other names, shapes or types than those of the network.
    """
    state = checkpoint["state_dict"]
    weights = {key.removeprefix("model."): value for key, value in state.items() if str(key).startswith("model.")}
    try:
        model.load_state_dict(weights)
    except Exception as error:  # of other names, shapes or types
        raise _unusable(path, f"its weights are not those of its recipe's network: {error_line(error)}") from error


def trained_epochs(checkpoint: Mapping[str, Any]) -> int:
    """Number of epochs that a checkpoint has been trained for."""
    return checkpoint["epoch"] + 1


def saved_epochs(folder: str | Path) -> str:
    """Epochs that a run's folder holds, in words: "epochs 1 to 3 of 10 are safe in runs/a/last.ckpt"."""
    path = Path(folder) / CHECKPOINT
    try:
        recipe, _, checkpoint = read_checkpoint(path)
    except ValueError:
        return "no epoch is kept"
    done = trained_epochs(checkpoint)
    which = f"epoch 1 of {recipe.epochs} is" if done == 1 else f"epochs 1 to {done} of {recipe.epochs} are"
    return f"{which} safe in {path}"


def _unusable(path: str | Path, reason: str) -> ValueError:
    return ValueError(f"checkpoint={str(path)!r} is not a checkpoint of xnorlab train, or is damaged: {reason}")


def _unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    # torch's own message is ten lines about options that do not exist here
    return f"torch cannot read its {size:,} bytes ({type(error).__name__})"
