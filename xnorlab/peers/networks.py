"""Whole networks in other engines: torch by its own modules, OpenVINO and ONNX Runtime through an ONNX graph."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from xnorlab.benchmark import NetworkContestant, NetworkPeer
from xnorlab.peers.onnx_graph import onnx_model
from xnorlab.peers.settings import onnxruntime_session, openvino_request, torch_threads
from xnorlab.runtime import Network


def torch_network(name: str, label: str) -> NetworkPeer:
    """The pretrained network `name` in torch, float32, eval mode; channels-last where `label` ends so."""

    @contextmanager
    def peer(x: np.ndarray, threads: int) -> Iterator[Sequence[NetworkContestant]]:
        import torch

        from xnorlab.models import load

        channels_last = label.endswith("channels-last")
        layout = torch.channels_last if channels_last else torch.contiguous_format
        model = load(name).to(memory_format=layout)  # pyright: ignore  # torch's stubs lack this form
        batch = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        about = f"torch float32, {'channels-last' if channels_last else 'NCHW'}, {name}"
        with torch_threads(threads):
            yield [NetworkContestant(label, about, lambda: model(batch), lambda y: y.numpy(), name)]

    return peer


def openvino_network(network: Network) -> NetworkPeer:
    """A float network in OpenVINO, float32."""

    @contextmanager
    def peer(x: np.ndarray, threads: int) -> Iterator[Sequence[NetworkContestant]]:
        import openvino as ov

        batch = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        request = openvino_request(ov.Core().read_model(onnx_model(network, batch.shape)), batch, threads)
        about = f"OpenVINO float32, {network.name}"
        yield [
            NetworkContestant(
                "openvino-float", about, request.infer, lambda _: request.get_output_tensor().data, network.name
            )
        ]

    return peer


def onnxruntime_network(network: Network) -> NetworkPeer:
    """A float network in ONNX Runtime, float32."""

    @contextmanager
    def peer(x: np.ndarray, threads: int) -> Iterator[Sequence[NetworkContestant]]:
        batch = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        session = onnxruntime_session(onnx_model(network, batch.shape), threads)
        about = f"ONNX Runtime float32, {network.name}"
        yield [
            NetworkContestant(
                "onnxruntime-float", about, lambda: session.run(None, {"x": batch})[0], np.asarray, network.name
            )
        ]

    return peer
