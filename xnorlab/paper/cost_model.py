"""What the XNOR-Net paper predicts and publishes: operations, memory, speed-up, accuracy. Nothing here is measured.

Source of every formula and table unless a row says otherwise: Rastegari, Ordonez, Redmon, Farhadi, "XNOR-Net",
ECCV 2016, arXiv 1603.05279. A MAC is one multiply and one add.
"""

from dataclasses import dataclass

from xnorlab.conventions import WORD_BITS, n_words

PAPER = "Rastegari et al., XNOR-Net, ECCV 2016"


def predicted_speedup(channels: int, kernel_area: int) -> float:
    """S = 64·c·N_W / (c·N_W + 64), section 4.1: real operations over binary ones, 64 of which cost one instruction.

    The 64 below the line is one real multiplication by α an output value. c channels, N_W = kernel height × width;
    neither the size of the feature map nor the number of filters matters. 62.27 at c = 256, 3 × 3.
    The formula leaves out packing, memory and that a CPU also multiplies many floats in one instruction.
    """
    _check_positive(channels=channels, kernel_area=kernel_area)
    work = channels * kernel_area
    return WORD_BITS * work / (work + WORD_BITS)


def predicted_speedup_in_words(channels: int, kernel_area: int) -> float:
    """S where each pixel's channels fill whole words, as in memory: 65 channels cost as much as 128.

    c·N_W / (⌈c/64⌉·N_W + 1); equal to `predicted_speedup` where 64 divides c.
    """
    _check_positive(channels=channels, kernel_area=kernel_area)
    return channels * kernel_area / (n_words(channels) * kernel_area + 1)


@dataclass(frozen=True)
class LayerCost:
    """Operations of one forward pass through a layer and the memory of its weights.

    real_macs: multiply-adds with a real activation (with binary weights the multiplication is a change of sign).
    binary_macs: multiply-adds of two signs; 64 of them are one XNOR and one population count.
    weight_bytes: as stored, tail bits and per-filter scale included; float32_bytes: the same weights in float32.
    """

    real_macs: int
    binary_macs: int
    weight_bytes: int
    float32_bytes: int

    def __add__(self, other: "LayerCost") -> "LayerCost":
        return LayerCost(
            self.real_macs + other.real_macs,
            self.binary_macs + other.binary_macs,
            self.weight_bytes + other.weight_bytes,
            self.float32_bytes + other.float32_bytes,
        )

    @property
    def predicted_operations(self) -> float:
        """Instructions by the paper's count: a real multiply-add is one, 64 binary ones are one."""
        return self.real_macs + self.binary_macs / WORD_BITS


