"""Packed signs as the tables that a convolution by lookup reads, see codegen/lookup.py.

A table serves four channels of two pixels. These lie half a batch apart, or half a map: each tap of a window is then as
far from the one as from the other, whatever the window, and a pixel needs one table only. The border is there as tables
of its own.
"""

from dataclasses import dataclass

import numpy as np

from xnorlab.kernels.codegen.lookup import NIBBLE, TABLE_BYTES, lay_table, lay_word
from xnorlab.kernels.codegen.memory import atomic_load, fetch_and_add, load_int
from xnorlab.kernels.codegen.records import COUNTER, LAYING, PIXEL, record_at
from xnorlab.kernels.filter_blocks import aligned
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.team import Job
from xnorlab.kernels.traversal import Layout, Traversal, records

_BORDER, _BORDER_END, _VALUES = 16, 17, 18
"""Where, among the tables of the 16 values, those of a padded pixel stand: of four channels, and of its last ones."""


def nibbles(channels: int) -> int:
    """Tables that hold so many channels."""
    return -(-channels // NIBBLE)


def value_tables(per_group: int, pad_value: int) -> np.ndarray:
    """How many of a value's signs differ from those of each nibble of weights.

    A padded pixel of value 0 differs in half of its channels, which adds nothing to the sum: channels − 2 · differing.

    Args:
        per_group: channels of a group; even where pad_value is 0 and there is a border.
        pad_value: what the border holds, −1, 0 or +1.

    Returns:
        uint8 (2, 18, 16): for the first pixel of a pair, and shifted into the upper half of the byte for its second;
        the 16 values, then the border's.
    """
    differing = np.array([[(x ^ w).bit_count() for w in range(16)] for x in range(16)], np.uint8)
    tables = aligned((2, _VALUES, TABLE_BYTES), np.uint8)
    tables[0, :16] = differing
    for place, channels in ((_BORDER, NIBBLE), (_BORDER_END, (per_group - 1) % NIBBLE + 1)):
        ones = (1 << channels) - 1
        tables[0, place] = channels // 2 if pad_value == 0 else differing[ones if pad_value == 1 else 0]
    tables[1] = tables[0] << 4
    return tables


@dataclass(frozen=True)
class Pairing:
    """Which output pixels of maps of one shape (B, H, W, C) share their bytes, and how their tables lie.

    Attributes:
        output: (OH, OW).
        images: maps of tables.
        rows, columns: of such a map, with the border.
        second_image, second_row: how far a pair's second pixel lies behind its first, in images and rows of the input.
        half: rows of output in a map of tables.
    """

    output: tuple[int, int]
    images: int
    rows: int
    columns: int
    second_image: int
    second_row: int
    half: int

    @classmethod
    def of(cls, window: Window, batch: int, height: int, width: int) -> "Pairing":
        """Half a batch apart where that is a whole number of images, else half a map."""
        output = window.output(height, width)
        by_image = batch % 2 == 0
        half = output[0] if by_image else -(-output[0] // 2)
        rows = (half - 1) * window.stride[0] + (window.kernel[0] - 1) * window.dilation[0] + 1
        columns = width + 2 * window.padding[1]
        if by_image:
            return cls(output, batch // 2, rows, columns, batch // 2, 0, half)
        return cls(output, batch, rows, columns, 0, half * window.stride[0], half)

    def size(self, layout: Layout) -> int:
        """Bytes of all tables."""
        return self.images * self.rows * self.columns * layout.pixel_bytes

    def traversal(self, window: Window, layout: Layout) -> Traversal:
        """Every pixel sees all taps; `pixels` has two entries for each pair, index −1 for what lies below the map."""
        free = Window(window.kernel, window.stride, (0, 0), window.dilation)
        traversal = Traversal(free, layout, self.images, self.rows, self.columns)
        (oh, ow), half = self.output, self.half
        image, rest = np.divmod(traversal.pixels["index"], half * ow)
        y, x = np.divmod(rest, ow)
        y2 = y if self.second_image else y + half
        first, second = ((i * oh + row) * ow + x for i, row in ((image, y), (image + self.second_image, y2)))
        starts = traversal.pixels["x_offset"]
        pairs = np.stack([starts, first, starts, np.where(y2 < oh, second, -1)], axis=1)
        traversal.pixels, traversal.output = records(pairs, PIXEL), self.output
        return traversal


@kernel
def _lay_kernel(address, scratch, counters, part, parts):
    """Lay the tables of all rows, which threads with the same record share; none returns before all are done.

    address: of a LAYING; see `team.Job`.
    """
    call = record_at(address, LAYING)
    height, width, rows, columns = call.height, call.width, call.rows, call.columns
    groups, per_group, pad_rows, pad_columns = call.groups, call.per_group, call.pad_rows, call.pad_columns
    group_words, group_tables = (per_group + 63) // 64, (per_group + NIBBLE - 1) // NIBBLE
    end_shift = np.uint64(NIBBLE * ((group_tables - 1) % 16))
    pixel_words = groups * group_words
    low, high = call.values, call.values + _VALUES * TABLE_BYTES
    n_tasks, done = call.images * rows, counters + COUNTER * parts
    for turn in range(parts):
        owner = (part + turn) % parts
        counter = counters + COUNTER * owner
        first, last = n_tasks * owner // parts, n_tasks * (owner + 1) // parts
        task = first + fetch_and_add(counter, 1)
        while task < last:
            image, row = task // rows, task % rows - pad_rows
            second_row = row + call.second_row
            to = call.tables + TABLE_BYTES * task * columns * groups * group_tables
            words = call.words + 8 * (image * height + row) * width * pixel_words
            second_words = call.words + 8 * ((image + call.second_image) * height + second_row) * width * pixel_words
            for column in range(-pad_columns, columns - pad_columns):
                across = 0 <= column < width
                inside, second_inside = across and 0 <= row < height, across and 0 <= second_row < height
                # Outside the map, with a word of zeros: the border's first table.
                values = low if inside else low + TABLE_BYTES * _BORDER
                second_values = high if second_inside else high + TABLE_BYTES * _BORDER
                at = 8 * column * pixel_words
                for _ in range(groups):
                    word, second_word = np.uint64(0), np.uint64(0)
                    left = group_tables
                    for _ in range(group_words):
                        word = np.uint64(load_int(words + at)) if inside else np.uint64(0)
                        second_word = np.uint64(load_int(second_words + at)) if second_inside else np.uint64(0)
                        at += 8
                        if left >= 16:
                            lay_word(to, word, second_word, values, second_values)
                            to, left = to + 16 * TABLE_BYTES, left - 16
                        else:
                            for n in range(left):
                                shift = np.uint64(NIBBLE * n)
                                table = values + TABLE_BYTES * np.int64((word >> shift) & np.uint64(15))
                                second_table = second_values + TABLE_BYTES * np.int64(
                                    (second_word >> shift) & np.uint64(15)
                                )
                                lay_table(to, table, second_table)
                                to += TABLE_BYTES
                    if per_group % NIBBLE and not (inside and second_inside):  # the border's last table is another one
                        end, second_end = values + TABLE_BYTES, second_values + TABLE_BYTES
                        if inside:
                            end = low + TABLE_BYTES * np.int64((word >> end_shift) & np.uint64(15))
                        if second_inside:
                            second_end = high + TABLE_BYTES * np.int64((second_word >> end_shift) & np.uint64(15))
                        lay_table(to - TABLE_BYTES, end, second_end)
            fetch_and_add(done, 1)
            task = first + fetch_and_add(counter, 1)
    while atomic_load(done) < n_tasks:  # what is missing has been taken by a thread that runs
        pass


@kernel
def _start(address, words, tables):
    call = record_at(address, LAYING)
    call.words, call.tables = words, tables


class Laying:
    """The laying of tables from packed words of one shape, in plain order.

    It runs as often as wanted, never twice at once.

    Args:
        pairing: of the shape.
        window: of the convolution.
        size: (H, W) of the input.
        groups: of the convolution.
        per_group: channels of a group.
        values: `value_tables`; kept.

    Attributes:
        job: the work of a run.
    """

    def __init__(self, pairing: Pairing, window: Window, size: tuple[int, int], groups: int, per_group: int, values):
        self._values, self._record = values, np.zeros(1, LAYING)
        self._address = self._record.ctypes.data
        self.job = Job((_lay_kernel, self._record))
        fields = {
            "values": values.ctypes.data,
            "images": pairing.images,
            "rows": pairing.rows,
            "columns": pairing.columns,
            "height": size[0],
            "width": size[1],
            "pad_rows": window.padding[0],
            "pad_columns": window.padding[1],
            "second_image": pairing.second_image,
            "second_row": pairing.second_row,
            "groups": groups,
            "per_group": per_group,
        }
        for name, value in fields.items():
            self._record[name] = value

    def prepare(self, words: int, tables: int) -> None:
        """Set the addresses of words and tables before a run."""
        _start(self._address, words, tables)

    def run(self, words: int, tables: int, threads: int = 1) -> None:
        """Lay the tables at address `tables` from the words at address `words`."""
        self.prepare(words, tables)
        self.job.run(threads)
