"""Pooling over NHWC maps, with torch's semantics, and the input scale K of XNOR-Net."""

import numpy as np
from llvmlite import ir
from numba import types

from xnorlab.conventions import Size
from xnorlab.kernels.codegen.emitter import Emitter
from xnorlab.kernels.geometry import Window, feature_map, result
from xnorlab.kernels.jit import instruction, kernel, kernel_of_many


@instruction
def _reduce(typing, largest, lanes, x, row_bytes, rows, pixel_bytes, columns, divisor, out):
    """The largest value, or the sum over `divisor`, of a window's pixels for `lanes` channels; x, out: addresses.

    In registers: left to Numba's vectoriser every tap goes through memory, four times slower.
    """
    if not all(isinstance(t, types.Literal) for t in (largest, lanes)):
        return None
    keep_largest, n = largest.literal_value, lanes.literal_value

    def emit(context, builder, _, arguments):
        e, vector = Emitter(builder), ir.VectorType(ir.FloatType(), n)
        start, row_step, n_rows, pixel_step, n_columns, by, to = arguments[2:]

        def one_row(y, best):
            row = e.offset(e.address(start), builder.mul(y, row_step))
            return e.repeat(
                n_columns, best, lambda z, best: [one_tap(e.offset(row, builder.mul(z, pixel_step)), *best)]
            )

        def one_tap(address, best):
            value = e.load(vector, address, 4)
            if not keep_largest:
                return builder.fadd(best, value)
            is_nan = builder.fcmp_unordered("uno", value, value)  # a NaN wins and stays, as in torch
            return builder.select(builder.or_(is_nan, builder.fcmp_ordered(">", value, best)), value, best)

        best = ir.Constant(vector, [float("-inf") if keep_largest else 0.0] * n)
        (best,) = e.repeat(n_rows, [best], one_row)
        e.store(best if keep_largest else builder.fdiv(best, e.splat(by, n)), e.address(to), 4)
        return context.get_dummy_value()

    five = (types.int64,) * 5
    return types.void(largest, lanes, *five, types.float32, types.int64), emit


def _pooler(largest: int):
    @kernel_of_many("largest" if largest else "mean")
    def pool(x, out, kh, kw, sh, sw, ph, pw):
        _, height, width, channels = x.shape
        batch, oh, ow, _ = out.shape
        pixel, area = 4 * channels, np.float32(kh * kw)
        source, target = np.int64(x.ctypes.data), np.int64(out.ctypes.data)
        for b in range(batch):
            for i in range(oh):
                y = max(0, i * sh - ph)
                rows = min(height, i * sh - ph + kh) - y
                for j in range(ow):
                    z = max(0, j * sw - pw)
                    columns = min(width, j * sw - pw + kw) - z
                    start, to = (
                        source + ((b * height + y) * width + z) * pixel,
                        target + ((b * oh + i) * ow + j) * pixel,
                    )
                    c = 0
                    while c + 64 <= channels:
                        _reduce(largest, 64, start + 4 * c, width * pixel, rows, pixel, columns, area, to + 4 * c)
                        c += 64
                    while c + 8 <= channels:
                        _reduce(largest, 8, start + 4 * c, width * pixel, rows, pixel, columns, area, to + 4 * c)
                        c += 8
                    while c < channels:
                        _reduce(largest, 1, start + 4 * c, width * pixel, rows, pixel, columns, area, to + 4 * c)
                        c += 1

    return pool


_max_kernel, _mean_kernel = _pooler(1), _pooler(0)


@kernel
def _global_kernel(x, sums):
    """Sums over the map, float64 (B, C)."""
    batch, height, width, channels = x.shape
    for b in range(batch):
        to = sums[b]
        for y in range(height):
            for z in range(width):
                values = x[b, y, z]
                for c in range(channels):
                    to[c] += np.float64(values[c])


