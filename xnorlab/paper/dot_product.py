"""One dot product of signs, word by word: the bits that meet, those that agree, their count, the sum they stand for.

The packing is the kernels'; the words are then looked at 8, 32 or 64 bits at a time.
"""

from dataclasses import dataclass

import numpy as np

from xnorlab.kernels.packing import pack_filters, pack_signs
from xnorlab.kernels.xnor_linear import XnorLinear

WORD_SIZES = (8, 32, 64)
"""Bits of a word that `meet` takes."""


@dataclass(frozen=True)
class WordPair:
    """A word of inputs and a word of weights as integers, the first channel in bit 0. mask: the bits that count."""

    x: int
    w: int
    mask: int
    bits: int

    @property
    def xor(self) -> int:
        """1 where they differ. Tail bits are 0 on both sides: they never do."""
        return self.x ^ self.w

    @property
    def xnor(self) -> int:
        """1 where they agree. Tail bits do, 0 with 0, and have to be masked."""
        return self.xor ^ ((1 << self.bits) - 1)

    @property
    def agreeing(self) -> int:
        """XNOR where the mask is 1."""
        return self.xnor & self.mask


@dataclass(frozen=True)
class Meeting:
    """Two vectors of n signs, packed into words of so many bits, in order."""

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
        """The dot product from what agrees: 2·popcount − n (XNOR-Net, section 3.2)."""
        return 2 * sum(self.agreeing) - self.n

    @property
    def from_xor(self) -> int:
        """The dot product from what differs, n − 2·popcount: one operation less a word and no mask."""
        return self.n - 2 * sum(self.differing)


def meet(x: np.ndarray, w: np.ndarray, bits: int) -> Meeting:
    """Pack two vectors of signs and lay them word by word against each other.

    x, w: (n,) real, taken by their signs, sign(0) = +1; n ≥ 1. bits: of a word, one of WORD_SIZES.
    Raises ValueError for anything else.
    """
    if bits not in WORD_SIZES:
        raise ValueError(f"bits={bits} must be one of {', '.join(map(str, WORD_SIZES))}")
    x, w = _pair(x, w)
    n = x.size
    count = -(-n // bits)
    packed = []
    for vector in (x, w):
        words = pack_signs(vector.reshape(1, 1, 1, n)).ravel()
        # Little-endian bytes hold channel 0 in their first bit, whatever the size of the word laid over them.
        packed.append([int(word) for word in words.astype("<u8").view(f"<u{bits // 8}")[:count]])
    masks = [(1 << min(bits, n - first)) - 1 for first in range(0, n, bits)]
    words = zip(packed[0], packed[1], masks, strict=True)
    return Meeting(n, bits, tuple(WordPair(x_word, w_word, mask, bits) for x_word, w_word, mask in words))


def by_multiplying(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The same by float32 multiply-adds over −1 and +1: the sums after each of the n products, (n,)."""
    signs = [np.where(vector >= 0, np.float32(1), np.float32(-1)) for vector in _pair(x, w)]
    return np.cumsum(signs[0] * signs[1], dtype=np.float32)


def by_kernel(x: np.ndarray, w: np.ndarray) -> float:
    """The same by the packed kernel that networks run on."""
    x, w = _pair(x, w)
    layer = XnorLinear(pack_filters(w.reshape(1, 1, 1, -1))[:, 0, 0], x.size)
    return float(layer(x[None])[0, 0])


def _pair(x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, w = (np.ascontiguousarray(vector, dtype=np.float32) for vector in (x, w))
    if x.ndim != 1 or x.shape != w.shape or x.size == 0:
        raise ValueError(f"x has shape {x.shape}, w {w.shape}; the rule is one axis of the same length for both")
    return x, w
