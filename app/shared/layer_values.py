"""The binary convolutions of a torch network, and the values that a photo sends into one of them."""

from typing import TYPE_CHECKING

from shared import cached
from shared.photos import Photo

if TYPE_CHECKING:
    from torch import Tensor

    from xnorlab.nn import BinaryConv2d


def binary_layers(name: str) -> "dict[str, BinaryConv2d]":
    """The convolutions with binary weights of the network `name`: layer's name → module.

    Raises:
        ValueError: The network cannot be loaded.
    """
    return cached.torch_network(name)[1]


def layer_input(photo: Photo, name: str, layer: str) -> "Tensor":
    """The input of the convolution `layer` of the network `name` when it classifies `photo`: (1, C, H, W)."""
    import torch

    from xnorlab.nn import layer_inputs

    model, layers = cached.torch_network(name)
    pixels = cached.preprocessing(name)([photo.pixels])
    return layer_inputs(model, torch.from_numpy(pixels).permute(0, 3, 1, 2))[layers[layer]]
