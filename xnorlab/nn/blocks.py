"""Blocks of a network under any scheme: a convolution or matrix with its norm, activation, pool and shortcut."""

from collections import OrderedDict

from torch import Tensor, nn

from xnorlab.conventions import Size
from xnorlab.nn.binary_conv import BinaryConv2d
from xnorlab.nn.binary_linear import BinaryLinear
from xnorlab.nn.schemes import Scheme


def chain(**parts: nn.Module | None) -> nn.Sequential:
    """Sequence of named parts; the names stand in state dicts and packed files, and a part that is None is left out."""
    return nn.Sequential(OrderedDict((name, part) for name, part in parts.items() if part is not None))


def conv(
    scheme: Scheme, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0
) -> BinaryConv2d:
    """Convolution of a scheme, without bias: (N, C, H, W) → (N, out_channels, OH, OW)."""
    layer = BinaryConv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        weight_binarizer=scheme.weights and scheme.weights(out_channels),
        input_binarizer=scheme.inputs and scheme.inputs(in_channels),
        input_scale=scheme.input_scale,
    )
    _start_latent_(scheme, layer)
    return layer


def linear(scheme: Scheme, in_features: int, out_features: int, *, bias: bool = False) -> BinaryLinear:
    """Matrix layer of a scheme: (N, in_features) → (N, out_features)."""
    layer = BinaryLinear(
        in_features,
        out_features,
        bias,
        weight_binarizer=scheme.weights and scheme.weights(out_features),
        input_binarizer=scheme.inputs and scheme.inputs(in_features),
    )
    _start_latent_(scheme, layer)
    return layer


def _start_latent_(scheme: Scheme, layer: BinaryConv2d | BinaryLinear) -> None:
    if scheme.latent_limit is not None:
        nn.init.uniform_(layer.weight, -scheme.latent_limit, scheme.latent_limit)


