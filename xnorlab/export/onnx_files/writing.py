"""`to_onnx`: a packed network as an ONNX file in standard operators."""

import os
from pathlib import Path

from xnorlab import atomic
from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.package import onnx_package
from xnorlab.printable import one_line
from xnorlab.runtime import Network
from xnorlab.runtime.onnx_graph import onnx_input_shape, onnx_model


def to_onnx(network: Network, path: str | os.PathLike) -> None:
    """Write a packed network as an ONNX file, all or nothing, in standard operators that any engine runs.

    A sign is GreaterOrEqual and Where, since ONNX's own Sign gives 0 for 0. Binary weights are float32 of −1 and +1,
    32 times the bytes of the packed file; α is a Mul behind the convolution. The file's input "x" is (N, C, H, W) or
    (N, F), N left open. Name, labels, preprocessing and provenance travel in the metadata, and `from_onnx` reads all
    of it back. Engines need nothing of xnorlab.

    Tolerance: sums of signs are exact integers in float32 in any order, and α and the bias are rounded as here. Three
    things can differ in the last bits: real layers, whose order of summation is the engine's; the input scale K, whose
    mean is rounded once more; and α where an engine multiplies it into the weights, as ONNX Runtime does unless its
    graph optimization is off. Where such a value meets a sign at its threshold, the sign can flip.

    Args:
        network: packed, as `export.pack` gives it: `to_onnx(pack(model, example), path)`.
        path: of the file.

    Raises:
        ExportError: an op has no counterpart in ONNX, or the file cannot be written.
        ModuleNotFoundError: the package onnx is not installed.
    """
    if not isinstance(network, Network):
        rule = "the rule is a packed network: to_onnx(pack(model, example), path)"
        raise ExportError(f"network is {type(network).__name__}; {rule}")
    onnx_package("export.to_onnx")
    try:
        data = onnx_model(network, onnx_input_shape(network))
    except ValueError as error:
        raise ExportError(str(error)) from None
    if Path(path).is_dir():
        raise ExportError(f"{one_line(path)}: is a folder")
    try:
        atomic.write_bytes(path, data)
    except OSError as error:
        raise ExportError(f"{one_line(path)}: cannot be written: {error.strerror}") from None