def layer_cost(
    channels: int,
    filters: int,
    kernel: tuple[int, int] = (1, 1),
    output: tuple[int, int] = (1, 1),
    *,
    groups: int = 1,
    batch: int = 1,
    binary_weights: bool = False,
    binary_inputs: bool = False,
    scaled: bool = True,
) -> LayerCost:
    """Cost of a convolution with `filters` filters over `channels` channels; a dense layer is a 1 × 1 kernel.

    output: height and width of the output. scaled: binary weights keep one float32 a filter (α; none in BNN).
    """
    _check_positive(channels=channels, filters=filters, groups=groups, batch=batch)
    _check_positive(kernel_height=kernel[0], kernel_width=kernel[1], output_height=output[0], output_width=output[1])
    if channels % groups or filters % groups:
        raise ValueError(f"groups={groups} does not divide channels={channels} and filters={filters}")
    if binary_inputs and not binary_weights:
        raise ValueError("binary_inputs=True needs binary_weights=True: no scheme here has real weights on signs")
    area = kernel[0] * kernel[1]
    weights = filters * (channels // groups) * area
    macs = batch * output[0] * output[1] * weights
    stored = filters * area * n_words(channels // groups) * 8 + (4 * filters if scaled else 0)
    return LayerCost(
        real_macs=0 if binary_inputs else macs,
        binary_macs=macs if binary_inputs else 0,
        weight_bytes=stored if binary_weights else 4 * weights,
        float32_bytes=4 * weights,
    )


MEMORY_RATIO = 32.0
"""Bits of a float32 over the one that is left of it: the paper's headline, without α and real layers."""


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}={value!r} must be an integer of at least 1")


# ---- published


@dataclass(frozen=True)
class PublishedAccuracy:
    """Accuracy in % as printed by `source`; not measured here. top5 is None where none was printed."""

    network: str
    scheme: str
    data: str
    top1: float
    top5: float | None
    source: str
    note: str = ""
    origin: str = "published"


@dataclass(frozen=True)
class PublishedMemory:
    """Weight memory in bytes, double precision against binary, as printed in figure 4a; not measured here."""

    network: str
    float64_bytes: float
    binary_bytes: float
    source: str = f"{PAPER}, figure 4a"
    origin: str = "published"


def _imagenet(
    network: str, table: str, rows: dict[str, tuple[float, float]], note: str = ""
) -> list[PublishedAccuracy]:
    return [
        PublishedAccuracy(network, scheme, "ImageNet", top1, top5, f"{PAPER}, {table}", note)
        for scheme, (top1, top5) in rows.items()
    ]


_THEIR_RUN = "run by the XNOR-Net authors"

PUBLISHED_ACCURACY: tuple[PublishedAccuracy, ...] = (
    *_imagenet("AlexNet", "Table 1", {"float": (56.6, 80.2), "bwn": (56.8, 79.4), "xnor": (44.2, 69.2)}),
    *_imagenet("AlexNet", "Table 1", {"binaryconnect": (35.4, 61.0), "bnn": (27.9, 50.42)}, _THEIR_RUN),
    *_imagenet("ResNet-18", "Table 2", {"float": (69.3, 89.2), "bwn": (60.8, 83.0), "xnor": (51.2, 73.2)}),
    *_imagenet("GoogLeNet variant", "Table 2", {"float": (71.3, 90.0), "bwn": (65.5, 86.1)}),
    *_imagenet("AlexNet", "Table 3a", {"bwn": (56.8, 79.4)}, "scale α = mean|W|"),
    *_imagenet("AlexNet", "Table 3a", {"bwn": (46.2, 69.5)}, "scale by a learned layer"),
    *_imagenet("AlexNet", "Table 3b", {"xnor": (30.3, 57.5)}, "block order conv, norm, sign, pool"),
    *_imagenet("AlexNet", "Table 3b", {"xnor": (44.2, 69.2)}, "block order norm, sign, conv, pool"),
    PublishedAccuracy("ConvNet", "bwn", "CIFAR-10", 100 - 9.88, None, PAPER),
    PublishedAccuracy("ConvNet", "xnor", "CIFAR-10", 100 - 10.17, None, PAPER),
    PublishedAccuracy("ConvNet", "binaryconnect-stochastic", "CIFAR-10", 100 - 8.27, None, "Courbariaux et al. 2015"),
    PublishedAccuracy("ConvNet", "bnn", "CIFAR-10", 100 - 10.15, None, "Courbariaux, Hubara et al. 2016", "Torch"),
    PublishedAccuracy("ConvNet", "bnn", "CIFAR-10", 100 - 11.40, None, "Courbariaux, Hubara et al. 2016", "Theano"),
    PublishedAccuracy("AlexNet", "bnn", "ImageNet", 41.8, None, "Hubara et al., later work", "the BNN authors' own"),
    PublishedAccuracy("ResNet-18", "bireal", "ImageNet", 56.4, None, "Liu et al., Bi-Real Net, ECCV 2018"),
    PublishedAccuracy("ResNet-18", "reactnet", "ImageNet", 65.9, None, "Liu et al., ReActNet, ECCV 2020"),
)
"""The paper's Tables 1, 2 and 3, its CIFAR-10 figures, and later systems; accuracy, never error, in %."""

PUBLISHED_MEMORY: tuple[PublishedMemory, ...] = (
    PublishedMemory("VGG-19", 1e9, 16e6),
    PublishedMemory("ResNet-18", 100e6, 1.5e6),
    PublishedMemory("AlexNet", 475e6, 7.4e6),
)

PUBLISHED_SPEEDUP = 58.0
"""The authors' own measurement on a CPU, "excluding memory allocation and memory access" (section 4.1), where the
formula gives 62.27; counted in high-precision operations against single ones."""
