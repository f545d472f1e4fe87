"""Other engines to be timed against: torch, OpenVINO, ONNX Runtime. Each is imported only when it is asked for.

A peer is given a problem and yields contestants, prepared as well as that engine allows (weights converted once, fixed
shapes, the layout it likes best), and afterwards puts its thread settings back.
"""

from xnorlab.benchmark import NetworkPeer, Peer
from xnorlab.peers.convolutions import onnxruntime_conv, openvino_conv, torch_conv
from xnorlab.peers.networks import onnxruntime_network, openvino_network, torch_network
from xnorlab.peers.settings import installed
from xnorlab.runtime import Network

__all__ = [
    "conv_peers",
    "installed",
    "network_peers",
    "onnxruntime_conv",
    "onnxruntime_network",
    "openvino_conv",
    "openvino_network",
    "torch_conv",
    "torch_network",
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


def network_peers(network: Network, float_twin: Network | None) -> list[NetworkPeer]:
    """What a pretrained network is timed against: itself simulated in torch, and its float twin in every engine.

    Both must be pretrained networks: torch's modules are found by their names.
    """
    peers: list[NetworkPeer] = []
    if installed("torch"):
        peers.append(torch_network(network.name, "torch-simulated"))
        if float_twin is not None:
            peers += [torch_network(float_twin.name, label) for label in ("torch-nchw", "torch-channels-last")]
    if float_twin is not None and installed("onnx"):
        if installed("openvino"):
            peers.append(openvino_network(float_twin))
        if installed("onnxruntime"):
            peers.append(onnxruntime_network(float_twin))
    return peers
