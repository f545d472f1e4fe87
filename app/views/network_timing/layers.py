"""The layers of a packed network as the Network timing page lists them, and the layer that each op's time counts to."""

from dataclasses import dataclass
from typing import Any

from shared import speed_lab_link

from xnorlab.runtime import Network
from xnorlab.runtime.graph import infer_shapes
from xnorlab.zoo.layer_names import layer_names


@dataclass(frozen=True)
class Layer:
    """A layer with weights.

    Attributes:
        key: Its name, the same under every scheme of a network.
        shape: Its geometry in words: kernel, stride, channels, filters and output size; or "dense".
        speed_lab_query: The address that opens the Speed lab at this geometry; None where no control there fits it.
        speed_lab_padding: The padding that the Speed lab takes, where the layer's own is another one; else None.
    """

    key: str
    shape: str
    speed_lab_query: dict[str, str] | None = None
    speed_lab_padding: int | None = None


def layers_of(network: Network) -> tuple[Layer, ...]:
    """The layers with weights, in order of execution; raises ValueError where there are none."""
    if not any(op.weight_bits for op in network.ops):
        raise ValueError("This network has no layer with weights: there is nothing to time layer by layer.")
    return tuple(_by_op(network).values())


def layer_of_each_op(network: Network) -> dict[str, str]:
    """Op → the key of the layer that its time counts to: that of the last op with weights up to it.

    What stands before the first layer counts to that one.
    """
    layers = _by_op(network)
    keys, current = {}, next(iter(layers.values())).key
    for op in network.ops:
        if op.name in layers:
            current = layers[op.name].key
        keys[op.name] = current
    return keys


def _by_op(network: Network) -> dict[str, Layer]:
    """Op → its layer, for every op with weights."""
    shapes = infer_shapes(network.ops, network.input_shape)
    ops = [op for op in network.ops if op.weight_bits]
    keys = layer_names(op.name for op in ops)
    return {
        op.name: _convolution(keys[op.name], op, shapes[op.inputs[0]], shapes[op.name])
        if op.kind.endswith("conv")
        else Layer(keys[op.name], "dense")
        for op in ops
    }


def _convolution(key: str, op: Any, source: tuple[int, ...], output: tuple[int, ...]) -> Layer:
    """The layer of a convolution from maps of shape `source` to maps of shape `output`, both (height, width, channels).

    `op` is one of the runtime's convolutions, of whatever kind.
    """
    filters, height, width = (op.weight if op.weight_bits > 2 else op.words).shape[:3]
    stride = op.stride[0]
    per_stride = "" if stride == 1 else f"/{stride}"
    shape = f"{height}×{width}{per_stride} {op.in_channels}→{filters} @ {output[0]}"
    square = height == width and source[0] == source[1] and op.stride == (stride, stride)
    if not square or op.groups != 1 or op.dilation != (1, 1):
        return Layer(key, shape)
    query = speed_lab_link.query(channels=op.in_channels, filters=filters, size=source[0], kernel=height, stride=stride)
    padding = height // 2
    return Layer(key, shape, query, None if op.padding == (padding, padding) else padding)
