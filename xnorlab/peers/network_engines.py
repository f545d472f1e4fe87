"""Whole networks in other engines: torch from its own modules, OpenVINO and ONNX Runtime through an ONNX graph."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from xnorlab.benchmark import NetworkContestant, Ready, UnsupportedError
from xnorlab.benchmark.quantization import Grid
from xnorlab.peers.engine_threads import onnxruntime_session, openvino_core, openvino_request, torch_threads
from xnorlab.peers.openvino_int8 import quantize, sums_in_int8
from xnorlab.runtime import Network
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.onnx_graph import onnx_model, value_name


def torch_network(network: Network, module: Callable[[], Any], label: str, *, ours: bool = False) -> NetworkContestant:
    """A network in torch, float32.

    Args:
        network: The packed network of the same name.
        module: Returns the torch module, in eval mode.
        label: Name of the contestant; the layout is channels-last if it ends in "channels-last".
        ours: Whether the layers of xnorlab compute it.
    """
    channels_last = label.endswith("channels-last")

    @contextmanager
    def prepare(x: np.ndarray, threads: int) -> Iterator[Ready]:
        import torch

        layout = torch.channels_last if channels_last else torch.contiguous_format
        # A copy: the layout is changed in place, and the other contestant may hold the same module.
        model = copy.deepcopy(module()).to(memory_format=layout)
        batch = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        with torch_threads(threads):
            yield Ready(lambda: model(batch), lambda y: y.numpy())

    about = f"torch float32, {'channels-last' if channels_last else 'NCHW'}, {network.name}"
    signs = any(row.binary_macs for row in network.summary())
    return NetworkContestant(label, about, network.name, prepare, "signs" if signs else "float", ours)


def openvino_network(network: Network) -> NetworkContestant:
    """A float network in OpenVINO, float32."""

    @contextmanager
    def prepare(x: np.ndarray, threads: int) -> Iterator[Ready]:
        batch = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        request = openvino_request(openvino_core().read_model(onnx_model(network, batch.shape)), batch, threads)
        yield Ready(request.infer, lambda _: request.get_output_tensor().data)

    return NetworkContestant("openvino-float", f"OpenVINO float32, {network.name}", network.name, prepare)


def openvino_int8_network(network: Network) -> NetworkContestant:
    """A float network in OpenVINO, quantized to int8 with the ranges of values that the timed pictures produce."""

    @contextmanager
    def prepare(x: np.ndarray, threads: int) -> Iterator[Ready]:
        batch = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        model = openvino_core().read_model(onnx_model(network, batch.shape))
        grids = {value_name(INPUT): Grid.of(x)}
        network.run(x, lambda op, value, seconds: grids.update({value_name(op.name): Grid.of(value)}))
        quantize(model, grids)
        request = openvino_request(model, batch, threads)
        if not sums_in_int8(request):
            raise UnsupportedError(f"OpenVINO has no int8 kernels for all sums of {network.name} on this processor")
        yield Ready(request.infer, lambda _: request.get_output_tensor().data)

    return NetworkContestant("openvino-int8", f"OpenVINO int8, {network.name}", network.name, prepare, "int8")


def onnxruntime_network(network: Network) -> NetworkContestant:
    """A float network in ONNX Runtime, float32."""

    @contextmanager
    def prepare(x: np.ndarray, threads: int) -> Iterator[Ready]:
        batch = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        session = onnxruntime_session(onnx_model(network, batch.shape), threads)
        yield Ready(lambda: session.run(None, {"x": batch})[0])

    return NetworkContestant("onnxruntime-float", f"ONNX Runtime float32, {network.name}", network.name, prepare)
