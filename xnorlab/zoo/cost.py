"""What one shipped network gives and costs: accuracy, bytes by part, operations, and what follows from a time.

Bytes and multiply-adds come from the packed file itself, through `runtime.Network`, and accuracy from the manifest. The
standard error, predicted operations and Amdahl's limit are computed, not measured.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnorlab.conventions import WORD_BITS, times_smaller

if TYPE_CHECKING:
    import numpy as np

    from xnorlab.runtime import LayerSummary, Network
    from xnorlab.zoo.manifest import ShippedNetwork
    from xnorlab.zoo.recipe import Recipe

BINARY, TERNARY, FIRST, INNER, LAST, OTHER, HEADER = PARTS = (
    "binary layers",
    "ternary layers",
    "real first layer",
    "real layers between",
    "real classifier",
    "norms and activations",
    "file header",
)
"""The parts of a packed file, by which its bytes are counted. Packed layers include their α, thresholds and biases."""

REAL_LAYERS = FIRST, INNER, LAST
"""The parts that are layers of real weights."""

ASSUMED_OPERATIONS_PER_S = 1e9
"""The speed that turns predicted operations into a time where nothing was measured: an assumption, not a machine. It
cancels in every ratio of two schemes."""

MODEL_TITLES = {
    "alexnet": "AlexNet",
    "densenet28": "BinaryDenseNet-28",
    "googlenet": "GoogLeNet variant",
    "mobilenet": "ReActNet-A",
    "nin": "Network in Network",
    "quicknet": "QuickNet",
    "resnet18": "ResNet-18",
    "resnet20": "ResNet-20",
    "resnet34": "ResNet-34",
    "vgg_small": "VGG-small",
}
"""A model's name as it is written for people, and in `paper.published`."""
DATA_TITLES = {"imagenette": "Imagenette", "tiny-imagenet": "Tiny ImageNet", "cifar10": "CIFAR-10"}
"""A data set's name as it is written for people."""
_OPTIONS_TITLES = {
    ("quicknet", "size", "small"): "QuickNet small",
    ("quicknet", "size", "large"): "QuickNet large",
    ("vgg_small", "head", "dense"): "ConvNet",
}
"""Options that make a network of another name: model, option, value → its name."""
_FULL_WIDTH = {
    **{"densenet28": 64, "googlenet": 64, "mobilenet": 32, "quicknet": 64},
    **{"resnet18": 64, "resnet20": 16, "resnet34": 64, "vgg_small": 128},
}
_STEMS = {"tiny": "3×3 stem", "cifar": "3×3 stem without stride"}
"""ResNet's first layers other than the paper's 7×7 with a stride and a pool."""


def architecture(recipe: "Recipe") -> str:
    """A recipe's network in words, with what tells it from its paper's: "ResNet-18, width 32 of 64"."""
    options = recipe.model_options
    others = (_OPTIONS_TITLES.get((recipe.model, name, value)) for name, value in options.items())
    title = next(filter(None, others), MODEL_TITLES.get(recipe.model, recipe.model))
    full = _FULL_WIDTH.get(recipe.model)
    if full is not None and options.get("width", full) != full:
        title += f", width {options['width']} of {full}"
    if options.get("stem") in _STEMS:
        title += f", {_STEMS[options['stem']]}"
    return f"{title}, pooled head" if options.get("head") == "pool" else title


def standard_error(share: float, count: int) -> float:
    """The standard error √(p·(1 − p)/n) of a share of independent pictures: what other pictures would change.

    What another seed would change is not in it.

    Args:
        share: p, from 0 to 1.
        count: n, how many pictures there are.

    Returns:
        The error as a share, from 0 to 1.
    """
    return math.sqrt(share * (1 - share) / count)


@dataclass(frozen=True)
class NetworkCost:
    """The figures of one network, for one picture of its own size.

    Attributes:
        name: what `xnorlab.load` takes.
        model, scheme: what it is built of.
        top1: share of `images` validation pictures that it names rightly, from 0 to 1.
        repeats: `top1` of networks trained by its recipe with other seeds.
        images: how many pictures it was measured on.
        classes: how many classes it tells apart.
        file_bytes: size of the packed file, where real numbers are float16 if that is exact.
        resident_bytes: size of all arrays in memory once it has run; real weights are float32 there.
        float32_bytes: size of the file's numbers in float32.
        binary_float32_bytes: size of the binary layers' numbers in float32.
        signs: how many of the weights are signs.
        sign_bytes: size of these signs in the file, in whole words.
        real_macs: multiply-adds with a real input.
        binary_macs: multiply-adds of two signs.
        parts: bytes of the file by PARTS, without those of no bytes.
    """

    name: str
    model: str
    scheme: str
    top1: float
    repeats: tuple[float, ...]
    images: int
    classes: int
    file_bytes: int
    resident_bytes: int
    float32_bytes: int
    binary_float32_bytes: int
    signs: int
    sign_bytes: int
    real_macs: int
    binary_macs: int
    parts: dict[str, int]

    @property
    def predicted_operations(self) -> float:
        """Operations by the paper's count, section 4.1: a real multiply-add is one, and so are 64 binary ones."""
        return self.real_macs + self.binary_macs / WORD_BITS

    @property
    def times_smaller(self) -> float:
        """How many times smaller the file is than its numbers in float32."""
        return times_smaller(self.float32_bytes, self.file_bytes)

    @property
    def binary_times_smaller(self) -> float | None:
        """How many times smaller the binary layers are than in float32; None where there are none."""
        if BINARY not in self.parts:
            return None
        return times_smaller(self.binary_float32_bytes, self.parts[BINARY])

    @property
    def only_weights_are_packed(self) -> bool:
        """Whether its binary or ternary layers have real inputs: BWN, BinaryConnect, Ternary Weight Networks."""
        return (BINARY in self.parts or TERNARY in self.parts) and not self.binary_macs

    @property
    def standard_error(self) -> float:
        """The standard error of `top1`, from the number of pictures alone."""
        return standard_error(self.top1, self.images)

    @property
    def predicted_seconds(self) -> float:
        """The time of one picture at ASSUMED_OPERATIONS_PER_S."""
        return self.predicted_operations / ASSUMED_OPERATIONS_PER_S


