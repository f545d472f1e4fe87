"""Binarization in torch: signs and their gradients, weight scales, ternary weights, input scales."""

from xnorlab.binarize.estimators import ESTIMATORS, EstimatedSign, Estimator, forward_and_gradient, integral_from_zero
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
    sign_identity,
    stochastic_sign,
)
from xnorlab.binarize.ternary import AbsMeanTernary, TernaryBinarizer, ThresholdTernary, ternary
from xnorlab.binarize.weight_scale import (
    LearnedScale,
    MeanScale,
    Sign,
    StochasticSign,
    WeightBinarizer,
    approximation_error,
    clip_latent_,
    exact_gradient,
    weight_scale,
)

__all__ = [
    "ESTIMATORS",
    "AbsMeanTernary",
    "BiRealSign",
    "ClippedSign",
    "EstimatedSign",
    "Estimator",
    "KBit",
    "LearnedScale",
    "MeanScale",
    "RSign",
    "Sign",
    "StochasticSign",
    "TernaryBinarizer",
    "ThresholdTernary",
    "WeightBinarizer",
    "approximation_error",
    "clip_latent_",
    "exact_gradient",
    "forward_and_gradient",
    "input_scale",
    "integral_from_zero",
    "quantize",
    "sign",
    "sign_bireal",
    "sign_clipped",
    "sign_identity",
    "stochastic_sign",
    "ternary",
    "weight_scale",
]
