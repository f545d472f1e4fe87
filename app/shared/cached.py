"""Networks and weights that all visitors share: the only st.cache_* calls of the app. No time is ever cached.

What belongs to a visitor's own network passes through here uncached: it stays in that visitor's session.
"""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from shared import own_networks
from xnorlab import pretrained
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.zoo.cost import NetworkCost, network_cost
from xnorlab.zoo.layer_names import layer_names

if TYPE_CHECKING:
    from torch.nn import Module

    from xnorlab.nn import BinaryConv2d
    from xnorlab.runtime import Network


def network(name: str) -> "Network":
    """The packed network `name`, its kernels compiled by one run on zeros.

    A failure is not cached, so that a file that is restored is used at the next call.

    Raises:
        ValueError: The file is missing, altered or no packed network (PretrainedError, PackedFileError), or the network
            was a visitor's own and this session has none of this name.
    """
    return own_networks.get(name).network if own_networks.is_own(name) else _shipped(name)


@st.cache_resource(show_spinner=False, max_entries=64)
def _shipped(name: str) -> "Network":
    try:
        loaded = pretrained.load(name)
        loaded.run(np.zeros((1, *loaded.input_shape), np.float32))
    finally:
        _warm.add(name)
    return loaded


_warm: set[str] = set()


def is_warm(name: str) -> bool:
    """Whether `name` was loaded or refused before, so that the next call does not wait for a compiler."""
    return name in _warm or own_networks.is_own(name)


def preprocessing(name: str) -> Preprocessing:
    """How the packed network `name` resizes and crops a photo; raises as `network` does, and where it does not say."""
    own = network(name).preprocessing
    if own is None:
        raise ValueError("This network holds no preprocessing: its file does not say how a photo becomes its input.")
    return own


@st.cache_data(show_spinner=False, max_entries=64)
def cost(name: str) -> NetworkCost:
    """The costs of the packed network `name`, read from its file and its arrays; raises as `network` does.

    They are those of a separate copy after one run, because what visitors do with the shared one changes its arrays.
    """
    loaded = pretrained.load(name)
    loaded.run(np.zeros((1, *loaded.input_shape), np.float32))
    return network_cost(pretrained.entry(name), loaded)


def conv_weights(name: str) -> dict[str, np.ndarray]:
    """The latent weights of every convolution of `name`: layer's name → (N, C, kh, kw) float32, read only.

    A packed file alone has those of the convolutions that stay real; there may be none.
    """
    if not own_networks.is_own(name):
        return _shipped_conv_weights(name)
    ops = [op for op in network(name).ops if op.weight_bits]
    names = layer_names(op.name for op in ops)
    return {names[op.name]: np.moveaxis(op.tensors()["weight"], -1, 1) for op in ops if op.kind == "conv"}


@st.cache_resource(show_spinner=False, max_entries=8)
def _shipped_conv_weights(name: str) -> dict[str, np.ndarray]:
    weights = {
        path.removesuffix(".weight"): array for path, array in pretrained.weights(name).items() if array.ndim == 4
    }
    return {layer: weights[path] for path, layer in layer_names(weights).items()}


@st.cache_resource(show_spinner=False, max_entries=8)
def torch_network(name: str) -> "tuple[Module, dict[str, BinaryConv2d]]":
    """The torch network `name`, and its convolutions that may be binary layer's name → module; read only."""
    from xnorlab import models
    from xnorlab.nn import BinaryConv2d

    model = models.load(name)
    modules = {path: module for path, module in model.named_modules() if isinstance(module, BinaryConv2d)}
    return model, {layer: modules[path] for path, layer in layer_names(modules).items()}
