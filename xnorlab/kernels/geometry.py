"""Checks of what convolutions and pools are given, before any pointer is touched."""

from dataclasses import dataclass

import numpy as np

from xnorlab.conventions import WORD_BITS, Size, n_words, output_size, pair


@dataclass(frozen=True)
class Window:
    """A sliding window: kernel, stride, padding and dilation, each (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)

    @classmethod
    def of(cls, kernel: Size, stride: Size, padding: Size, dilation: Size = 1) -> "Window":
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


def for_kernels(array: np.ndarray) -> np.ndarray:
    """`array`, copied unless it is aligned, writeable and C-contiguous: kernels are compiled for no other arrays."""
    return array if array.flags.carray else np.array(array, order="C")


def feature_map(x, name: str = "x", channels: int | None = None) -> np.ndarray:
    """`x` as a float32 (B, H, W, C) array for kernels; raises ValueError where it is none."""
    array = np.asarray(x)
    shape = array.shape
    if len(shape) != 4:
        raise ValueError(f"{name} has shape {shape}; a feature map has four axes (batch, height, width, channels)")
    if array.dtype != np.float32:
        raise ValueError(f"{name} has dtype {array.dtype}; feature maps are float32")
    if 0 in shape:
        raise ValueError(f"{name} has shape {shape}; no axis may be empty")
    if channels is not None and shape[3] != channels:
        raise ValueError(f"{name} has {shape[3]} channels; this layer takes channels={channels}")
    return for_kernels(array)


def result(shape: tuple[int, ...], out) -> np.ndarray:
    """`out`, or a new float32 array of `shape` where it is None; raises ValueError where it does not fit."""
    if out is None:
        return np.empty(shape, np.float32)
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != np.float32 or not out.flags.carray:
        raise ValueError(f"out must be a writeable C-contiguous float32 array of shape {shape}")
    return out


def vector(value, name: str, length: int, dtype: type = np.float32) -> np.ndarray:
    """`value` as a vector of `length` entries of `dtype` for kernels; raises ValueError otherwise."""
    array = np.asarray(value)
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}; one entry per channel is needed, ({length},)")
    if array.dtype != dtype:
        raise ValueError(f"{name} has dtype {array.dtype}; it must be {np.dtype(dtype)}")
    return for_kernels(array)


def matrix(value, name: str) -> np.ndarray:
    """`value` as an array of two axes; raises ValueError otherwise."""
    array = np.asarray(value)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}; a matrix has two axes")
    return array


def as_maps(out: np.ndarray | None) -> np.ndarray | None:
    """`out`, a matrix (B, N), seen as maps of one pixel (B, 1, 1, N) in the same memory; None stays None."""
    return None if out is None else matrix(out, "out")[:, None, None, :]


def divides(groups: int, name: str, channels: int) -> int:
    """The channels of one group; raises ValueError unless `groups` is a positive divisor of `channels`."""
    if not isinstance(groups, int) or groups < 1:
        raise ValueError(f"groups={groups!r} must be an int of at least 1")
    if not isinstance(channels, int) or channels < 1 or channels % groups:
        raise ValueError(f"groups={groups} does not divide {name}={channels!r}")
    return channels // groups


def filter_words(words, per_group: int, groups: int, name: str = "words") -> np.ndarray:
    """Packed filters (N, kh, kw, n_words(per_group)), tail bits cleared; raises ValueError where they do not fit."""
    array = np.asarray(words)
    needed = n_words(per_group)
    if array.ndim != 4 or array.dtype != np.uint64 or 0 in array.shape or array.shape[3] != needed:
        raise ValueError(
            f"{name} has shape {array.shape} and dtype {array.dtype}; uint64 (N, kh, kw, {needed}) is needed for "
            f"{per_group} channels per group"
        )
    divides(groups, "filters", array.shape[0])
    tail = per_group % WORD_BITS
    if tail:
        array = array.copy()
        array[..., -1] &= np.uint64((1 << tail) - 1)
    return array