@instruction
def _magnitudes(typing, x, eights):
    """Sum of |x| over `eights` times eight floats at an address, in eight float64 lanes, then lane after lane."""

    def emit(context, builder, _, arguments):
        e = Emitter(builder)
        floats, doubles = ir.VectorType(ir.FloatType(), 8), ir.VectorType(ir.DoubleType(), 8)

        def add(i, sums):
            values = e.load(floats, e.offset(e.address(arguments[0]), builder.mul(i, ir.Constant(i.type, 32))), 4)
            return [builder.fadd(sums[0], builder.fpext(e.call("llvm.fabs.v8f32", floats, values), doubles))]

        (sums,) = e.repeat(arguments[1], [ir.Constant(doubles, [0.0] * 8)], add)
        return e.across(builder.fadd, sums)

    return types.float64(types.int64, types.int64), emit


@kernel
def _magnitude_kernel(x, sums):
    """Sums over channels of |x|, float64 (B, H, W)."""
    batch, height, width, channels = x.shape
    here = np.int64(x.ctypes.data)
    for b in range(batch):
        for y in range(height):
            for z in range(width):
                total = _magnitudes(here, channels // 8)
                for c in range(channels - channels % 8, channels):
                    total += np.float64(abs(x[b, y, z, c]))
                sums[b, y, z] = total
                here += 4 * channels


@kernel
def _box_kernel(sums, out, divisor, kh, kw, sh, sw, ph, pw, dh, dw):
    _, height, width = sums.shape
    batch, oh, ow = out.shape
    for b in range(batch):
        for i in range(oh):
            for j in range(ow):
                total = 0.0
                for k in range(kh):
                    for m in range(kw):
                        y, z = i * sh - ph + k * dh, j * sw - pw + m * dw
                        if 0 <= y < height and 0 <= z < width:
                            total += sums[b, y, z]
                out[b, i, j] = np.float32(total / divisor)


def _pool(run, x, kernel_size, stride, padding, out) -> np.ndarray:
    x = feature_map(x)
    window = Window.of(kernel_size, kernel_size if stride is None else stride, padding)
    if any(2 * p > k for k, p in zip(window.kernel, window.padding, strict=True)):
        raise ValueError(f"padding={padding!r} must be at most half of kernel={kernel_size!r}")
    out = result((x.shape[0], *window.output(x.shape[1], x.shape[2]), x.shape[3]), out)
    run(x, out, *window.kernel, *window.stride, *window.padding)
    return out


def max_pool(x, kernel: Size, stride: Size | None = None, padding: Size = 0, out=None) -> np.ndarray:
    """Largest value under the window; a padded border never wins. x: (B, H, W, C) float32; stride None = kernel."""
    return _pool(_max_kernel, x, kernel, stride, padding, out)


def avg_pool(x, kernel: Size, stride: Size | None = None, padding: Size = 0, out=None) -> np.ndarray:
    """Mean under the window, padded zeros counted (torch's count_include_pad=True). x: (B, H, W, C) float32."""
    return _pool(_mean_kernel, x, kernel, stride, padding, out)


def global_avg_pool(x, out=None) -> np.ndarray:
    """Mean over the map, summed in float64: (B, C) float32 from (B, H, W, C) float32, in `out` where given."""
    x = feature_map(x)
    out = result((x.shape[0], x.shape[3]), out)
    sums = np.zeros((x.shape[0], x.shape[3]))
    _global_kernel(x, sums)
    np.divide(sums, x.shape[1] * x.shape[2], out=out, casting="same_kind")
    return out


def input_scale_map(
    x, kernel, stride: Size = 1, padding: Size = 0, dilation: Size = 1, out: np.ndarray | None = None
) -> np.ndarray:
    """The input scale K of XNOR-Net (section 3.2): a box filter over A = mean over channels of |x|.

    x: (B, H, W, C) float32. K = A ∗ k with k = 1/(kh·kw) everywhere, zero padding; summed in float64, rounded
    once. Returns (B, OH, OW) float32, in `out` where given.
    """
    x = feature_map(x)
    window = Window.of(kernel, stride, padding, dilation)
    out = result((x.shape[0], *window.output(x.shape[1], x.shape[2])), out)
    sums = np.empty(x.shape[:3])
    _magnitude_kernel(x, sums)
    divisor = float(x.shape[3] * window.kernel[0] * window.kernel[1])
    _box_kernel(sums, out, divisor, *window.kernel, *window.stride, *window.padding, *window.dilation)
    return out