def network_cost(shipped: "ShippedNetwork", network: "Network") -> NetworkCost:
    """The figures of a shipped network.

    Args:
        shipped: what the manifest says of it.
        network: its packed network; `resident_bytes` counts what it has in memory by now.
    """
    rows = network.summary()
    in_float32 = [float32_bytes(op) for op in network.ops]
    binary = [index for index, row in enumerate(rows) if row.weight_bits == 1]
    signs = [_signs(network.ops[index]) for index in binary]
    return NetworkCost(
        name=shipped.name,
        model=shipped.model,
        scheme=shipped.scheme,
        top1=shipped.top1,
        repeats=tuple(repeat.top1 for repeat in shipped.repeats),
        images=shipped.images,
        classes=len(shipped.labels),
        file_bytes=shipped.bytes,
        resident_bytes=sum(row.resident_bytes for row in rows),
        float32_bytes=sum(in_float32),
        binary_float32_bytes=sum(in_float32[index] for index in binary),
        signs=sum(count for count, _ in signs),
        sign_bytes=sum(size for _, size in signs),
        real_macs=sum(row.float_macs for row in rows),
        binary_macs=sum(row.binary_macs for row in rows),
        parts=memory_parts(rows, shipped.bytes),
    )


def memory_parts(rows: Sequence["LayerSummary"], file_bytes: int) -> dict[str, int]:
    """The bytes of a packed file by PARTS, in their order; parts of no bytes are left out.

    Args:
        rows: the network's summary, one row per operation.
        file_bytes: size of the whole file; what no row takes is its header.
    """
    packed = {0: OTHER, 1: BINARY, 2: TERNARY}
    real = [index for index, row in enumerate(rows) if row.weight_bits not in packed]
    sizes: dict[str, int] = dict.fromkeys(PARTS, 0)
    for index, row in enumerate(rows):
        if row.weight_bits in packed:
            part = packed[row.weight_bits]
        else:
            part = FIRST if index == real[0] else LAST if index == real[-1] else INNER
        sizes[part] += row.weight_bytes
    sizes[HEADER] = file_bytes - sum(sizes.values())
    return {part: size for part, size in sizes.items() if size}


def float32_bytes(op: Any) -> int:
    """Bytes of an op's tensors if each number in them were a float32, each packed weight included."""
    return _float32_bytes(op.tensors(), op.attributes())


def file_float32_bytes(path: Path) -> int:
    """The sum of `float32_bytes` over the ops of a packed file, none of which is built.

    Raises:
        ValueError: the file cannot be read (PackedFileError).
    """
    from xnorlab.runtime.file_format import from_bytes  # only here: what a manifest says needs no safetensors

    header, tensors = from_bytes(path.read_bytes())
    return sum(
        _float32_bytes({name: tensors[f"{op['name']}.{name}"] for name in op["tensors"]}, op["attributes"])
        for op in header["graph"]
    )


def _signs(op: Any) -> tuple[int, int]:
    """How many signs an op with binary weights has, and the bytes of their words."""
    words: np.ndarray = op.words
    return words.size // words.shape[-1] * _bits(op.attributes()), words.nbytes


def _bits(attributes: Mapping[str, Any]) -> int:
    """Bits along the last axis of an op's words."""
    if "features" in attributes:
        return attributes["features"]
    return attributes["channels"] // attributes["groups"]


def _float32_bytes(tensors: "Mapping[str, np.ndarray]", attributes: Mapping[str, Any]) -> int:
    total = 0
    for name, tensor in tensors.items():
        numbers = tensor.size
        if name == "words":
            numbers = tensor.size // tensor.shape[-1] * _bits(attributes)
        elif name == "nonzero":  # the second bit of the weights in "words"
            numbers = 0
        total += 4 * numbers
    return total


def core_hours(seconds_an_image: float, images: float = 1e9) -> float:
    """Hours that one core takes for `images` pictures, one after the other.

    Args:
        seconds_an_image: time of one picture, 0 or more.
        images: how many there are, 0 or more.
    """
    if not seconds_an_image >= 0 or not images >= 0:
        raise ValueError(f"seconds_an_image={seconds_an_image!r} and images={images!r} must be at least 0")
    return seconds_an_image * images / 3600


def amdahl_limit(whole_s: float, part_s: float) -> float:
    """How many times faster at most a run becomes when one part of it stays as slow as it is (Amdahl 1967).

    Args:
        whole_s: time of the run, above 0.
        part_s: time of the part that stays, above 0.
    """
    if not whole_s > 0 or not part_s > 0:
        raise ValueError(f"whole_s={whole_s!r} and part_s={part_s!r} must be above 0")
    return whole_s / part_s
