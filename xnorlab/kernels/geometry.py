"""What a convolution's or a pooling's arguments mean, checked before any pointer is touched."""

from dataclasses import dataclass

import numpy as np

from xnorlab.conventions import output_size, pair


@dataclass(frozen=True)
class Window:
    """A sliding window: kernel, stride, padding and dilation, each (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)

    @classmethod
    def of(cls, kernel, stride, padding, dilation=1) -> "Window":
        """A window from ints or pairs; raises ValueError naming the argument that does not fit."""
        return cls(
            pair(kernel, "kernel", 1),
            pair(stride, "stride", 1),
            pair(padding, "padding", 0),
            pair(dilation, "dilation", 1),
        )

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Output height and width; raises ValueError where the window does not fit the padded input."""
        return (
            output_size(height, self.kernel[0], self.stride[0], self.padding[0], self.dilation[0]),
            output_size(width, self.kernel[1], self.stride[1], self.padding[1], self.dilation[1]),
        )


def feature_map(x, name: str = "x", channels: int | None = None) -> np.ndarray:
    """`x` as a C-contiguous float32 (B, H, W, C) array; raises ValueError where that is not what it is."""
    array = np.asarray(x)
    if array.ndim != 4:
        raise ValueError(f"{name} has shape {array.shape}; a feature map has four axes (batch, height, width, channels)")
    if array.dtype != np.float32:
        raise ValueError(f"{name} has dtype {array.dtype}; feature maps are float32")
    if 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; no axis may be empty")
    if channels is not None and array.shape[3] != channels:
        raise ValueError(f"{name} has {array.shape[3]} channels; this layer takes channels={channels}")
    return np.ascontiguousarray(array)


def vector(value, name: str, length: int, dtype=np.float32) -> np.ndarray:
    """`value` as a C-contiguous vector of `length` entries of `dtype`; raises ValueError otherwise."""
    array = np.asarray(value)
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}; one entry a channel is needed, ({length},)")
    if array.dtype != dtype:
        raise ValueError(f"{name} has dtype {array.dtype}; it must be {np.dtype(dtype)}")
    return np.ascontiguousarray(array)


def divides(groups: int, name: str, channels: int) -> int:
    """channels // groups; raises ValueError unless `groups` is a positive divisor of `channels`."""
    if not isinstance(groups, int) or groups < 1:
        raise ValueError(f"groups={groups!r} must be an int of at least 1")
    if channels < 1 or channels % groups:
        raise ValueError(f"groups={groups} does not divide {name}={channels}")
    return channels // groups
