"""Checks of a network's arguments: pictures, and values that its packed file must be able to hold."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xnorlab.runtime.ops.base import Shape

MAX_REASON = 500
"""Most characters of `fixed_by`."""

MAX_OUTPUTS = 100
"""Most outputs of a network."""


def checked_images(images: Any) -> np.ndarray | Sequence[np.ndarray]:
    """`images` where they are uint8 (N, H, W, 3) or a list of (H, W, 3), else ValueError."""
    if isinstance(images, np.ndarray):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape[1:]:
            raise ValueError(
                f"images is {images.dtype} of shape {images.shape}; the rule is uint8 (N, H, W, 3), or a list of "
                "pictures uint8 (H, W, 3)"
            )
        return images
    if not isinstance(images, list | tuple):
        raise ValueError(f"images is {type(images).__name__}; the rule is an array or a list of pictures")
    for i, image in enumerate(images):
        fits = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3
        if not fits or image.shape[2] != 3 or image.size == 0:
            given = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise ValueError(f"images[{i}] is {given}; the rule is uint8 (H, W, 3)")
    return images


def json_object(value: Any, name: str) -> dict[str, Any]:
    """A copy of `value` as a reader of the packed file will see it."""
    try:
        if not isinstance(value, dict):
            raise ValueError("it is no dictionary")
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} cannot be written as JSON: {error}") from None


def checked_labels(labels: Sequence[str], output_shape: Shape) -> tuple[str, ...]:
    """`labels` where they are names, one per class of the output or none at all, else ValueError."""
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise ValueError("labels must be a list of names")
    if labels and (len(labels),) != output_shape:
        raise ValueError(f"there are {len(labels)} labels for an output of shape {output_shape}")
    return tuple(labels)


def checked_reason(fixed_by: str, input_shape: Shape) -> str:
    """`fixed_by` where it is one line of text, and empty for inputs without height and width, else ValueError."""
    if not isinstance(fixed_by, str) or not fixed_by.isprintable() or len(fixed_by) > MAX_REASON:
        raise ValueError(f"fixed_by={fixed_by!r} must be at most {MAX_REASON} printable characters")
    if fixed_by and len(input_shape) != 3:
        raise ValueError(f"fixed_by={fixed_by!r} does not fit inputs {input_shape} without height and width")
    return fixed_by


def checked_outputs(outputs: Any) -> dict[str, str]:
    """The ops that give a network's outputs, by the outputs' names; empty for None; raises ValueError otherwise."""
    if outputs is None:
        return {}
    if not isinstance(outputs, Mapping) or not 1 <= len(outputs) <= MAX_OUTPUTS:
        raise ValueError(f"outputs must be None, or 1 to {MAX_OUTPUTS} ops by name")
    for text in (*outputs, *outputs.values()):
        if not isinstance(text, str) or not text.isprintable() or not 1 <= len(text) <= 200:
            raise ValueError(f"the name {text!r} in outputs must be 1 to 200 printable characters")
    return dict(outputs)


def outputs_from_header(pairs: Any) -> dict[str, str]:
    """The outputs as a packed file's header holds them, a list of names and ops; raises ValueError otherwise."""
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError("outputs must be a list of pairs: a name, and an op")
    names = [name for name, _ in pairs]
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise ValueError("the names of outputs must be texts, each of its own")
    return {name: op for name, op in pairs}
