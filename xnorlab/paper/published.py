"""What papers print about networks: accuracies, sizes and multiply-adds. Nothing here is measured.

The one place of published figures. A scheme's key stands for what a paper's network computes: QuickNet and
BinaryDenseNet have signs of weights without α, which is "bnn" here.
"""

from dataclasses import dataclass

PAPER = "Rastegari et al., XNOR-Net, ECCV 2016"
BIREAL = "Liu et al., Bi-Real Net, ECCV 2018"
REACTNET = "Liu et al., ReActNet, ECCV 2020"
QUICKNET = "Bannink et al., Larq Compute Engine, MLSys 2021, and Larq Zoo's table of QuickNets"
DENSENET = "Bethge et al., Back to Simplicity, 2019, comparison of networks of about 4 MB"
IRNET = "Qin et al., IR-Net, CVPR 2020, comparison on CIFAR-10"
RESNET = "He et al., Deep Residual Learning, CVPR 2016"
TWN = "Li, Zhang, Liu, Ternary Weight Networks, 2016"
TORCHVISION = "torchvision, table of pretrained weights"

INT8 = "int8"
"""In place of a scheme: weights and inputs of eight bits."""


@dataclass(frozen=True)
class PublishedAccuracy:
    """An accuracy as printed in a publication; not measured here.

    Attributes:
        network: Architecture.
        scheme: Key of the scheme, such as "xnor", or INT8.
        data: Data set.
        top1: Top-1 accuracy in %.
        top5: Top-5 accuracy in %; None if none was printed.
        source: Publication, with its table.
        note: What distinguishes the row from others of the same network and scheme.
        ablation: Whether it is part of a comparison of single changes, which repeats or varies a main result.
        origin: Always "published".
    """

    network: str
    scheme: str
    data: str
    top1: float
    top5: float | None
    source: str
    note: str = ""
    ablation: bool = False
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


@dataclass(frozen=True)
class PublishedCost:
    """The size and the work of a network for one picture, as printed in a publication, in the digits printed there.

    Attributes:
        network: Architecture.
        scheme: Key of the scheme.
        source: Publication, with its table.
        parameters: Numbers in the network; None if not printed, as below.
        real_macs: Multiply-adds with a real input.
        binary_macs: Multiply-adds of two signs.
        operations: Real multiply-adds plus 1/64 of the binary ones.
    """

    network: str
    scheme: str
    source: str
    parameters: float | None = None
    real_macs: float | None = None
    binary_macs: float | None = None
    operations: float | None = None


_Rows = dict[str, tuple[float, float]]


def _imagenet(
    network: str, source: str, rows: _Rows, note: str = "", ablation: bool = False
) -> list[PublishedAccuracy]:
    return [
        PublishedAccuracy(network, scheme, "ImageNet", top1, top5, source, note, ablation)
        for scheme, (top1, top5) in rows.items()
    ]


def _torchvision(
    network: str, real: tuple[float, float], int8: tuple[float, float] | None = None
) -> list[PublishedAccuracy]:
    rows = {"float": real} if int8 is None else {"float": real, INT8: int8}
    return _imagenet(network, TORCHVISION, rows, "torchvision's own training")


_RUN_BY_AUTHORS = "run by the XNOR-Net authors"
_WITHOUT_SCALE = "signs of weights without α"

