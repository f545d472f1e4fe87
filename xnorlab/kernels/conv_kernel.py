"""The kernel of every convolution: it shares tasks out among threads and calls the tile for pixels and filters."""

from functools import cache

import numpy as np

from xnorlab.kernels.codegen.memory import fetch_and_add, load_int, prefetch
from xnorlab.kernels.codegen.tile import tile
from xnorlab.kernels.jit import Kernel, kernel_of_many

# Places in a call's table, one int64 each; most are addresses. TAKEN counts the tasks that threads have taken.
X, TAKEN, PROGRAM, N_STEPS, PASSES, N_PASSES, PIECES, RUNS, PIXELS = range(9)
GROUPS, BLOCKS, BLOCK_FILTERS, GROUP_FILTERS, GROUP_BYTES, WEIGHTS, BLOCK_BYTES = range(9, 16)
INIT, INIT_SEGMENT, INIT_BLOCK = range(16, 19)
SCALE, SHIFT, OUT, OUT_STRIDE, LIMITS, FLIPS, WORDS, WORDS_STRIDE = range(19, 27)
CALL = 27

FETCH_BYTES = 1 << 15
"""Weights of a block that are fetched ahead: what the first-level cache holds. More would crowd out what is in use."""


@cache
def conv_kernel(arithmetic: str, group: int, tall: int, short: int) -> Kernel:
    """The kernel that runs a call with tiles of `tall`, `short` and 1 pixels; arithmetic, group: see `tile`."""

    @kernel_of_many(f"{arithmetic}_{group}_{tall}_{short}")
    def convolve(call):
        """Take tasks, a pass over one block of filters each, until none is left."""
        counter = np.int64(call.ctypes.data) + 8 * TAKEN
        n_blocks, blocks, block_filters = call[GROUPS] * call[BLOCKS], call[BLOCKS], call[BLOCK_FILTERS]
        block_bytes = call[BLOCK_BYTES]
        task = fetch_and_add(counter, 1)
        while task < call[N_PASSES] * n_blocks:
            n, k = task // n_blocks, task % n_blocks
            g, filters = k // blocks, k % blocks * block_filters
            x = call[X] + g * call[GROUP_BYTES]
            weights = call[WEIGHTS] + k * block_bytes
            n_filters, first_filter = call[GROUP_FILTERS] - filters, g * call[GROUP_FILTERS] + filters
            if k + 1 < n_blocks and block_bytes <= FETCH_BYTES:
                for line in range(weights + block_bytes, weights + 2 * block_bytes, 64):
                    prefetch(line)
            first_piece, last_piece = load_int(call[PASSES] + 16 * n), load_int(call[PASSES] + 16 * n + 8)
            for piece in range(call[PIECES] + 40 * first_piece, call[PIECES] + 40 * last_piece, 40):
                p, stop = load_int(piece), load_int(piece + 8)
                n_runs, s = load_int(piece + 24), load_int(piece + 32)
                runs = call[RUNS] + 24 * load_int(piece + 16)
                init = call[INIT] + s * call[INIT_SEGMENT] + k * call[INIT_BLOCK]
                operands = (
                    x,
                    runs,
                    n_runs,
                    weights,
                    init,
                    call[SCALE],
                    call[SHIFT],
                    call[OUT],
                    call[OUT_STRIDE],
                    call[LIMITS],
                    call[FLIPS],
                    call[WORDS],
                    call[WORDS_STRIDE],
                    call[PROGRAM],
                    call[N_STEPS],
                    4 * k * block_filters,
                    first_filter,
                    n_filters,
                )
                while p < stop:
                    pixels = call[PIXELS] + 16 * p
                    if p + tall <= stop:
                        tile(arithmetic, group, tall, pixels, operands)
                        p += tall
                    elif p + short <= stop:
                        tile(arithmetic, group, short, pixels, operands)
                        p += short
                    else:
                        tile(arithmetic, group, 1, pixels, operands)
                        p += 1
            task = fetch_and_add(counter, 1)

    return convolve
