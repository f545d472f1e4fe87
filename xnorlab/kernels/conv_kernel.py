"""The kernel of every convolution: it shares tasks out among threads and calls the tile for pixels and filters."""

from functools import cache

from xnorlab.kernels.codegen.conversions import widen_signs, widen_ternary
from xnorlab.kernels.codegen.memory import fetch_and_add, prefetch
from xnorlab.kernels.codegen.records import CALL, COUNTER, PASS, PIECE, PIXEL, RUN, Place, record_at
from xnorlab.kernels.codegen.tile import tile
from xnorlab.kernels.jit import Kernel, kernel_of_many

PASS_SIZE, PIECE_SIZE, PIXEL_SIZE, RUN_SIZE = (kind.itemsize for kind in (PASS, PIECE, PIXEL, RUN))

FETCH_BYTES = 1 << 15
"""Weights of a block that are fetched ahead: what the first-level cache holds. More would crowd out what is in use."""

WIDENED = ("sign", "ternary")
"""Arithmetics whose packed weights are turned into floats before they are used."""


@cache
def conv_kernel(arithmetic: str, group: int, tall: int, short: int) -> Kernel:
    """The kernel that runs a call with tiles of `tall`, `short` and 1 rows; group, rows: see `tile`.

    arithmetic: of `tile`, or "sign" or "ternary": real activations against packed weights, which each task widens to
    floats into a scratch of its thread, where its tiles of "real" products read them.
    """
    entry_size = 2 * PIXEL_SIZE if arithmetic == "lookup" else PIXEL_SIZE
    # Flags, and not the instruction itself: Numba's cache would not know it again in another process.
    widens, is_ternary = arithmetic in WIDENED, arithmetic == "ternary"
    of_tile = "real" if widens else arithmetic

    @kernel_of_many(f"{arithmetic}_{group}_{tall}_{short}")
    def convolve(address, scratch, counters, part, parts):
        """Take tasks, a pass over one block of filters each, until none is left. address: of a CALL; see `team.Job`."""
        call = record_at(address, CALL)
        block_bytes = call.block_bytes
        n_blocks = call.groups * call.blocks
        n_tasks = call.n_passes * n_blocks
        for turn in range(parts):
            owner = (part + turn) % parts
            counter = counters + COUNTER * owner
            first, end = n_tasks * owner // parts, n_tasks * (owner + 1) // parts
            task = first + fetch_and_add(counter, 1)
            while task < end:
                k = task % n_blocks
                g, before = k // call.blocks, k % call.blocks * call.block_filters
                weights = call.weights + k * block_bytes
                if widens:
                    if is_ternary:
                        widen_ternary(weights, scratch, call.block_steps)
                    else:
                        widen_signs(weights, scratch, call.block_steps)
                    weights = scratch
                elif k + 1 < n_blocks and block_bytes <= FETCH_BYTES:
                    for line in range(weights + block_bytes, weights + 2 * block_bytes, 64):
                        prefetch(line)
                these = record_at(call.passes + PASS_SIZE * (task // n_blocks), PASS)
                for at in range(
                    call.pieces + PIECE_SIZE * these.first_piece,
                    call.pieces + PIECE_SIZE * these.last_piece,
                    PIECE_SIZE,
                ):
                    piece = record_at(at, PIECE)
                    p, stop = piece.first_pixel, piece.last_pixel
                    place = Place(
                        call.x + g * call.group_bytes + k % call.blocks * call.input_block,
                        call.runs + RUN_SIZE * piece.first_run,
                        piece.n_runs,
                        weights,
                        call.init + piece.segment * call.init_segment + k * call.init_block,
                        4 * k * call.block_filters,
                        g * call.group_filters + before,
                        call.group_filters - before,
                    )
                    while p < stop:
                        pixels = call.pixels + entry_size * p
                        if p + tall <= stop:
                            tile(of_tile, group, tall, pixels, address, place)
                            p += tall
                        elif p + short <= stop:
                            tile(of_tile, group, short, pixels, address, place)
                            p += short
                        else:
                            tile(of_tile, group, 1, pixels, address, place)
                            p += 1
                task = first + fetch_and_add(counter, 1)

    return convolve