PUBLISHED_ACCURACY: tuple[PublishedAccuracy, ...] = (
    *_imagenet("AlexNet", f"{PAPER}, Table 1", {"float": (56.6, 80.2), "bwn": (56.8, 79.4), "xnor": (44.2, 69.2)}),
    *_imagenet("AlexNet", f"{PAPER}, Table 1", {"binaryconnect": (35.4, 61.0), "bnn": (27.9, 50.42)}, _RUN_BY_AUTHORS),
    *_imagenet("ResNet-18", f"{PAPER}, Table 2", {"float": (69.3, 89.2), "bwn": (60.8, 83.0), "xnor": (51.2, 73.2)}),
    *_imagenet("GoogLeNet variant", f"{PAPER}, Table 2", {"float": (71.3, 90.0), "bwn": (65.5, 86.1)}),
    *_imagenet("AlexNet", f"{PAPER}, Table 3a", {"bwn": (56.8, 79.4)}, "scale α = mean|W|", ablation=True),
    *_imagenet("AlexNet", f"{PAPER}, Table 3a", {"bwn": (46.2, 69.5)}, "scale by a learned layer", ablation=True),
    *_imagenet(
        "AlexNet", f"{PAPER}, Table 3b", {"xnor": (30.3, 57.5)}, "block order conv, norm, sign, pool", ablation=True
    ),
    *_imagenet(
        "AlexNet", f"{PAPER}, Table 3b", {"xnor": (44.2, 69.2)}, "block order norm, sign, conv, pool", ablation=True
    ),
    PublishedAccuracy("ConvNet", "bwn", "CIFAR-10", 100 - 9.88, None, PAPER),
    PublishedAccuracy("ConvNet", "xnor", "CIFAR-10", 100 - 10.17, None, PAPER),
    PublishedAccuracy("ConvNet", "binaryconnect-stochastic", "CIFAR-10", 100 - 8.27, None, "Courbariaux et al. 2015"),
    PublishedAccuracy("ConvNet", "bnn", "CIFAR-10", 100 - 10.15, None, "Courbariaux, Hubara et al. 2016", "Torch"),
    PublishedAccuracy("ConvNet", "bnn", "CIFAR-10", 100 - 11.40, None, "Courbariaux, Hubara et al. 2016", "Theano"),
    PublishedAccuracy("AlexNet", "bnn", "ImageNet", 41.8, None, "Hubara et al., later work", "the BNN authors' own"),
    PublishedAccuracy("ResNet-18 of TWN", "float", "ImageNet", 65.4, 86.76, TWN),
    PublishedAccuracy("ResNet-18 of TWN", "ternary-twn", "ImageNet", 61.8, 84.2, TWN),
    PublishedAccuracy("VGG-small", "bnn", "CIFAR-10", 89.9, None, IRNET),
    PublishedAccuracy("VGG-small", "xnor", "CIFAR-10", 89.8, None, IRNET),
    PublishedAccuracy("ResNet-20", "float", "CIFAR-10", 100 - 8.75, None, f"{RESNET}, Table 6"),
    PublishedAccuracy("ResNet-18", "bireal", "ImageNet", 56.4, 79.5, f"{BIREAL}, Table 2"),
    PublishedAccuracy("ResNet-34", "bireal", "ImageNet", 62.2, 83.9, f"{BIREAL}, Table 2"),
    PublishedAccuracy("BinaryDenseNet-28", "bnn", "ImageNet", 60.7, 82.4, DENSENET, _WITHOUT_SCALE),
    PublishedAccuracy("QuickNet small", "bnn", "ImageNet", 59.4, 81.8, QUICKNET, _WITHOUT_SCALE),
    PublishedAccuracy("QuickNet", "bnn", "ImageNet", 63.3, 84.6, QUICKNET, _WITHOUT_SCALE),
    PublishedAccuracy("QuickNet large", "bnn", "ImageNet", 66.9, 87.0, QUICKNET, _WITHOUT_SCALE),
    PublishedAccuracy("ResNet-18", "reactnet", "ImageNet", 65.9, None, f"{REACTNET}, Table 1"),
    PublishedAccuracy("ReActNet-A", "reactnet", "ImageNet", 69.4, None, f"{REACTNET}, Table 1"),
    *_torchvision("ResNet-18", (69.758, 89.078), (69.494, 88.882)),
    *_torchvision("ResNet-34", (73.314, 91.420)),
    *_torchvision("SqueezeNet 1.1", (58.178, 80.624)),
    *_torchvision("MobileNetV3-small", (67.668, 87.402)),
    *_torchvision("ShuffleNetV2 ×1.0", (69.362, 88.316), (68.360, 87.582)),
    *_torchvision("MobileNetV2", (72.154, 90.822), (71.658, 90.150)),
    *_torchvision("MobileNetV3-large", (75.274, 92.566), (73.004, 90.858)),
    *_torchvision("EfficientNet-B0", (77.692, 93.532)),
)
"""Accuracies in %. Results on CIFAR-10 are printed as errors by most papers.

Ternary Weight Networks are set against their own full precision, which is 3.9 points below XNOR-Net's.
"""

PUBLISHED_MEMORY: tuple[PublishedMemory, ...] = (
    PublishedMemory("VGG-19", 1e9, 16e6),
    PublishedMemory("ResNet-18", 100e6, 1.5e6),
    PublishedMemory("AlexNet", 475e6, 7.4e6),
)
"""XNOR-Net's figure 4a."""

PUBLISHED_COST: tuple[PublishedCost, ...] = (
    PublishedCost("ResNet-18", "float", f"{BIREAL}, Table 3", real_macs=1.81e9),
    PublishedCost("ResNet-34", "float", f"{BIREAL}, Table 3", real_macs=3.66e9),
    PublishedCost("ResNet-18", "bireal", f"{REACTNET}, Table 2", None, 1.39e8, 1.68e9, 1.63e8),
    PublishedCost("ResNet-34", "bireal", f"{BIREAL}, Table 3", operations=1.93e8),
    PublishedCost("ReActNet-A", "reactnet", f"{REACTNET}, Table 2", None, 0.12e8, 4.82e9, 0.87e8),
    PublishedCost("ResNet-20", "float", f"{RESNET}, Table 6", parameters=0.27e6),
    PublishedCost("BinaryDenseNet-28", "bnn", "Larq Zoo's table", parameters=5_150_504),
    PublishedCost("QuickNet small", "bnn", QUICKNET, parameters=12_655_688),
    PublishedCost("QuickNet", "bnn", QUICKNET, parameters=13_234_088),
    PublishedCost("QuickNet large", "bnn", QUICKNET, parameters=23_342_248),
)
"""Sizes and multiply-adds at 224 pixels, ResNet-20's at 32."""


def accuracy(network: str, scheme: str, data: str = "ImageNet", source: str = "") -> PublishedAccuracy:
    """The first main result of a network under a scheme.

    Args:
        network: As the table writes it: "ResNet-18".
        scheme: Key of the scheme, or INT8.
        data: Data set.
        source: What the row's source begins with; any where empty.

    Raises:
        ValueError: The table has no such row.
    """
    for row in PUBLISHED_ACCURACY:
        asked = (row.network, row.scheme, row.data) == (network, scheme, data) and row.source.startswith(source)
        if asked and not row.ablation:
            return row
    raise ValueError(f"network={network!r}, scheme={scheme!r}, data={data!r} has no published accuracy")
