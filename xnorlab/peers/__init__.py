"""Other engines to be timed against: torch, OpenVINO, ONNX Runtime. Each is imported only when it is asked for.

A contestant prepares itself for a problem as well as that engine allows (weights converted once, fixed shapes, the
layout it likes best), and afterwards puts its thread settings back.
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
    """What a packed network is timed against: itself simulated in torch, and its float twin in every engine.

    module: from the name of either to its torch module; `xnorlab.models.load`, which knows the pretrained ones, where
    None. float_twin may be `network` itself.
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
