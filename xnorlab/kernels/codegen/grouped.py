"""Sums of real products where a vector register holds filters of several groups.

A convolution of 32 groups of four channels has four filters that see the same input: a tile that spreads one input over
a whole register would leave most of it unused. Here a register of L filters loads the L channels that they see, and a
shuffle gives each filter channel k of its own group:

    channels   a0 a1 a2 a3  b0 b1 b2 b3  …
    step k=1   a1 a1 a1 a1  b1 b1 b1 b1  …   times weight k=1 of each filter
"""

from llvmlite import ir

from xnorlab.kernels.codegen.emitter import Emitter
from xnorlab.kernels.codegen.processor import COLUMNS, VectorUnit

_F32 = ir.FloatType()


class GroupedReal:
    """Code for `rows` pixels; a step of the tile is one tap.

    Args:
        emitter: where to.
        unit: the vector unit.
        rows: pixels.
        width: channels of a group, and as many filters; it divides the lanes of a register.
        n_filters: of the block, those that exist: the channels beside them may not be read.
    """

    def __init__(self, emitter: Emitter, unit: VectorUnit, rows: int, width: int, n_filters):
        self.e, self.b, self.rows, self.width = emitter, emitter.b, rows, width
        self.lanes, self.filters = unit.bits // 32, unit.float_filters
        self.vector = ir.VectorType(_F32, self.lanes)
        self.x_step, self.w_step = 4 * width, 4 * self.filters * width
        self.out_lanes = self.lanes
        self.masks = emitter.lanes_below(n_filters, self.lanes, COLUMNS)

    def zero(self):
        """The state before the first step: a sum for each pixel and vector of filters."""
        return [ir.Constant(self.vector, [0.0] * self.lanes)] * (self.rows * COLUMNS)

    def _spread(self, values, k: int):
        """Channel k of each group, for all filters of the group."""
        from_lanes = [i // self.width * self.width + k for i in range(self.lanes)]
        return self.b.shuffle_vector(values, values, ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), from_lanes))

    def step(self, x, weights, state):
        """The state after one tap; x: the address of each pixel's channels, weights: of the tap's."""
        at = [[self.e.offset(p, 4 * v * self.lanes) for v in range(COLUMNS)] for p in x]
        values = [[self.e.load_masked(self.vector, a, m) for a, m in zip(row, self.masks, strict=True)] for row in at]
        sums = list(state)
        for k in range(self.width):
            for v in range(COLUMNS):
                weight = self.e.load(self.vector, self.e.offset(weights, 4 * (k * self.filters + v * self.lanes)), 4)
                for m in range(self.rows):
                    i = m * COLUMNS + v
                    arguments = (self._spread(values[m][v], k), weight, sums[i])
                    sums[i] = self.e.call(f"llvm.fma.v{self.lanes}f32", self.vector, *arguments)
        return sums

    def finish(self, state, m, init):
        """The sums of pixel m."""
        return state[m * COLUMNS : (m + 1) * COLUMNS]
