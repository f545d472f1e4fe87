"""`from_onnx`: an ONNX file with signs and binary weights as a packed network."""

import os

# The modules of handlers, which register themselves.
from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files import (  # noqa: F401
    activations,
    arithmetic,
    norms,
    rearranging,
    reducing,
    resampling,
    signs,
    unchanging,
    weights,
    windows,
)
from xnorlab.export.onnx_files.compositions import composed
from xnorlab.export.onnx_files.parsing import Graph, parse
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.printable import one_line
from xnorlab.runtime import Network, UnknownRule
from xnorlab.runtime.onnx_graph import OUTPUT

_DESCRIBED = {"name", "labels", "preprocessing", "provenance", "fixed_by", "unknown"}


def from_onnx(path: str | os.PathLike) -> Network:
    """The packed network in an ONNX file: one that `to_onnx` wrote, or one of another tool with binary layers.

    Signs are GreaterOrEqual and Where that give a number and its negative, or QONNX's BipolarQuant as Brevitas exports
    it, with a scale, or its Quant of one bit; ONNX's own Sign is refused, since it gives 0 for 0. Weights are binary
    where BipolarQuant makes them or where a filter has one magnitude, and ternary where some of it are 0. A Conv, Gemm
    or MatMul of signs with binary weights is packed whole, whose sums are exact; one of real values with binary or
    ternary weights is packed as such; any other stays real. What can be read besides: all that `to_onnx` writes; norms,
    activations, pools, arithmetic of two values and with constants, Resize as torch has it, Concat, Split, and what
    moves numbers with constant arguments. GELU, SiLU, norms and the like are read from their parts, too, as exporters
    write them.

    A file whose nodes name a height or a width (a Reshape to numbers) is right at that size only; `Network.fixed_by`
    then names the node.

    A file of `to_onnx` gives the ops of the packed network again, whose binary layers are equal bit for bit. A real
    layer with a folded BatchNorm rounds differently, since the file has the factor in its weights. Files of other tools
    agree to the rounding of float32; behind a real layer a sign at its threshold can flip.

    Nothing in the file is executed, and no other file is opened.

    Args:
        path: of the file, at most 2 GiB. The input is (N, C, H, W) or (N, F), with numbers behind N.

    Returns:
        The network, with the labels and the preprocessing of a file of `to_onnx`.

    Raises:
        ExportError: the file is no such model; the message names the file, the node and its operator.
        ModuleNotFoundError: the package onnx is not installed.
    """
    try:
        graph = composed(parse(path))
        reader = Reader(graph)
        return _network(graph, reader, reader.read())
    except ValueError as error:  # ExportError, and what the network's own checks raise
        raise ExportError(f"{one_line(os.fsdecode(path))}: {error}") from None


def _network(graph: Graph, reader: Reader, outputs: dict[str, str]) -> Network:
    """The network of the ops that were read, with what the file says about it."""
    described = graph.description
    if described and set(described) != _DESCRIBED:
        raise ExportError(f"is altered: its metadata must have exactly the fields {', '.join(sorted(_DESCRIBED))}")
    preprocessing, unknown = described.get("preprocessing"), described.get("unknown")
    named = {name.removeprefix(OUTPUT): op for name, op in outputs.items()}
    is_one = len(outputs) == 1 and next(iter(outputs.values())) == reader.ops[-1].name
    is_one = is_one and not next(iter(outputs)).startswith(OUTPUT)
    return Network(
        reader.ops,
        input_shape=reader.input_shape,
        name=described.get("name", ""),
        labels=described.get("labels"),
        preprocessing=None if preprocessing is None else Preprocessing.from_dict(preprocessing),
        provenance=described.get("provenance"),
        fixed_by=described.get("fixed_by", reader.fixed_by),
        unknown=None if unknown is None else UnknownRule.from_dict(unknown),
        outputs=None if is_one else named,
    )
