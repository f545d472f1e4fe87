"""What the XNOR-Net paper predicts and publishes: operations, memory, speed-up, accuracy. Nothing here is measured.

Source of every formula and table unless a row says otherwise: Rastegari, Ordonez, Redmon, Farhadi, "XNOR-Net",
ECCV 2016, arXiv 1603.05279. A MAC is one multiply and one add.
"""

from dataclasses import dataclass

from xnorlab.conventions import WORD_BITS, n_words

PAPER = "Rastegari et al., XNOR-Net, ECCV 2016"
TWN = "Li, Zhang, Liu, Ternary Weight Networks, 2016"


def predicted_speedup(channels: int, kernel_area: int) -> float:
    """The speed-up S that the paper predicts: S = 64·c·N_W / (c·N_W + 64), section 4.1.

    Real operations over binary ones, 64 of which cost one instruction. The 64 in the denominator is one real
    multiplication by α per output value. S depends neither on the size of the feature map nor on the number of filters.
    It is 62.27 at c = 256 and a 3 × 3 kernel. The formula leaves out packing, memory, and that a CPU also multiplies
    many floats in one instruction.

    Args:
        channels: c, at least 1.
        kernel_area: N_W = kernel height × kernel width, at least 1.

    Raises:
        ValueError: An argument is not an integer of at least 1.
    """
    _check_positive(channels=channels, kernel_area=kernel_area)
    work = channels * kernel_area
    return WORD_BITS * work / (work + WORD_BITS)


def predicted_speedup_in_words(channels: int, kernel_area: int) -> float:
    """The predicted speed-up where the channels of each pixel fill whole words: c·N_W / (⌈c/64⌉·N_W + 1).

    In memory 65 channels cost as much as 128. Equal to `predicted_speedup` where 64 divides c.

    Args:
        channels: c, at least 1.
        kernel_area: N_W = kernel height × kernel width, at least 1.

    Raises:
        ValueError: An argument is not an integer of at least 1.
    """
    _check_positive(channels=channels, kernel_area=kernel_area)
    return channels * kernel_area / (n_words(channels) * kernel_area + 1)


@dataclass(frozen=True)
class WeightMemory:
    """Memory of the weights of one layer.

    Attributes:
        float32_bytes: Real weights, 4 bytes each.
        packed_bytes: Binary weights, one bit each in whole words per filter position, and one float32 α per filter.
    """

    float32_bytes: int
    packed_bytes: int


def weight_memory(channels: int, filters: int, kernel_area: int) -> WeightMemory:
    """Bytes of the weights of a convolution, real and binary; a dense layer has the kernel area 1.

    With whole words a filter of n weights takes 32·n / (n + 32) times less memory in binary form.

    Args:
        channels: Input channels, at least 1.
        filters: Filters, at least 1.
        kernel_area: Kernel height × kernel width, at least 1.

    Raises:
        ValueError: An argument is not an integer of at least 1.
    """
    _check_positive(channels=channels, filters=filters, kernel_area=kernel_area)
    return WeightMemory(
        float32_bytes=4 * filters * kernel_area * channels,
        packed_bytes=filters * (8 * kernel_area * n_words(channels) + 4),
    )


MEMORY_RATIO = 32.0
"""Bits of a float32 weight over the one bit of a binary weight: the paper's headline, without α and real layers."""


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"{name}={value!r} must be an integer of at least 1")


# ---- published


@dataclass(frozen=True)
class PublishedAccuracy:
    """An accuracy as printed in a publication; not measured here.

    Attributes:
        network: Architecture.
        scheme: Key of the scheme, such as "xnor".
        data: Data set.
        top1: Top-1 accuracy in %.
        top5: Top-5 accuracy in %; None if none was printed.
        source: Publication, with its table.
        note: What distinguishes the row from others of the same network and scheme.
        origin: Always "published".
    """

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
    """Weight memory in double precision and in binary form, as printed in figure 4a; not measured here.

    Attributes:
        network: Architecture.
        float64_bytes: Bytes in double precision.
        binary_bytes: Bytes in binary form.
        source: Publication, with its figure.
        origin: Always "published".
    """

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


_RUN_BY_AUTHORS = "run by the XNOR-Net authors"

PUBLISHED_ACCURACY: tuple[PublishedAccuracy, ...] = (
    *_imagenet("AlexNet", "Table 1", {"float": (56.6, 80.2), "bwn": (56.8, 79.4), "xnor": (44.2, 69.2)}),
    *_imagenet("AlexNet", "Table 1", {"binaryconnect": (35.4, 61.0), "bnn": (27.9, 50.42)}, _RUN_BY_AUTHORS),
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
    PublishedAccuracy("ResNet-18 of TWN", "float", "ImageNet", 65.4, 86.76, TWN),
    PublishedAccuracy("ResNet-18 of TWN", "ternary-twn", "ImageNet", 61.8, 84.2, TWN),
)
"""Accuracies in %: the paper's tables 1, 2 and 3, its CIFAR-10 results (printed as errors), and later systems.

Ternary Weight Networks are set against their own full precision, which is 3.9 points below XNOR-Net's.
"""

PUBLISHED_MEMORY: tuple[PublishedMemory, ...] = (
    PublishedMemory("VGG-19", 1e9, 16e6),
    PublishedMemory("ResNet-18", 100e6, 1.5e6),
    PublishedMemory("AlexNet", 475e6, 7.4e6),
)
"""The paper's figure 4a."""

PUBLISHED_SPEEDUP = 58.0
"""The speed-up that the authors measured on a CPU, "excluding memory allocation and memory access" (section 4.1).

The formula gives 62.27 for that layer. They compare counts of high-precision operations."""
