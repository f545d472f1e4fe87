"""Whole torch modules in other engines: as their users would bring them there, through torch's own ONNX export."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from xnorlab.benchmark import NetworkContestant, Ready, UnsupportedError
from xnorlab.peers.engine_threads import onnxruntime_session, openvino_core, openvino_request, torch_threads
from xnorlab.peers.openvino_int8 import calibrated, folded, quantize, sums_in_int8

ENGINES = {
    "openvino-float": "OpenVINO, float32",
    "openvino-int8": "OpenVINO, int8",
    "onnxruntime-float": "ONNX Runtime, float32",
    "torch-float": "torch, float32, channels-last",
}
"""Engine → what it is; each computes a module that it is given."""

OPSET = 17


def module_contestants(title: str, module: Any) -> list[NetworkContestant]:
    """A contestant for each of ENGINES, named "<title>: <engine>".

    Args:
        title: Name of the network.
        module: The torch module, float32 in eval mode; (N, C, H, W) → (N, classes).
    """
    prepare = {
        "openvino-float": _openvino,
        "openvino-int8": _openvino_int8,
        "onnxruntime-float": _onnxruntime,
        "torch-float": _torch,
    }
    return [
        NetworkContestant(
            f"{title}: {engine}",
            about,
            title,
            partial(prepare[engine], module),
            "int8" if engine == "openvino-int8" else "float",
        )
        for engine, about in ENGINES.items()
    ]


def onnx_export(module: Any, shape: tuple[int, ...]) -> bytes:
    """Serialise a torch module as an ONNX model of the input "x" of `shape`, by the exporter that torch itself has."""
    import torch

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its successor, which needs a package more
        torch.onnx.export(
            module,
            (torch.zeros(shape),),
            file,  # pyright: ignore[reportArgumentType]  # the exporter of dynamo=False takes an open file
            dynamo=False,
            opset_version=OPSET,
            input_names=["x"],
            verbose=False,
        )
    return file.getvalue()


def _planes(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


@contextmanager
def _torch(module: Any, x: np.ndarray, threads: int) -> Iterator[Ready]:
    import copy

    import torch

    model = copy.deepcopy(module).to(memory_format=torch.channels_last)
    batch = torch.from_numpy(_planes(x)).contiguous(memory_format=torch.channels_last)
    with torch_threads(threads):
        yield Ready(lambda: model(batch), lambda y: y.numpy())


@contextmanager
def _openvino(module: Any, x: np.ndarray, threads: int) -> Iterator[Ready]:
    batch = _planes(x)
    request = openvino_request(openvino_core().read_model(onnx_export(module, batch.shape)), batch, threads)
    yield Ready(request.infer, lambda _: request.get_output_tensor().data)


@contextmanager
def _openvino_int8(module: Any, x: np.ndarray, threads: int) -> Iterator[Ready]:
    """The ranges are those of the timed input, as in `network_engines.openvino_int8_network`."""
    batch = _planes(x)
    model = folded(openvino_core().read_model(onnx_export(module, batch.shape)))
    quantize(model, calibrated(model, batch))
    request = openvino_request(model, batch, threads)
    if not sums_in_int8(request):
        raise UnsupportedError("OpenVINO has no int8 kernels for all of its sums on this processor")
    yield Ready(request.infer, lambda _: request.get_output_tensor().data)


@contextmanager
def _onnxruntime(module: Any, x: np.ndarray, threads: int) -> Iterator[Ready]:
    batch = _planes(x)
    session = onnxruntime_session(onnx_export(module, batch.shape), threads)
    yield Ready(lambda: session.run(None, {"x": batch})[0])
