"""The loop that everyone writes first: a float32 convolution by seven nested loops, compiled by Numba."""

import numpy as np

from xnorlab.kernels.jit import kernel


@kernel
def convolve(x, weight, stride, padding, out):
    """X (B, H, W, C), weight (N, kh, kw, C), out (B, OH, OW, N), all float32; zero padding; int64 stride and padding.

    Input and weights are contiguous over channels, along which the inner loop runs; it adds in the written order.
    """
    batch, height, width, channels = x.shape
    filters, kernel_height, kernel_width, _ = weight.shape
    for b in range(batch):
        for oy in range(out.shape[1]):
            for ox in range(out.shape[2]):
                for n in range(filters):
                    total = np.float32(0)
                    for i in range(kernel_height):
                        y = oy * stride + i - padding
                        if y < 0 or y >= height:
                            continue
                        for j in range(kernel_width):
                            z = ox * stride + j - padding
                            if z < 0 or z >= width:
                                continue
                            for c in range(channels):
                                total += x[b, y, z, c] * weight[n, i, j, c]
                    out[b, oy, ox, n] = total
