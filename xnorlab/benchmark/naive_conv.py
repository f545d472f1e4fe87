"""The naive float32 convolution: seven nested loops, compiled by Numba."""

import numpy as np

from xnorlab.kernels.jit import kernel


@kernel
def convolve(x, weight, stride, padding, out):
    """Convolve `x` with `weight` into `out`, with zero padding.

    The innermost loop runs over the channels, which are contiguous, and adds in that order.

    Args:
        x: float32 (B, H, W, C).
        weight: float32 (N, kh, kw, C / groups).
        stride: int64.
        padding: int64, on each side.
        out: float32 (B, OH, OW, N), overwritten.
    """
    batch, height, width, every = x.shape
    filters, kernel_height, kernel_width, channels = weight.shape
    groups = every // channels
    for b in range(batch):
        for oy in range(out.shape[1]):
            for ox in range(out.shape[2]):
                for n in range(filters):
                    total, first = np.float32(0), n * groups // filters * channels
                    for i in range(kernel_height):
                        y = oy * stride + i - padding
                        if y < 0 or y >= height:
                            continue
                        for j in range(kernel_width):
                            z = ox * stride + j - padding
                            if z < 0 or z >= width:
                                continue
                            for c in range(channels):
                                total += x[b, y, z, first + c] * weight[n, i, j, c]
                    out[b, oy, ox, n] = total
