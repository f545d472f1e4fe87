"""Memory of a network's packed weights, binary or ternary: their bytes in the file and in memory, beside float32."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorlab.conventions import times_smaller
from xnorlab.runtime import Network
from xnorlab.runtime.ops import (
    BinaryConv,
    BinaryLinear,
    BinaryWeightConv,
    BinaryWeightLinear,
    Op,
    TernaryWeightConv,
    TernaryWeightLinear,
)

BINARY_LAYERS = BinaryConv, BinaryWeightConv, BinaryLinear, BinaryWeightLinear
TERNARY_LAYERS = TernaryWeightConv, TernaryWeightLinear


@dataclass(frozen=True)
class PackedMemory:
    """Memory of the binary or the ternary weights of a network, without α and thresholds.

    Attributes:
        weights: Number of weights.
        file_bytes: Bytes in the packed file, where each filter position takes whole words.
        resident_bytes: Bytes in memory, where the kernels keep them in whole tiles of filters.
    """

    weights: int
    file_bytes: int
    resident_bytes: int

    @property
    def float32_bytes(self) -> int:
        """Bytes of the weights in float32."""
        return 4 * self.weights

    @property
    def file_ratio(self) -> float:
        """How many times smaller than float32 they are in the file: 32 (ternary: 16), or less if words are not full."""
        return times_smaller(self.float32_bytes, self.file_bytes)

    @property
    def resident_ratio(self) -> float:
        """How many times smaller than float32 they are in memory."""
        return times_smaller(self.float32_bytes, self.resident_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, the bytes in float32 and the ratios as values that JSON can hold."""
        names = ("weights", "file_bytes", "resident_bytes", "float32_bytes", "file_ratio", "resident_ratio")
        return {name: getattr(self, name) for name in names}


def binary_memory(network: Network) -> PackedMemory | None:
    """Add up the memory of all layers of `network` with weights of −1 and +1; None if it has none."""
    return _memory(network, BINARY_LAYERS)


def ternary_memory(network: Network) -> PackedMemory | None:
    """Add up the memory of all layers of `network` with weights of −1, 0 and +1; None if it has none."""
    return _memory(network, TERNARY_LAYERS)


def _memory(network: Network, kinds: tuple[type[Op], ...]) -> PackedMemory | None:
    layers: list[Any] = [op for op in network.ops if isinstance(op, kinds)]
    if not layers:
        return None
    weights = file_bytes = resident = 0
    for op in layers:
        words = op.words
        per_pixel = op.features if op.kind.endswith("linear") else op.channels // op.groups
        weights += words.size // words.shape[-1] * per_pixel
        file_bytes += op.weight_bits * words.nbytes  # as many planes as bits
        resident += _tiles(op._kernel).nbytes
    return PackedMemory(weights, file_bytes, resident)


def _tiles(layer: Any) -> np.ndarray:
    """The only copy of a kernel's weights; a matrix product holds a 1 × 1 convolution."""
    return getattr(layer, "_conv", layer)._tiles
