"""Convolutions and matrix products over real activations, with real weights or packed ±1 ones."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from xnorlab.conventions import Size
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.filter_blocks import blocks_of, filters_of
from xnorlab.kernels.geometry import Window, as_maps, divides, feature_map, filter_words, matrix, result
from xnorlab.kernels.packing import pack_bits, unpack_bits
from xnorlab.kernels.threads import thread_count
from xnorlab.kernels.tiled_conv import TiledConv
from xnorlab.kernels.traversal import Layout


class _RealInput(TiledConv):
    """A tiled convolution that reads float32 activations where they lie; a padded border is zero."""

    def __call__(self, x, *, threads=1, out=None) -> np.ndarray:
        """Convolve `x`, float32 (B, H, W, C); returns float32 (B, OH, OW, N), in `out` where given."""
        x = feature_map(x, "x", self.channels)
        threads = thread_count(threads)
        out = result(self.tables(x.shape).shape, out)
        self.bound(x, out)(threads)
        return out

    def bound(self, x: np.ndarray, out: np.ndarray) -> Callable[[int], object]:
        """A function of a thread count that convolves `x` into `out` whenever it is called; arrays as kernels want."""
        call = self.call(x.shape, self.epilogue().store(out.ctypes.data), x.ctypes.data)

        def convolve(threads: int, arrays: tuple = (x, out)) -> None:  # a call holds addresses alone
            call.run(threads)

        return convolve


def _layout(filters: int, per_group: int, groups: int) -> tuple[int, Layout]:
    """How operands lie, and the channels of a group where a register holds filters of several groups, else 1."""
    unit = vector_unit()
    block, pixel = unit.float_filters, 4 * per_group * groups
    if groups > 1 and unit.holds_groups(filters // groups, per_group):
        return per_group, Layout(pixel, 0, 4 * per_group * block, 1, 1, per_group, 4 * block)
    return 1, Layout(pixel, 4 * per_group, 4 * per_group * block, per_group, groups, per_group)


class FloatConv2d(_RealInput):
    """Real convolution y = (x * W) · scale + bias.

    The weights are in memory once, in blocks of filters.

    Args:
        weight: float32 (N, kh, kw, C / groups).
        scale: one factor per filter, float32 (N,), or None.
        bias: float32 (N,), or None.
        stride: an int or (vertical, horizontal); `padding` and `dilation` likewise.
        padding: width of the border of zeros.
        dilation: distance between taps.
        groups: each filter sees the channels of one of so many groups.

    Raises:
        ValueError: an argument does not fit.
    """

    def __init__(
        self, weight, *, scale=None, bias=None, stride: Size = 1, padding: Size = 0, dilation: Size = 1, groups=1
    ):
        weight = np.asarray(weight)
        if weight.ndim != 4 or weight.dtype != np.float32 or 0 in weight.shape:
            raise ValueError(
                f"weight has shape {weight.shape} and dtype {weight.dtype}; float32 (N, kh, kw, C/groups) is needed"
            )
        n, kh, kw, per_group = weight.shape
        divides(groups, "filters", n)
        width, layout = _layout(n, per_group, groups)
        block, window = vector_unit().float_filters, Window.of((kh, kw), stride, padding, dilation)
        tiles = blocks_of(weight.reshape(n, -1), layout.groups, block)
        super().__init__("real", width, block, tiles, window, layout, per_group * groups, n, scale, bias)

    @property
    def weight(self) -> np.ndarray:
        """The filters as they were given, made from the tiles, which are the only copy that is kept."""
        return filters_of(self._tiles, self.filters).reshape(self.filters, *self.window.kernel, -1)


class PackedWeights(_RealInput):
    """A convolution of real activations with packed weights, one or two bits each, in planes of words.

    The weights stay packed in memory. Each task widens the block of filters that it needs to floats, in a scratch that
    stays in the cache for all of its pixels.
    """

    def __init__(
        self,
        arithmetic: str,
        planes: tuple[np.ndarray, ...],
        per_group: int,
        groups: int,
        scale,
        bias,
        geometry: tuple[Size, Size, Size],
    ):
        n, kh, kw, _ = planes[0].shape
        width, layout = _layout(n, per_group, groups)
        block, window = vector_unit().float_filters, Window.of((kh, kw), *geometry)
        bits = [blocks_of(unpack_bits(plane, per_group).reshape(n, -1), layout.groups, block) for plane in planes]
        tiles = np.packbits(np.stack(bits, axis=3), axis=4, bitorder="little")
        super().__init__(arithmetic, width, block, tiles, window, layout, per_group * groups, n, scale, bias)

    def plane(self, index: int) -> np.ndarray:
        """A plane as it was given, made from the tiles, which are the only copy that is kept."""
        bits = filters_of(np.unpackbits(self._tiles[:, :, :, index], axis=3, bitorder="little"), self.filters)
        return pack_bits(bits.reshape(self.filters, *self.window.kernel, -1).astype(bool))

    @property
    def words(self) -> np.ndarray:
        """Packed signs of the filters, as they were given."""
        return self.plane(0)


class BinaryWeightConv2d(PackedWeights):
    """Real activations, packed ±1 weights: y = (x * sign W) · scale + bias (XNOR-Net, section 3.1).

    The weights stay one bit each in memory.

    Args:
        words: uint64 (N, kh, kw, n_words(channels // groups)), as `pack_filters` gives them.
        channels: C, of the input.
        scale: α, float32 (N,), or None.
        bias: float32 (N,), or None.
        stride: see `FloatConv2d`, and so for the rest.
        padding: width of the border of zeros.
        dilation: distance between taps.
        groups: each filter sees the channels of one of so many groups.

    Raises:
        ValueError: an argument does not fit.
    """

    def __init__(
        self,
        words,
        channels,
        *,
        scale=None,
        bias=None,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups=1,
    ):
        per_group = divides(groups, "channels", channels)
        planes = (filter_words(words, per_group, groups),)
        super().__init__("sign", planes, per_group, groups, scale, bias, (stride, padding, dilation))


Conv = TypeVar("Conv", bound=_RealInput)


class RealLinear(Generic[Conv]):
    """A matrix product as a convolution over maps of one pixel."""

    def __init__(self, conv: Conv):
        self._conv = conv

    def __call__(self, x, *, threads=1, out=None) -> np.ndarray:
        """Multiply `x`, float32 (B, F); returns float32 (B, N), in `out` where given."""
        return self._conv(matrix(x, "x")[:, None, None, :], threads=threads, out=as_maps(out))[:, 0, 0]

    def bound(self, x: np.ndarray, out: np.ndarray) -> Callable[[int], object]:
        """A function of a thread count that multiplies `x` into `out`; see the convolution's."""
        return self._conv.bound(x[:, None, None, :], out[:, None, None, :])


class FloatLinear(RealLinear[FloatConv2d]):
    """Real matrix product y = (x @ weight.T) · scale + bias.

    Args:
        weight: float32 (N, F).
        scale: float32 (N,), or None.
        bias: float32 (N,), or None.
    """

    def __init__(self, weight, *, scale=None, bias=None):
        super().__init__(FloatConv2d(matrix(weight, "weight")[:, None, None, :], scale=scale, bias=bias))

    @property
    def weight(self) -> np.ndarray:
        """The matrix as it was given."""
        return self._conv.weight[:, 0, 0]


class BinaryWeightLinear(RealLinear[BinaryWeightConv2d]):
    """Product of real vectors and packed ±1 weights, y = (x @ sign(W).T) · scale + bias.

    Args:
        words: uint64 (N, n_words(features)).
        features: F, of the input.
        scale: float32 (N,), or None.
        bias: float32 (N,), or None.
    """

    def __init__(self, words, features, *, scale=None, bias=None):
        words = matrix(words, "words")[:, None, None, :]
        super().__init__(BinaryWeightConv2d(words, features, scale=scale, bias=bias))

    @property
    def words(self) -> np.ndarray:
        """The packed matrix as it was given."""
        return self._conv.words[:, 0, 0]
