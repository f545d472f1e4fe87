"""The binary convolutions of an XNOR network, with what a photo sends into each."""

import numpy as np
from shared import cached, networks
from shared.photos import Photo

from xnorlab.benchmark import ConvShape
from xnorlab.runtime.ops import BinaryConv
from xnorlab.zoo.layer_names import layer_names


def feature_maps(photo: Photo, family: str) -> dict[str, tuple[ConvShape, np.ndarray]]:
    """The convolutions of the family's XNOR network.

    Returns:
        Layer's name → its shape, and its input on `photo`, float32 (1, H, W, C).

    Raises:
        ValueError: The network cannot be loaded.
    """
    network = cached.network(networks.name(family, "xnor"))
    values = network.values([photo.pixels])
    names = layer_names(op.name for op in network.ops if op.weight_bits)
    layers = {}
    for op in network.ops:
        if isinstance(op, BinaryConv):
            x = values[op.inputs[0]]
            filters, kernel = op.words.shape[:2]
            shape = ConvShape(
                channels=op.channels,
                size=x.shape[1],
                filters=filters,
                kernel=kernel,
                stride=op.stride[0],
                padding=op.padding[0],
                pad_value=op.pad_value,
            )
            layers[names[op.name]] = shape, x
    return layers
