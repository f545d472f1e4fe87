"""Other engines to be timed against: torch, OpenVINO, ONNX Runtime. Each is imported only when it is asked for.

A peer is given a problem and yields contestants, prepared as well as that engine allows (weights converted once, fixed
shapes, the layout it likes best), and afterwards puts its thread settings back.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from xnorlab.benchmark import NetworkPeer, Peer
from xnorlab.peers.convolutions import onnxruntime_conv, openvino_conv, torch_conv
from xnorlab.peers.networks import onnxruntime_network, openvino_int8_network, openvino_network, torch_network
from xnorlab.peers.settings import installed
from xnorlab.peers.untrained import Untrained, untrained
from xnorlab.runtime import Network

__all__ = [
    "Untrained",
    "conv_peers",
    "installed",
    "network_peers",
    "onnxruntime_conv",
    "onnxruntime_network",
    "openvino_conv",
    "openvino_int8_network",
    "openvino_network",
    "torch_conv",
    "torch_network",
    "untrained",
]


def conv_peers() -> list[Peer]:
    """The peers of a convolution whose packages are installed."""
    peers: list[Peer] = []
    if installed("torch"):
        peers.append(torch_conv)
    if installed("openvino"):
        peers.append(openvino_conv)
    if installed("onnxruntime") and installed("onnx"):
        peers.append(onnxruntime_conv)
    return peers


def network_peers(
    network: Network, float_twin: Network | None, module: Callable[[str], Any] | None = None
) -> list[NetworkPeer]:
    """What a packed network is timed against: itself simulated in torch, and its float twin in every engine.

    module: from the name of either to its torch module; `xnorlab.models.load`, which knows the pretrained ones, where
    None. float_twin may be `network` itself.
    """
    peers: list[NetworkPeer] = []
    if installed("torch"):
        modules = _pretrained_module if module is None else module
        if float_twin is not network:
            peers.append(torch_network(network, partial(modules, network.name), "torch-simulated"))
        if float_twin is not None:
            load = partial(modules, float_twin.name)
            peers += [torch_network(float_twin, load, label) for label in ("torch-nchw", "torch-channels-last")]
    if float_twin is not None and installed("onnx"):
        if installed("openvino"):
            peers += [openvino_network(float_twin), openvino_int8_network(float_twin)]
        if installed("onnxruntime"):
            peers.append(onnxruntime_network(float_twin))
    return peers


def _pretrained_module(name: str) -> Any:
    from xnorlab.models import load

    return load(name)