def first_conv(
    scheme: Scheme, out_channels: int, kernel_size: int, stride: int, padding: int
) -> nn.Conv2d | BinaryConv2d | nn.Sequential:
    """First convolution, over RGB: (N, 3, H, W) → (N, out_channels, OH, OW).

    It stays real under every named system, since it holds 1 % of the weights and its input has only three channels
    (XNOR-Net, section 4). With `binary_ends` it is the scheme's own, behind a norm where its inputs are binary.
    """
    if scheme.binary_ends:
        layer = conv(scheme, 3, out_channels, kernel_size, stride, padding)
        return layer if scheme.inputs is None else chain(norm=nn.BatchNorm2d(3), conv=layer)
    layer = nn.Conv2d(3, out_channels, kernel_size, stride, padding, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
    return layer


def classifier(scheme: Scheme, in_features: int, num_classes: int) -> nn.Module:
    """Last matrix, with bias: (N, in_features) → (N, num_classes). It is real unless the scheme has `binary_ends`."""
    if not scheme.binary_ends:
        return nn.Linear(in_features, num_classes)
    layer = linear(scheme, in_features, num_classes, bias=True)
    return layer if scheme.inputs is None else chain(norm=nn.BatchNorm1d(in_features), linear=layer)


def activation(scheme: Scheme, channels: int) -> nn.Module:
    """Activation behind a norm: the scheme's real one, or hard-tanh where the sign is the only nonlinearity.

    Hard-tanh changes no sign, and a maximum of clipped values has the sign of a maximum of signs. So
    conv → norm → hard-tanh → pool → sign computes the paper's C-B-A-P exactly, while the gradient keeps every
    estimator's slope: Bi-Real's is 0 at ±1, the values that a sign in this place would feed it.
    """
    return nn.Hardtanh() if scheme.activation is None else scheme.activation(channels)


def conv_block(
    scheme: Scheme,
    in_channels: int,
    out_channels: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    *,
    pool: nn.Module | None = None,
) -> nn.Sequential:
    """Convolution with its norm, activation and pool, in the scheme's order.

    - conv-norm-act: convolution → BatchNorm → activation → pool.
    - norm-sign-conv: BatchNorm → sign → convolution → pool. The sign is part of the layer. There is no real activation,
      and pooling takes real sums: a maximum of signs would be mostly +1.
    Source: XNOR-Net, section 3.2 "Training XNOR-Networks", Table 3b.
    """
    layer = conv(scheme, in_channels, out_channels, kernel_size, stride, padding)
    if scheme.order == "conv-norm-act":
        norm = nn.BatchNorm2d(out_channels) if scheme.norm else None
        return chain(conv=layer, norm=norm, act=activation(scheme, out_channels), pool=pool)
    return chain(norm=nn.BatchNorm2d(in_channels), conv=layer, pool=pool)


def first_block(
    scheme: Scheme,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    *,
    pool: nn.Module | None = None,
) -> nn.Sequential:
    """First convolution, over RGB, with its norm, activation and pool, in the scheme's order.

    Under norm-sign-conv the next block brings the norm and the sign.
    """
    layer = first_conv(scheme, out_channels, kernel_size, stride, padding)
    if scheme.order == "conv-norm-act":
        return chain(conv=layer, norm=nn.BatchNorm2d(out_channels), act=activation(scheme, out_channels), pool=pool)
    return chain(conv=layer, pool=pool)


def dense_block(scheme: Scheme, in_features: int, out_features: int) -> nn.Sequential:
    """Matrix with its norm and activation, in the scheme's order, as in `conv_block`: (N, F) → (N, out_features)."""
    layer = linear(scheme, in_features, out_features)
    if scheme.order == "conv-norm-act":
        norm = nn.BatchNorm1d(out_features) if scheme.norm else None
        return chain(linear=layer, norm=norm, act=activation(scheme, out_features))
    return chain(norm=nn.BatchNorm1d(in_features), linear=layer)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with real shortcuts (He et al. 2016; Bi-Real Net, figure 3; ReActNet, figure 5).

    - Real inputs: conv → norm → act → conv → norm, + shortcut, → act.
    - norm-sign-conv: norm → sign → conv (→ norm → sign → conv), + shortcut; nothing stands between the
      convolution's output and the sum, so that α alone gives the two a common scale.
    - Bi-Real and ReActNet: sign → conv → norm, + shortcut, → act.
    Unless `down` is given, a shortcut that changes shape averages 2×2 pixels and mixes channels by a real 1×1
    convolution.

    Args:
        scheme: of both convolutions.
        in_channels: of the block's input.
        out_channels: of the block's output.
        stride: of the first convolution.
        every_conv: a shortcut around each convolution instead of one around the pair; None is the scheme's
            `shortcut_every_conv`.
        down: shortcut of a block that changes shape; None is the one above.
    """

    def __init__(
        self,
        scheme: Scheme,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        every_conv: bool | None = None,
        down: nn.Module | None = None,
    ):
        super().__init__()
        every_conv = scheme.shortcut_every_conv if every_conv is None else every_conv
        first = branch(scheme, in_channels, out_channels, 3, stride)
        second = branch(scheme, out_channels, out_channels, 3, 1)
        if stride == 1 and in_channels == out_channels:
            down = nn.Identity()
        elif down is None:
            down = _down(in_channels, out_channels, stride)
        if every_conv:
            steps = [
                Residual(first, down, after_sum(scheme, out_channels)),
                Residual(second, nn.Identity(), after_sum(scheme, out_channels)),
            ]
        else:
            between = activation(scheme, out_channels) if scheme.order == "conv-norm-act" else None
            both = chain(first=first, act=between, second=second)
            steps = [Residual(both, down, after_sum(scheme, out_channels))]
        self.steps = nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, in_channels, H, W) → (N, out_channels, H/stride, W/stride)."""
        return self.steps(x)


class Residual(nn.Module):
    """A sum of two branches and what stands behind it: end(branch(x) + shortcut(x)).

    Args:
        branch: computes.
        shortcut: carries the input on, to the branch's shape.
        end: takes the sum.
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module, end: nn.Module):
        super().__init__()
        self.branch, self.shortcut, self.end = branch, shortcut, end

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, C, H, W) → what `end` makes of a sum in the branch's shape."""
        return self.end(self.branch(x) + self.shortcut(x))


def branch(scheme: Scheme, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> nn.Sequential:
    """Convolution with its norm, for a sum: conv → norm, or norm → sign → conv, in the scheme's order.

    The border is half the kernel: (N, in_channels, H, W) → (N, out_channels, H/stride, W/stride).
    """
    layer = conv(scheme, in_channels, out_channels, kernel_size, stride, kernel_size // 2)
    if scheme.order == "conv-norm-act":
        return chain(conv=layer, norm=nn.BatchNorm2d(out_channels) if scheme.norm else None)
    return chain(norm=nn.BatchNorm2d(in_channels), conv=layer)


def after_sum(scheme: Scheme, channels: int) -> nn.Module:
    """Activation behind a sum of branches: the scheme's real one, or none.

    Without a real one the next block's sign is the only nonlinearity, and the sum must reach it unclipped.
    """
    return scheme.activation(channels) if scheme.activation is not None else nn.Identity()


def _down(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    # The last row and column of an odd map form windows of their own, as in the strided convolution of the branch.
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True) if stride > 1 else None
    return chain(pool=pool, conv=nn.Conv2d(in_channels, out_channels, 1, bias=False), norm=nn.BatchNorm2d(out_channels))
