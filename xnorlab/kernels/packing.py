"""Signs of real numbers packed 64 to a word, and back."""

import numpy as np
from llvmlite import ir
from numba import types

from xnorlab.conventions import WORD_BITS, n_words, pair
from xnorlab.kernels.emitter import fetch_and_add
from xnorlab.kernels.geometry import feature_map, vector
from xnorlab.kernels.jit import instruction, kernel
from xnorlab.kernels.threads import run_parts, thread_count

NO_FLIP = np.zeros(0, bool)
"""Given to the kernel where no channel is flipped."""


@instruction
def _compare(typing, lanes, comparison, x, threshold):
    """Bits x[i] (comparison) threshold[i] of `lanes` neighbouring floats at two addresses, lane 0 in bit 0."""
    if not isinstance(lanes, types.Literal) or not isinstance(comparison, types.Literal):
        return None
    n, operator = lanes.literal_value, comparison.literal_value

    def emit(context, builder, signature, arguments):
        floats = ir.VectorType(ir.FloatType(), n)
        a, b = (
            builder.load(builder.inttoptr(address, floats.as_pointer()), align=4)
            for address in (arguments[2], arguments[3])
        )
        bits = builder.bitcast(builder.fcmp_ordered(operator, a, b), ir.IntType(n))
        return bits if n == 64 else builder.zext(bits, ir.IntType(64))

    return types.uint64(lanes, comparison, types.int64, types.int64), emit


@kernel
def pack_kernel(x, threshold, flip, words, groups, prefix, border_rows, border_columns, shared):
    """Pack x (B, H, W, C) into `words`, flat, C / groups channels at a time.

    prefix, a power of two: each word holds the XOR of the words up to itself within groups of so many (see tile.py).
    The border, if any, is left as it is. Threads that are given the same arrays share the rows out among them:
    shared[1] counts the rows taken, shared[2] those done, and no thread returns before all are.
    """
    batch, height, width, channels = x.shape
    per_group = channels // groups
    full, rest = per_group // 64, per_group % 64
    group_words = full + (1 if rest else 0)
    values, flat = np.int64(x.ctypes.data), x.reshape(x.size)
    limits = np.int64(threshold.ctypes.data)
    flips = np.zeros(groups * group_words, np.uint64)
    for c in range(flip.size):
        if flip[c]:
            flips[c // per_group * group_words + c % per_group // 64] |= np.uint64(1) << np.uint64(c % per_group % 64)
    row_pixels = width + 2 * border_columns
    taken, done, rows = np.int64(shared.ctypes.data) + 8, np.int64(shared.ctypes.data) + 16, batch * height
    at_once = 1 + 1024 // (width * groups * group_words)
    begin = fetch_and_add(taken, at_once)
    while begin < rows:
        end = min(rows, begin + at_once)
        for row in range(begin, end):
            target = (row // height) * (height + 2 * border_rows) + border_rows + row % height
            to = (target * row_pixels + border_columns) * groups * group_words
            at = row * width * channels
            c, running = np.int64(0), np.uint64(0)
            if rest == 0:  # one stream of full words, c the word within the pixel
                for i in range(to, to + width * groups * full):
                    word = _compare(64, ">=", values + 4 * at, limits + 256 * c)
                    if flip.size:
                        below = _compare(64, "<", values + 4 * at, limits + 256 * c)
                        word = (word & ~flips[c]) | (below & flips[c])
                    running = word if c & (prefix - 1) == 0 else running ^ word
                    words[i] = running
                    at, c = at + 64, c + 1
                    c = 0 if c == groups * full else c
                continue
            j, first = np.int64(0), np.int64(0)  # the word within its group, and its first channel
            for i in range(to, to + width * groups * group_words):
                word, below = np.uint64(0), np.uint64(0)
                size = 64 if j < full else rest
                if size == 64:
                    word = _compare(64, ">=", values + 4 * at, limits + 4 * first)
                    below = _compare(64, "<", values + 4 * at, limits + 4 * first)
                else:
                    for k in range(0, rest - 7, 8):
                        x_k, limit_k = values + 4 * (at + k), limits + 4 * (first + k)
                        word |= _compare(8, ">=", x_k, limit_k) << np.uint64(k)
                        below |= _compare(8, "<", x_k, limit_k) << np.uint64(k)
                    for k in range(rest - rest % 8, rest):
                        word |= np.uint64(flat[at + k] >= threshold[first + k]) << np.uint64(k)
                        below |= np.uint64(flat[at + k] < threshold[first + k]) << np.uint64(k)
                word = (word & ~flips[c]) | (below & flips[c])
                running = word if j & (prefix - 1) == 0 else running ^ word
                words[i] = running
                at, first, c, j = at + size, first + size, c + 1, j + 1
                if j == group_words:
                    j = 0
                if first == channels:
                    first, c = 0, 0
        fetch_and_add(done, end - begin)
        begin = fetch_and_add(taken, at_once)
    while fetch_and_add(done, 0) < rows:  # what is missing has been taken by a thread that runs
        pass


def sign_limits(threshold, flip, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Checked `threshold` and `flip` as the kernel takes them; None means zeros and no flip."""
    limits = np.zeros(channels, np.float32) if threshold is None else vector(threshold, "threshold", channels)
    return limits, NO_FLIP if flip is None else vector(flip, "flip", channels, bool)


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
    threads = thread_count(threads)
    rows, columns = pair(border, "border", 0)
    if border_bit not in (0, 1):
        raise ValueError(f"border_bit={border_bit!r} must be 0 or 1")
    limits, flips = sign_limits(threshold, flip, channels)
    shape = (batch, height + 2 * rows, width + 2 * columns, n_words(channels))
    if out is None:
        out = np.empty(shape, np.uint64)
    elif out.shape != shape or out.dtype != np.uint64 or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out must be a writeable C-contiguous uint64 array of shape {shape}")
    if rows or columns:
        out[...] = _pack_bits(np.full(channels, bool(border_bit)))
    flat = out.reshape(-1)
    shared = np.zeros(3, np.int64)
    run_parts(lambda part, parts: pack_kernel(x, limits, flips, flat, 1, 1, rows, columns, shared), threads)
    return out


def unpack_signs(words, channels: int) -> np.ndarray:
    """float32 ±1 (..., channels) from uint64 words (..., n_words(channels))."""
    return unpack_bits(words, channels).astype(np.float32) * np.float32(2) - np.float32(1)


def unpack_bits(words, channels: int) -> np.ndarray:
    """uint8 0 or 1 (..., channels) from uint64 words (..., n_words(channels))."""
    words = np.asarray(words)
    if words.dtype != np.uint64:
        raise ValueError(f"words has dtype {words.dtype}; packed signs are uint64")
    if channels < 1 or words.ndim < 1 or words.shape[-1] != n_words(channels):
        raise ValueError(
            f"words has shape {words.shape}; channels={channels} needs a last axis of {n_words(max(channels, 1))}"
        )
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=channels, bitorder="little")


def pack_filters(weight) -> np.ndarray:
    """uint64 (N, kh, kw, n_words(C)) from real filters (N, kh, kw, C); bit = weight >= 0. Files hold this layout."""
    weight = np.asarray(weight)
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(f"weight has shape {weight.shape}; filters are (N, kernel height, kernel width, channels)")
    return _pack_bits(weight >= 0)
