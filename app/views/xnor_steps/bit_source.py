"""Real bits: what a photo sends into a layer of an XNOR network, and a filter's weights, where they meet."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from shared import cached
from shared.photos import Photo

from views.scaling_factors import approximation

if TYPE_CHECKING:
    from xnorlab.nn import BinaryConv2d


def layers(name: str) -> "Mapping[str, BinaryConv2d]":
    """The binary convolutions of the network `name`; raises ValueError where it cannot be loaded."""
    return cached.torch_network(name)[1]


def take(photo: Photo, name: str, layer: str, filter_: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `most` channels of the middle pixel as the layer's signs, (n,), and of the filter's middle tap."""
    module = layers(name)[layer]
    x = approximation.layer_input(photo, name, layer)
    signs = module.input_binarizer(x) if module.input_binarizer is not None else x
    _, _, height, width = x.shape
    kh, kw = module.kernel_size
    weights = module.weight.detach()[filter_, :, kh // 2, kw // 2]
    return signs[0, :most, height // 2, width // 2].numpy(), weights[:most].numpy()
