"""What can be used in place of an op that cannot be packed."""

import re

ACCELERATE = (
    "export.accelerate(model) runs the binary layers of this model on the packed kernels where they stand, and all "
    "else in torch"
)

FORWARD = (
    "code without a branch, a loop or an int() on values of a tensor, since torch.fx runs a forward once, on a "
    "stand-in; torch.where chooses value by value"
)

GENERIC = (
    "an op that can be packed; or pack the model up to here, and compute this step and what follows it from the "
    "network's output"
)

_LINEAR_ALGEBRA = (
    "layers whose weights are parameters: a product of two values that both depend on the input has no op; attention "
    "stays outside of what is packed"
)
_RECURRENT = "the convolutions and matrices around it: recurrent layers have no op; pack the part before them"
_LAYOUT = "maps (N, C, H, W) throughout, with one flatten or a mean over the map before the classifier"
_CHOICE = "the logits as output: numpy chooses among them behind the network"
_SIGN = "xnorlab.binarize.ClippedSign, BiRealSign or RSign, whose values are −1 and +1, also for 0"
_BINARY = "an input binarizer of xnorlab.binarize, and a weight binarizer whose signs are −1 and +1"

_INSTEAD = {
    **dict.fromkeys(("argmax", "argmin", "topk", "sort", "argsort"), _CHOICE),
    **dict.fromkeys(("lstm", "gru", "rnn"), _RECURRENT),
    **dict.fromkeys(
        ("matmul", "bmm", "einsum", "mm", "baddbmm", "multiheadattention", "scaleddotproductattention"), _LINEAR_ALGEBRA
    ),
    **dict.fromkeys(("view", "reshape", "permute", "transpose", "unflatten", "rearrange"), _LAYOUT),
    **dict.fromkeys(("sign", "gt", "ge", "lt", "le", "heaviside"), _SIGN),
    **dict.fromkeys(("binaryconv", "binarylinear"), _BINARY),
    "conv1d": "a Conv2d with kernel (1, k) over maps (N, C, 1, L)",
    "batchnorm1d": "a BatchNorm1d on vectors (N, F), with running statistics",
    "batchnorm": "a norm with track_running_stats=True, whose statistics training has measured",
    "dropout": "dropout with training=self.training, which does nothing in evaluation",
    "embedding": "the embedded values as the network's input",
    "lppool": "an average or a maximum pool",
    "fractionalmaxpool": "a maximum pool with a fixed window",
}


def instead_of(op: str) -> str:
    """A sentence that says what can be used in place of `op`, a module class, function or method."""
    plain = re.sub(r"[^a-z0-9]", "", op.lower())
    return _INSTEAD.get(plain) or _INSTEAD.get(re.sub(r"\d+d$", "", plain)) or GENERIC
