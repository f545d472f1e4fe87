"""How values per filter lie in memory: one block of filters after the other, as many as a tile computes."""

import math

import numpy as np

MAX_BLOCK = 32
"""Filters in the largest block: two registers of 16 float32."""


def aligned(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An array of zeros on a 64-byte boundary: a load or store that crosses a cache line costs two."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def blocks_of(filters: np.ndarray, groups: int, block_filters: int) -> np.ndarray:
    """`filters` (N, T) as aligned (groups, blocks, T, block_filters), missing filters zero."""
    n = filters.shape[0] // groups
    blocks = -(-n // block_filters)
    out = aligned((groups, blocks, filters.shape[1], block_filters), filters.dtype)
    for g in range(groups):
        for k in range(blocks):
            part = filters[g * n + k * block_filters : g * n + min(n, (k + 1) * block_filters)]
            out[g, k, :, : len(part)] = part.T
    return out


def filters_of(tiles: np.ndarray, filters: int) -> np.ndarray:
    """The `filters` (N, T) from which `blocks_of` made `tiles`."""
    groups, blocks, length, block = tiles.shape
    every = tiles.transpose(0, 1, 3, 2).reshape(groups, blocks * block, length)
    return np.ascontiguousarray(every[:, : filters // groups].reshape(filters, length))


def tile_bytes(filters: int, groups: int, inputs: int) -> int:
    """Most bytes that `blocks_of` makes, on any processor, of float32 filters with `inputs` taps × channels.

    Every group is filled up to whole blocks, so that small groups may take many times their own size.
    """
    blocks = -(-filters // groups // MAX_BLOCK)
    return 4 * groups * blocks * MAX_BLOCK * (inputs // groups)


def per_filter(values: np.ndarray, groups: int, block_filters: int) -> np.ndarray:
    """`values` (N,) as (groups, blocks, block_filters), missing filters zero."""
    return blocks_of(values[:, None], groups, block_filters)[:, :, 0]
