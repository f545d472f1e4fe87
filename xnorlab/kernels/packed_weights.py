"""The two layouts of packed weights: for sums by counting bits, and for sums by table; each can be turned back."""

import numpy as np

from xnorlab.kernels.codegen.lookup import NIBBLE, TABLE_BYTES
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.filter_blocks import blocks_of
from xnorlab.kernels.packing import pack_bits, unpack_bits
from xnorlab.kernels.pair_tables import nibbles
from xnorlab.kernels.traversal import Layout


def _filters_of(tiles: np.ndarray, filters: int) -> np.ndarray:
    """Tiles (groups, blocks, T, block) as filters (N, T): what `blocks_of` was given."""
    groups, blocks, length, block = tiles.shape
    in_order = tiles.transpose(0, 1, 3, 2).reshape(groups, blocks * block, length)
    return in_order[:, : filters // groups].reshape(filters, length)


class CountedWeights:
    """Words with running XORs, for a processor that counts the bits of vectors, see codegen/tile.py.

    Args:
        words: uint64 (N, kh, kw, n_words(per_group)), as `pack_filters` gives them.
        per_group: channels of a group.
        groups: of the convolution.

    Attributes:
        arithmetic, group, block, tiles, layout: as `TiledConv` takes them.
        prefix: words that share a running XOR; the input's do so, too.
    """

    arithmetic = "xnor"

    def __init__(self, words: np.ndarray, per_group: int, groups: int):
        self._shape = words.shape
        n, kh, kw, per_tap = words.shape
        # Longer groups need more registers than there are and gained nothing.
        self.prefix = self.group = next(size for size in (4, 2, 1) if per_tap % size == 0)
        self.block = vector_unit().packed_filters
        running = words.reshape(n, kh * kw, per_tap // self.prefix, self.prefix)
        running = np.bitwise_xor.accumulate(running, axis=3).reshape(n, -1)
        self.tiles = blocks_of(running, groups, self.block)
        self.layout = Layout(
            8 * groups * per_tap, 8 * per_tap, 8 * per_tap * self.block, per_tap // self.prefix, groups, per_group
        )

    def words(self) -> np.ndarray:
        """The words as they were given, made from the tiles, which are the only copy that is kept."""
        running = _filters_of(self.tiles, self._shape[0]).reshape(self._shape[0], -1, self.prefix)
        words = running.copy()
        words[..., 1:] ^= running[..., :-1]
        return words.reshape(self._shape)


class TableWeights:
    """Nibbles, a byte each, for a processor that shuffles bytes, see codegen/lookup.py.

    They take twice as much memory as bits do: to part nibbles in the tile would cost it a quarter of its speed.
    Arguments and attributes are those of `CountedWeights`.
    """

    arithmetic = "lookup"
    prefix = 1

    def __init__(self, words: np.ndarray, per_group: int, groups: int):
        self._shape, self._per_group = words.shape, per_group
        n, kh, kw, _ = words.shape
        unit, tables = vector_unit(), nibbles(per_group)
        bits = np.zeros((n, kh * kw, NIBBLE * tables), np.uint8)
        bits[:, :, :per_group] = unpack_bits(words, per_group).reshape(n, kh * kw, per_group)
        values = np.packbits(bits.reshape(n, -1, NIBBLE), axis=2, bitorder="little")[:, :, 0]
        self.group = unit.lookup_columns(n // groups)
        register = unit.bits // 8
        self.block = self.group * register
        # Even bytes of a register hold its first half of filters: so widened sums come in order.
        self._order = np.arange(self.block).reshape(self.group, 2, register // 2).transpose(0, 2, 1).reshape(-1)
        self.tiles = blocks_of(values, groups, self.block)
        self.tiles[...] = self.tiles[..., self._order]
        pixel = TABLE_BYTES * tables
        self.layout = Layout(groups * pixel, pixel, tables * self.block, tables, groups, per_group)

    def words(self) -> np.ndarray:
        """The words as they were given, made from the tiles, which are the only copy that is kept."""
        n, kh, kw, _ = self._shape
        in_order = np.empty_like(self.tiles)
        in_order[..., self._order] = self.tiles
        values = _filters_of(in_order, n).reshape(n, kh, kw, -1, 1)
        bits = np.unpackbits(values, axis=4, count=NIBBLE, bitorder="little").reshape(n, kh, kw, -1)
        return pack_bits(bits[..., : self._per_group])
