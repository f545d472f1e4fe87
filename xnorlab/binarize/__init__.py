"""The paper's maths, in torch: signs and their gradients, weight scales, input scales."""

from xnorlab.binarize.input_scale import input_scale
from xnorlab.binarize.sign import (
    BiRealSign,
    ClippedSign,
    KBit,
    RSign,
    quantize,
    sign,
    sign_bireal,
    sign_clipped,
    stochastic_sign,
)
from xnorlab.binarize.weight_scale import (
    LearnedScale,
    MeanScale,
    Sign,
    StochasticSign,
    WeightBinarizer,
    approximation_error,
    centre_latent_,
    clip_latent_,
    exact_gradient,
    weight_scale,
)

__all__ = [
    "BiRealSign", "ClippedSign", "KBit", "LearnedScale", "MeanScale", "RSign", "Sign", "StochasticSign",
    "WeightBinarizer", "approximation_error", "centre_latent_", "clip_latent_", "exact_gradient", "input_scale",
    "quantize", "sign", "sign_bireal", "sign_clipped", "stochastic_sign", "weight_scale",
]  # fmt: skip
