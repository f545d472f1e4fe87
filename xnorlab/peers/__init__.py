"""Other engines for comparison: torch, OpenVINO and ONNX Runtime. Each is imported only when it is used.

Each contestant prepares the problem as well as its engine allows: weights are converted once, shapes are fixed, and the
engine chooses its layout. Afterwards the thread settings are restored.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from xnorlab.benchmark import NetworkContestant
from xnorlab.peers.conv_engines import CONVS, TORCH_CONVS
from xnorlab.peers.network_engines import onnxruntime_network, openvino_int8_network, openvino_network, torch_network
from xnorlab.peers.untrained import Untrained, untrained
from xnorlab.runtime import Network

__all__ = [
    "CONVS",
    "TORCH_CONVS",
    "Untrained",
    "network_peers",
    "onnxruntime_network",
    "openvino_int8_network",
    "openvino_network",
    "torch_network",
    "untrained",
]


def network_peers(
    network: Network, float_twin: Network | None, module: Callable[[str], Any] | None = None
) -> list[NetworkContestant]:
    """List the contestants for a packed network: the network simulated in torch, and its float twin in each engine.

    Args:
        network: The packed network.
        float_twin: The same architecture with real weights; may be `network` itself; None if there is none.
        module: Returns the torch module for the name of either network; `xnorlab.models.load` if None.
    """
    modules = _pretrained_module if module is None else module
    peers: list[NetworkContestant] = []
    if float_twin is not network:
        peers.append(torch_network(network, partial(modules, network.name), "torch-simulated", ours=True))
    if float_twin is not None:
        load = partial(modules, float_twin.name)
        peers += [torch_network(float_twin, load, label) for label in ("torch-nchw", "torch-channels-last")]
        peers += [openvino_network(float_twin), openvino_int8_network(float_twin), onnxruntime_network(float_twin)]
    return peers


def _pretrained_module(name: str) -> Any:
    from xnorlab.models import load

    return load(name)
