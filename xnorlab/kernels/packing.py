"""Packing: signs of real numbers, 64 to a word, and back."""

import numpy as np

from xnorlab.conventions import WORD_BITS, n_words
from xnorlab.kernels.codegen.conversions import compare
from xnorlab.kernels.codegen.memory import atomic_load, fetch_and_add, load_int, store_word
from xnorlab.kernels.codegen.records import COUNTER, PACKING, record_at
from xnorlab.kernels.filter_blocks import aligned
from xnorlab.kernels.geometry import feature_map, vector
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.team import Job


@kernel
def pack_kernel(address, scratch, counters, part, parts):
    """Pack x (B, H, W, C) into words, C / groups channels at a time.

    address: of a PACKING; see `team.Job`. Its `flips`: address of a mask for each of a pixel's words, or 0. Its
    `prefix`, a power of two: each word holds the XOR of the words up to itself within groups of so many (see
    codegen/tile.py). No thread returns before all rows are done.
    """
    call = record_at(address, PACKING)
    height, width, channels, groups, prefix = call.height, call.width, call.channels, call.groups, call.prefix
    values, limits, flips, words = call.x, call.limits, call.flips, call.words
    per_group = channels // groups
    full, rest = per_group // 64, per_group % 64
    group_words = full + (1 if rest else 0)
    pixel_words = groups * group_words
    rows, done = call.batch * height, counters + COUNTER * parts
    at_once = 1 + 1024 // (width * pixel_words)
    for turn in range(parts):
        owner = (part + turn) % parts
        counter = counters + COUNTER * owner
        first, last = rows * owner // parts, rows * (owner + 1) // parts
        begin = first + fetch_and_add(counter, at_once)
        while begin < last:
            end = min(last, begin + at_once)
            for row in range(begin, end):
                to = words + 8 * row * width * pixel_words
                at = values + 4 * row * width * channels
                c, running = np.int64(0), np.uint64(0)
                if rest == 0:  # one stream of full words, c the word within the pixel
                    for word_at in range(to, to + 8 * width * pixel_words, 8):
                        word = compare(64, ">=", at, limits + 256 * c)
                        if flips:
                            word ^= np.uint64(load_int(flips + 8 * c))
                        running = word if c & (prefix - 1) == 0 else running ^ word
                        store_word(word_at, running)
                        at, c = at + 256, c + 1
                        c = 0 if c == pixel_words else c
                    continue
                # The word within its group, and where its first channel's threshold lies.
                j, limit = np.int64(0), limits
                for word_at in range(to, to + 8 * width * pixel_words, 8):
                    word = np.uint64(0)
                    size = 64 if j < full else rest
                    if size == 64:
                        word = compare(64, ">=", at, limit)
                    else:
                        for k in range(0, rest - 7, 8):
                            word |= compare(8, ">=", at + 4 * k, limit + 4 * k) << np.uint64(k)
                        for k in range(rest - rest % 8, rest):
                            word |= compare(1, ">=", at + 4 * k, limit + 4 * k) << np.uint64(k)
                    if flips:
                        word ^= np.uint64(load_int(flips + 8 * c))
                    running = word if j & (prefix - 1) == 0 else running ^ word
                    store_word(word_at, running)
                    at, limit, c, j = at + 4 * size, limit + 4 * size, c + 1, j + 1
                    if j == group_words:
                        j = 0
                    if c == pixel_words:
                        limit, c = limits, 0
            fetch_and_add(done, end - begin)
            begin = first + fetch_and_add(counter, at_once)
    while atomic_load(done) < rows:  # what is missing has been taken by a thread that runs
        pass


@kernel
def _run_kernel(words, prefix):
    """Replace each word by the XOR of the words up to itself within its group of `prefix`."""
    for start in range(0, words.size, prefix):
        for i in range(start + 1, start + prefix):
            words[i] ^= words[i - 1]


def running_xor(words: np.ndarray, prefix: int) -> None:
    """Turn plain packed signs, uint64 flat, into what a layer with this prefix reads, in place."""
    if prefix > 1:
        _run_kernel(words, prefix)


@kernel
def _start_packing(address, x, words):
    """Set what changes from run to run; in Python each field of a record would cost a fifth of a microsecond."""
    call = record_at(address, PACKING)
    call.x, call.words = x, words


