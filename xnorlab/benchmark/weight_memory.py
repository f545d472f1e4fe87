"""What binary weights save: their bytes in the packed file and in memory, against 32 bits each."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorlab.runtime import Network
from xnorlab.runtime.ops import BinaryConv, BinaryLinear, BinaryWeightConv, BinaryWeightLinear

BINARY_LAYERS = BinaryConv | BinaryWeightConv | BinaryLinear | BinaryWeightLinear


@dataclass(frozen=True)
class BinaryMemory:
    """The ±1 weights of a network, α and thresholds not among them.

    weights: how many. file_bytes: in the packed file, whole words a pixel. resident_bytes: in memory, in the order in
    which the kernels read them, whole tiles of filters.
    """

    weights: int
    file_bytes: int
    resident_bytes: int

    @property
    def float32_bytes(self) -> int:
        """The same weights as float32."""
        return 4 * self.weights

    @property
    def file_ratio(self) -> float:
        """How many times smaller than float32 they are in the file: 32, less where words are not full."""
        return self.float32_bytes / self.file_bytes

    @property
    def resident_ratio(self) -> float:
        """How many times smaller than float32 they are in memory."""
        return self.float32_bytes / self.resident_bytes

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it, float32 and ratios included."""
        names = ("weights", "file_bytes", "resident_bytes", "float32_bytes", "file_ratio", "resident_ratio")
        return {name: getattr(self, name) for name in names}


def binary_memory(network: Network) -> BinaryMemory | None:
    """The figures of all binary layers together; None where there are none."""
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
    """A kernel's only copy of its weights; the matrix products are 1 × 1 convolutions inside."""
    return getattr(layer, "_conv", layer)._tiles
