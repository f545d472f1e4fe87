"""The packed convolution on its own: real weights and feature maps in, real sums out."""

from typing import Any, Self

import numpy as np

from xnorlab.conventions import PAD_VALUES, pair
from xnorlab.kernels.packing import pack_filters, unpack_signs
from xnorlab.kernels.xnor_conv import XnorConv2d


class BinaryConv2d:
    """y = (sign(x) ⊛ sign(W))·scale + bias by XOR and population count (XNOR-Net, section 3.2).

    Calls do not change the object. It can be pickled, with one bit per weight.

    Args:
        weight: float32 (N, C, kh, kw), taken by its sign, sign(0) = +1; packed once, here.
        scale: the paper's α, float32 (N,), or None.
        bias: float32 (N,), or None.
        stride: an int or (vertical, horizontal).
        padding: an int or (vertical, horizontal).
        pad_value: what the border holds once the input is signs: −1, 0 or +1.

    Attributes:
        threads: threads that a call may use, 1 unless set.

    Raises:
        ValueError: an argument does not fit.

    >>> layer = BinaryConv2d(np.ones((1, 3, 1, 1), np.float32))
    >>> layer(np.float32([0.5, -2.0, 7.0]).reshape(1, 1, 1, 3))
    array([[[[1.]]]], dtype=float32)
    """

    def __init__(
        self,
        weight: np.ndarray,
        *,
        scale: np.ndarray | None = None,
        bias: np.ndarray | None = None,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        pad_value: int = 0,
    ):
        _check_float32("weight", weight)
        if weight.ndim != 4 or weight.size == 0:
            raise ValueError(f"weight has shape {weight.shape}; the rule is (N, C, kh, kw), each at least 1")
        for name, value in (("scale", scale), ("bias", bias)):
            if value is not None:
                _check_float32(name, value)
                if value.shape != weight.shape[:1]:
                    raise ValueError(f"{name} has shape {value.shape}; the rule is ({weight.shape[0]},)")
        if pad_value not in PAD_VALUES:
            raise ValueError(f"pad_value={pad_value!r} must be −1, 0 or +1")
        self.filters, self.channels = weight.shape[:2]
        self.kernel_size = weight.shape[2:]
        self.stride, self.padding = pair(stride, "stride", 1), pair(padding, "padding", 0)
        self.pad_value = pad_value
        words = pack_filters(np.ascontiguousarray(weight.transpose(0, 2, 3, 1)))
        self._kernel = XnorConv2d(
            words, self.channels, scale=scale, bias=bias, stride=self.stride, padding=self.padding, pad_value=pad_value
        )
        self._scale, self._bias = (None if value is None else value.copy() for value in (scale, bias))
        self.threads = 1

    def __reduce__(self) -> tuple:
        """Pickled by its packed weights and arguments; its kernel holds addresses that mean nothing elsewhere."""
        options = {
            "scale": self._scale,
            "bias": self._bias,
            "stride": self.stride,
            "padding": self.padding,
            "pad_value": self.pad_value,
        }
        return type(self)._unpickled, (self._kernel.words, self.channels, options, self.threads)

    @classmethod
    def _unpickled(cls, words: np.ndarray, channels: int, options: dict[str, Any], threads: int) -> Self:
        signs = unpack_signs(words, channels)
        layer = cls(np.ascontiguousarray(signs.transpose(0, 3, 1, 2)), **options)
        layer.threads = threads
        return layer

    @property
    def threads(self) -> int:
        """Threads that a call may use."""
        return self._threads

    @threads.setter
    def threads(self, value: int) -> None:
        if type(value) is not int or value < 1:
            raise ValueError(f"threads={value!r} must be an integer of at least 1")
        self._threads = value

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Convolve the signs of `x`, float32 (B, H, W, C); returns float32 (B, OH, OW, N)."""
        if not isinstance(x, np.ndarray) or x.dtype != np.float32 or x.ndim != 4 or x.shape[3] != self.channels:
            given = f"{x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
            raise ValueError(f"x is {given}; the rule is float32 (B, H, W, {self.channels})")
        return self._kernel(np.ascontiguousarray(x), threads=self.threads)


def _check_float32(name: str, value: object) -> None:
    if not isinstance(value, np.ndarray) or value.dtype != np.float32:
        given = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} is {given}; the rule is a float32 array")
    if np.isnan(value).any():
        raise ValueError(f"{name} holds NaN, which has no sign")