class Packing:
    """Thresholding and packing of maps of one shape (B, H, W, C), as (x >= threshold) ^ flip, channel by channel.

    It runs as often as wanted, never twice at once.

    Args:
        shape: (B, H, W, C).
        threshold: float32 (C,), or None for 0.
        flip: bool (C,), or None for no flip.
        groups: channels are packed in so many groups, each from a new word on.
        prefix: see `pack_kernel`.

    Attributes:
        size: words of the packed map.
        record: for the kernel, a PACKING.
        job: the work of a run.
    """

    def __init__(self, shape, threshold=None, flip=None, *, groups=1, prefix=1):
        batch, height, width, channels = shape
        group_words = n_words(channels // groups)
        self._limits = (
            aligned((channels,), np.float32) if threshold is None else vector(threshold, "threshold", channels)
        )
        self._flips = None
        if flip is not None and vector(flip, "flip", channels, bool).any():
            grouped = np.reshape(flip, (groups, channels // groups))
            self._flips = np.ascontiguousarray(pack_bits(grouped).reshape(-1))
        self.size = batch * height * width * groups * group_words
        self.record = record = np.zeros(1, PACKING)
        self.address = record.ctypes.data
        self.job = Job((pack_kernel, record))
        record["limits"] = self._limits.ctypes.data
        record["flips"] = 0 if self._flips is None else self._flips.ctypes.data
        record["batch"], record["height"], record["width"], record["channels"] = shape
        record["groups"], record["prefix"] = groups, prefix

    def prepare(self, x: int, words: int) -> None:
        """Set the addresses of the map and of its words before a run."""
        _start_packing(self.address, x, words)

    def run(self, x: int, words: int, threads: int = 1) -> None:
        """Pack the map at address `x` into the words at address `words`."""
        self.prepare(x, words)
        self.job.run(threads)


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """Booleans (..., C) as uint64 words (..., n_words(C)), channel 0 in bit 0."""
    words = n_words(bits.shape[-1])
    full = np.zeros((*bits.shape[:-1], words * WORD_BITS), bool)
    full[..., : bits.shape[-1]] = bits
    return np.packbits(full, axis=-1, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def pack_signs(x, *, threshold=None, flip=None) -> np.ndarray:
    """Pack (x >= threshold) ^ flip, channel by channel.

    Args:
        x: float32 (B, H, W, C); NaN lies below every threshold.
        threshold: float32 (C,), ±inf allowed, or None for 0.
        flip: bool (C,), or None for no flip.

    Returns:
        uint64 (B, H, W, n_words(C)).
    """
    x = feature_map(x)
    words = np.empty((*x.shape[:3], n_words(x.shape[3])), np.uint64)
    Packing(x.shape, threshold, flip).run(x.ctypes.data, words.ctypes.data)
    return words


def unpack_signs(words, channels: int) -> np.ndarray:
    """The signs, float32 ±1 (..., channels), in uint64 words (..., n_words(channels))."""
    return unpack_bits(words, channels).astype(np.float32) * np.float32(2) - np.float32(1)


def unpack_bits(words, channels: int) -> np.ndarray:
    """The bits, uint8 0 or 1 (..., channels), in uint64 words (..., n_words(channels))."""
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
    """Pack real filters (N, kh, kw, C) as files hold them: uint64 (N, kh, kw, n_words(C)), bit = weight >= 0."""
    return pack_bits(_filters(weight) >= 0)


def pack_ternary(weight) -> tuple[np.ndarray, np.ndarray]:
    """Pack filters of −1, 0 and +1 into two planes, as files hold them.

    Args:
        weight: real (N, kh, kw, C); every value above 0 counts as +1, every value below as −1.

    Returns:
        uint64 (N, kh, kw, n_words(C)) twice: bit 1 for +1; bit 1 for what is not zero.
    """
    weight = _filters(weight)
    return pack_bits(weight > 0), pack_bits(weight != 0)


def _filters(weight) -> np.ndarray:
    weight = np.asarray(weight)
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(f"weight has shape {weight.shape}; filters are (N, kernel height, kernel width, channels)")
    return weight
