"""One dot product of two vectors of signs, word by word: packed bits, XNOR or XOR, popcount, and the sum.

The kernels' own packing makes the words, which are then read as words of 8, 32 or 64 bits.
"""

from dataclasses import dataclass

import numpy as np

from xnorlab.kernels.packing import pack_filters, pack_signs
from xnorlab.kernels.xnor_linear import XnorLinear

WORD_SIZES = (8, 32, 64)
"""Bits per word that `pack_pair` takes."""


@dataclass(frozen=True)
class WordPair:
    """One word of inputs and one word of weights as integers, the first channel in bit 0.

    Attributes:
        x: The word of inputs.
        w: The word of weights.
        mask: 1 in the bits that stand for a channel.
        bits: Bits per word.
    """

    x: int
    w: int
    mask: int
    bits: int

    @property
    def xor(self) -> int:
        """1 where the bits differ. Tail bits are 0 on both sides and never differ."""
        return self.x ^ self.w

    @property
    def xnor(self) -> int:
        """1 where the bits agree. Tail bits, 0 on both sides, agree too and have to be masked."""
        return self.xor ^ ((1 << self.bits) - 1)

    @property
    def agreeing(self) -> int:
        """XNOR under the mask: 1 where a channel's bits agree."""
        return self.xnor & self.mask


@dataclass(frozen=True)
class PackedPair:
    """Two vectors of signs, packed into pairs of words.

    Attributes:
        n: Signs per vector.
        bits: Bits per word.
        words: The pairs of words, in the order of the channels.
    """

    n: int
    bits: int
    words: tuple[WordPair, ...]

    @property
    def tail(self) -> int:
        """Bits of the last word that stand for no channel."""
        return len(self.words) * self.bits - self.n

    @property
    def agreeing(self) -> tuple[int, ...]:
        """Popcount of XNOR under the mask, word by word."""
        return tuple(word.agreeing.bit_count() for word in self.words)

    @property
    def differing(self) -> tuple[int, ...]:
        """Popcount of XOR, word by word."""
        return tuple(word.xor.bit_count() for word in self.words)

    @property
    def from_xnor(self) -> int:
        """The dot product from the bits that agree: 2·popcount − n (XNOR-Net, section 3.2)."""
        return 2 * sum(self.agreeing) - self.n

    @property
    def from_xor(self) -> int:
        """The dot product from the bits that differ: n − 2·popcount, with one operation per word less and no mask."""
        return self.n - 2 * sum(self.differing)


def pack_pair(x: np.ndarray, w: np.ndarray, bits: int) -> PackedPair:
    """Pack two vectors of signs into words.

    Args:
        x: (n,) real, n ≥ 1, taken by its signs; sign(0) = +1.
        w: (n,) real, taken by its signs too.
        bits: Bits per word, one of WORD_SIZES.

    Returns:
        Both vectors, word by word.

    Raises:
        ValueError: `bits` is no such size, or the vectors have not one axis of the same length.
    """
    if bits not in WORD_SIZES:
        raise ValueError(f"bits={bits} must be one of {', '.join(map(str, WORD_SIZES))}")
    x, w = _checked(x, w)
    n = x.size
    count = -(-n // bits)
    packed = []
    for vector in (x, w):
        words = pack_signs(vector.reshape(1, 1, 1, n)).ravel()
        # Little-endian bytes hold channel 0 in their first bit, whatever the size of the word laid over them.
        packed.append([int(word) for word in words.astype("<u8").view(f"<u{bits // 8}")[:count]])
    masks = [(1 << min(bits, n - first)) - 1 for first in range(0, n, bits)]
    words = zip(packed[0], packed[1], masks, strict=True)
    return PackedPair(n, bits, tuple(WordPair(x_word, w_word, mask, bits) for x_word, w_word, mask in words))


def by_multiplying(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The dot product of the signs by float32 multiply-adds: the sums after each of the n products, (n,)."""
    signs = [np.where(vector >= 0, np.float32(1), np.float32(-1)) for vector in _checked(x, w)]
    return np.cumsum(signs[0] * signs[1], dtype=np.float32)


def by_kernel(x: np.ndarray, w: np.ndarray) -> float:
    """The dot product of the signs by the packed kernel that networks run on."""
    x, w = _checked(x, w)
    layer = XnorLinear(pack_filters(w.reshape(1, 1, 1, -1))[:, 0, 0], x.size)
    return float(layer(x[None])[0, 0])


def _checked(x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, w = (np.ascontiguousarray(vector, dtype=np.float32) for vector in (x, w))
    if x.ndim != 1 or x.shape != w.shape or x.size == 0:
        raise ValueError(f"x has shape {x.shape}, w {w.shape}; the rule is one axis of the same length for both")
    return x, w
