"""Input scale K of XNOR-Networks."""

import torch
from torch import Tensor
from torch.nn import functional as F

from xnorlab.conventions import pair


def input_scale(
    x: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    *,
    exact: bool = False,
) -> Tensor:
    """K = A ∗ k, with A the mean of |x| over channels and k a box filter of value 1/(w·h).

    K is the factor of each output position in x ∗ W ≈ (sign(x) ⊛ sign(W)) ⊙ K·α. It is differentiable.
    Source: XNOR-Net, section 3.2, eq. 11 and figure 2.

    Args:
        x: (N, C, H, W) real, before its sign.
        kernel_size: (kh, kw) of the convolution, or one int for both.
        stride: of the convolution.
        padding: of the convolution; the border counts as zeros here, too.
        dilation: of the convolution.
        exact: sum in float64 and round once, so that the result does not depend on the order of the additions.
            Evaluation needs this: a difference in the last bit could flip a later sign.

    Returns:
        (N, 1, OH, OW), in the dtype of x.
    """
    kh, kw = pair(kernel_size, "kernel_size", 1)
    dtype = torch.float64 if exact else x.dtype
    a = x.abs().mean(1, keepdim=True, dtype=dtype)
    box = torch.full((1, 1, kh, kw), 1.0 / (kh * kw), dtype=dtype, device=x.device)
    return F.conv2d(a, box, stride=stride, padding=padding, dilation=dilation).to(x.dtype)
