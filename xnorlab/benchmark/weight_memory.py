"""Memory of a network's binary weights: their bytes in the packed file and in memory, compared with float32."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorlab.conventions import times_smaller
from xnorlab.runtime import Network
from xnorlab.runtime.ops import BinaryConv, BinaryLinear, BinaryWeightConv, BinaryWeightLinear

BINARY_LAYERS = BinaryConv | BinaryWeightConv | BinaryLinear | BinaryWeightLinear


@dataclass(frozen=True)
class BinaryMemory:
    """Memory of the ±1 weights of a network, without α and thresholds.

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
        """How many times smaller than float32 they are in the file: 32, or less if words are not full."""
        return times_smaller(self.float32_bytes, self.file_bytes)

    @property
    def resident_ratio(self) -> float:
        """How many times smaller than float32 they are in memory."""
        return times_smaller(self.float32_bytes, self.resident_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, the bytes in float32 and the ratios as values that JSON can hold."""
        names = ("weights", "file_bytes", "resident_bytes", "float32_bytes", "file_ratio", "resident_ratio")
        return {name: getattr(self, name) for name in names}


def binary_memory(network: Network) -> BinaryMemory | None:
    """Add up the memory of all binary layers of `network`; None if it has none."""
    layers = [op for op in network.ops if isinstance(op, BINARY_LAYERS)]
    if not layers:
        return None
    weights = file_bytes = resident = 0
    for op in layers:
        words = op.words
        per_pixel = op.features if isinstance(op, BinaryLinear | BinaryWeightLinear) else op.channels // op.groups
        weights += words.size // words.shape[-1] * per_pixel
        file_bytes += words.nbytes
        resident += _tiles(op._kernel).nbytes
    return BinaryMemory(weights, file_bytes, resident)


def _tiles(layer: Any) -> np.ndarray:
    """The only copy of a kernel's weights; a matrix product holds a 1 × 1 convolution."""
    return getattr(layer, "_conv", layer)._tiles
