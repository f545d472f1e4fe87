"""Named systems (BinaryConnect, BWN, XNOR-Net, …) as data: what is binary, how it is scaled, in which order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from xnorlab.binarize import (
    AbsMeanTernary,
    BiRealSign,
    ClippedSign,
    MeanScale,
    RSign,
    Sign,
    StochasticSign,
    ThresholdTernary,
    WeightBinarizer,
)
from xnorlab.nn.rprelu import RPReLU

Order = Literal["conv-norm-act", "norm-sign-conv"]


@dataclass(frozen=True)
class Scheme:
    """One system: which parts of a layer are binary, how they are scaled, and in which order they stand.

    Attributes:
        name: key by which it is chosen.
        title: name to print.
        source: the paper.
        weights: makes a weight binarizer from the number of filters; None keeps weights real.
        inputs: makes an input binarizer from the number of input channels; None keeps inputs real.
        activation: makes a real activation from the number of channels; None where the sign is the only nonlinearity.
        input_scale: multiply by K (XNOR-Net, eq. 11).
        order: "conv-norm-act" (the paper's C-B-A-P) or "norm-sign-conv" (B-A-C-P), XNOR-Net's Table 3b.
        shortcut_every_conv: a residual network has a real shortcut around each convolution instead of each pair.
        clip_latent: training clips latent weights to [−1, 1] after each step.
        latent_limit: latent weights start uniformly in ±latent_limit; None is Kaiming's rule.
        norm: each convolution but the first has a BatchNorm. Only a scheme with real inputs may go without.
        binary_ends: the first convolution and the last matrix are binary, too.

    Raises:
        ValueError: the order is unknown, or two attributes contradict each other.
    """

    name: str
    title: str
    source: str
    weights: Callable[[int], WeightBinarizer] | None = None
    inputs: Callable[[int], nn.Module] | None = None
    activation: Callable[[int], nn.Module] | None = None
    input_scale: bool = False
    order: Order = "conv-norm-act"
    shortcut_every_conv: bool = False
    clip_latent: bool = False
    latent_limit: float | None = None
    norm: bool = True
    binary_ends: bool = False

    def __post_init__(self):
        if self.order not in ("conv-norm-act", "norm-sign-conv"):
            raise ValueError(f"order={self.order!r} must be 'conv-norm-act' or 'norm-sign-conv'")
        if self.input_scale and self.inputs is None:
            raise ValueError(f"scheme {self.name!r}: input_scale needs binary inputs")
        if not self.norm and self.inputs is not None:
            raise ValueError(f"scheme {self.name!r}: norm=False needs real inputs, since a norm feeds every sign")


def _relu(channels: int) -> nn.Module:
    return nn.ReLU()


_BC = "Courbariaux, Bengio, David 2015, BinaryConnect"
_BNN = "Hubara, Courbariaux, Soudry, El-Yaniv, Bengio 2016, Binarized Neural Networks"
_XNOR = "Rastegari, Ordonez, Redmon, Farhadi 2016, XNOR-Net"

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("float", "full precision", "–", activation=_relu),
        Scheme("binaryconnect", "BinaryConnect", _BC, weights=lambda n: Sign(), activation=_relu, clip_latent=True),
        Scheme(
            "binaryconnect-stochastic",
            "BinaryConnect (stochastic)",
            _BC,
            weights=lambda n: StochasticSign(),
            activation=_relu,
            clip_latent=True,
            # p(+1) = (W + 1)/2 is 0.5 for every small W: from Kaiming's start nothing was learned.
            latent_limit=1.0,
        ),
        Scheme(
            "bnn",
            "BNN",
            _BNN,
            weights=lambda n: Sign(),
            inputs=lambda c: ClippedSign(),
            order="norm-sign-conv",
            clip_latent=True,
        ),
        Scheme("bwn", "BWN", _XNOR, weights=lambda n: MeanScale(), activation=_relu),
        Scheme(
            "xnor", "XNOR", _XNOR, weights=lambda n: MeanScale(), inputs=lambda c: ClippedSign(), order="norm-sign-conv"
        ),
        Scheme(
            "xnor-k",
            "XNOR with K",
            _XNOR,
            weights=lambda n: MeanScale(),
            inputs=lambda c: ClippedSign(),
            input_scale=True,
            order="norm-sign-conv",
        ),
        Scheme(
            "bireal",
            "Bi-Real",
            "Liu, Wu, Luo, Yang, Liu, Cheng 2018, Bi-Real Net",
            weights=lambda n: MeanScale(detach=True),
            inputs=lambda c: BiRealSign(),
            order="conv-norm-act",
            shortcut_every_conv=True,
        ),
        Scheme(
            "reactnet",
            "ReActNet",
            "Liu, Shen, Savvides, Cheng 2020, ReActNet",
            weights=lambda n: MeanScale(detach=True),
            inputs=RSign,
            activation=RPReLU,
            order="conv-norm-act",
            shortcut_every_conv=True,
        ),
        Scheme(
            "ternary",
            "Ternary",
            "Ma et al. 2024, The Era of 1-bit LLMs (BitNet b1.58)",
            weights=lambda n: AbsMeanTernary(),
            activation=_relu,
        ),
        Scheme(
            "ternary-twn",
            "TWN",
            "Li, Zhang, Liu 2016, Ternary Weight Networks",
            weights=lambda n: ThresholdTernary(),
            activation=_relu,
        ),
    )
}
