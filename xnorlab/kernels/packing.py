"""Signs of real numbers packed 64 to a word, and back."""

import numpy as np

from xnorlab.conventions import WORD_BITS, n_words, pair
from xnorlab.kernels.geometry import feature_map, vector
from xnorlab.kernels.threads import thread_count


def _pack_bits(bits: np.ndarray) -> np.ndarray:
    """Booleans (..., C) as uint64 words (..., n_words(C)), channel 0 in bit 0."""
    words = n_words(bits.shape[-1])
    full = np.zeros((*bits.shape[:-1], words * WORD_BITS), bool)
    full[..., : bits.shape[-1]] = bits
    return np.packbits(full, axis=-1, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def pack_signs(x, *, threshold=None, flip=None, border=(0, 0), border_bit=0, out=None, threads=1) -> np.ndarray:
    """Pack (x >= threshold) ^ flip, channel by channel.

    x: (B, H, W, C) float32. threshold: (C,) float32, 0 where None, ±inf allowed. flip: (C,) bool. NaN packs as
    bit 0. border: rows and columns of `border_bit` around the map. Returns uint64
    (B, H + 2·border[0], W + 2·border[1], n_words(C)), written into `out` where given.
    """
    x = feature_map(x)
    batch, height, width, channels = x.shape
    thread_count(threads)
    bh, bw = pair(border, "border", 0)
    if border_bit not in (0, 1):
        raise ValueError(f"border_bit={border_bit!r} must be 0 or 1")
    threshold = np.zeros(channels, np.float32) if threshold is None else vector(threshold, "threshold", channels)
    flip = np.zeros(channels, bool) if flip is None else vector(flip, "flip", channels, bool)
    bits = np.where(flip, x < threshold, x >= threshold)
    edge = np.zeros((batch, height + 2 * bh, width + 2 * bw, channels), bool)
    edge[:] = bool(border_bit)
    edge[:, bh : bh + height, bw : bw + width] = bits
    words = _pack_bits(edge)
    if out is None:
        return words
    if out.shape != words.shape or out.dtype != np.uint64 or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out must be a writeable C-contiguous uint64 array of shape {words.shape}")
    out[...] = words
    return out


def unpack_signs(words, channels: int) -> np.ndarray:
    """float32 ±1 (..., channels) from uint64 words (..., n_words(channels))."""
    words = np.asarray(words)
    if words.dtype != np.uint64:
        raise ValueError(f"words has dtype {words.dtype}; packed signs are uint64")
    if channels < 1 or words.ndim < 1 or words.shape[-1] != n_words(channels):
        raise ValueError(f"words has shape {words.shape}; channels={channels} needs a last axis of {n_words(channels)}")
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    bits = np.unpackbits(octets, axis=-1, count=channels, bitorder="little")
    return bits.astype(np.float32) * np.float32(2) - np.float32(1)


def pack_filters(weight) -> np.ndarray:
    """uint64 (N, kh, kw, n_words(C)) from real filters (N, kh, kw, C); bit = weight >= 0. The files hold this layout."""
    weight = np.asarray(weight)
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(f"weight has shape {weight.shape}; filters are (N, kernel height, kernel width, channels)")
    return _pack_bits(weight >= 0)
