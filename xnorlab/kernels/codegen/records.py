"""What kernels read of Python's memory: records of named int64 fields, most of them addresses."""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from xnorlab.kernels.codegen.emitter import Emitter, instruction


def _record(fields: str) -> np.dtype:
    return np.dtype([(name, np.int64) for name in fields.split()], align=True)


CALL = _record(
    "x program n_steps passes n_passes pieces runs pixels "
    "groups blocks block_filters group_filters group_bytes input_block weights block_bytes block_steps "
    "init init_segment init_block "
    "scale bias out out_stride limits flips words words_stride"
)
"""A convolution's run over one input.

`input_block`: bytes from the channels that one block of filters sees to those of the next. `block_bytes` and
`block_steps`: of one block's weights in memory, and how many steps of a tile they serve. `init_segment`, `init_block`:
bytes from one to the next. From `scale` on the epilogue's: tables with one entry per filter, the map of results and the
bytes of one of its pixels, thresholds, flips and words of the next layer's signs.
"""

PASS = _record("first_piece last_piece")
"""Pieces of segments whose pixels one task computes, `last_piece` not among them."""

PIECE = _record("first_pixel last_pixel first_run n_runs segment")
"""Pixels of one segment, `last_pixel` not among them, and the runs of taps that they see."""

RUN = _record("x_offset w_offset steps")
"""Neighbouring taps: bytes from the pixel, bytes into the block's weights, steps of the tile."""

PIXEL = _record("x_offset index")
"""An output pixel: where the window's first tap lies in the input, in bytes, and its number in the output."""

STEP = _record("code first second map stride")
"""A step of an epilogue: its code, two tables with one entry per filter, a map, the bytes of one of its pixels."""

PACKING = _record("x limits flips words batch height width channels groups prefix")
"""A packing of one map."""

LAYING = _record(
    "words tables values images rows columns height width pad_rows pad_columns second_image second_row groups per_group"
)
"""The laying of one map's tables, see pair_tables.py."""

GATHERING = _record(
    "words parted gathered batch height width groups out_height out_width kh kw sh sw ph pw dh dw bits pixel_bytes"
)
"""The gathering of one map's taps, see gathered_taps.py; `bits`: of a tap and group."""

POOL = _record("x out batch height width channels out_height out_width kh kw sh sw ph pw")
"""A pool over one map: its size, the size of the result, the window, its stride and padding."""

DEPTHWISE = _record("x out weights factors batch height width channels out_height out_width kh kw sh sw ph pw dh dw")
"""A depthwise convolution over one map: see POOL; `weights`: (kh, kw, C); `factors`: scale and bias, (2, C)."""


COUNTER = 64
"""Bytes from one of a task's counters to the next: a cache line, so that threads do not wait for each other's."""

TASK = _record("kernel argument scratch scratch_step counters")
"""A kernel of a job: its machine code, its record, the scratch of each thread, so many bytes apart, its counters."""

TEAM = _record("job open parts tasks n_tasks active")
"""What threads that wait for jobs watch, see kernels/team.py."""


class Place(NamedTuple):
    """Where a tile works: addresses of input, runs, weights and starting sums, and its block among the filters.

    table_offset: bytes of tables with one entry per filter before this block's. first_filter: of the block, in a pixel
    of the output. n_filters: of the block, those that exist.
    """

    x: Any
    runs: Any
    n_runs: Any
    weights: Any
    init: Any
    table_offset: Any
    first_filter: Any
    n_filters: Any


def offset_of(record: np.dtype, name: str) -> int:
    """Bytes from the start of a record to one of its fields."""
    return dict(record.fields or {})[name][1]  # pyright: ignore[reportArgumentType]


def field(e: Emitter, address, record: np.dtype, name: str, index=None) -> ir.Value:
    """LLVM code that loads a field of the record at `address`, or of the one so many records behind it."""
    offset = offset_of(record, name)
    if index is not None:
        address = e.offset(address, e.b.mul(index, ir.Constant(ir.IntType(64), record.itemsize)))
    return e.load(ir.IntType(64), e.offset(address, offset), 8)


@instruction
def record_at(typing, address, record):
    """The record of a dtype of this module at an address; its fields are read and written where they lie."""

    def emit(context, builder, signature, arguments):
        return Emitter(builder).load_address(arguments[0], context.get_value_type(record.dtype))

    return record.dtype(types.int64, record), emit
