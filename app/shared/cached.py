"""The only st.cache_* calls: networks and weights that all visitors share. Never a timing."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from views.start import filter_responses

from xnorlab import pretrained
from xnorlab.zoo.cost import NetworkCost, network_cost
from xnorlab.zoo.layer_names import layer_names

if TYPE_CHECKING:
    from torch.nn import Module

    from xnorlab.nn import BinaryConv2d
    from xnorlab.runtime import Network


@st.cache_resource(show_spinner=False, max_entries=64)
def network(name: str) -> "Network":
    """The packed network `name`, its kernels compiled by one run on zeros.

    Raises ValueError (PretrainedError, PackedFileError) where the file is missing, altered or not ours; a failure
    is not kept, so that a file that comes back is found.
    """
    try:
        loaded = pretrained.load(name)
        loaded.run(np.zeros((1, *loaded.input_shape), np.float32))
    finally:
        _warm.add(name)
    return loaded


_warm: set[str] = set()


def is_warm(name: str) -> bool:
    """Whether `name` was loaded, or refused, once, so that the next call does not wait for a compiler."""
    return name in _warm


@st.cache_data(show_spinner=False, max_entries=64)
def cost(name: str) -> NetworkCost:
    """The figures of the packed network `name`, read from its file and its arrays; raises as `network` does.

    Of a copy of its own, run once: what visitors do with the shared one must not change its figures.
    """
    loaded = pretrained.load(name)
    loaded.run(np.zeros((1, *loaded.input_shape), np.float32))
    return network_cost(name, pretrained.manifest_entry(name), loaded)


@st.cache_resource(show_spinner=False, max_entries=8)
def conv_weights(name: str) -> dict[str, np.ndarray]:
    """The latent weights of every convolution of `name`, by `layer_names` → (N, C, kh, kw) float32; read only."""
    found = {key.removesuffix(".weight"): array for key, array in pretrained.weights(name).items() if array.ndim == 4}
    return {layer: found[path] for path, layer in layer_names(found).items()}


@st.cache_resource(show_spinner=False, max_entries=8)
def torch_network(name: str) -> "tuple[Module, dict[str, BinaryConv2d]]":
    """The torch twin of `name`, and its convolutions that may be binary by `layer_names`; read only."""
    from xnorlab import models
    from xnorlab.nn import BinaryConv2d

    model = models.load(name)
    found = {path: module for path, module in model.named_modules() if isinstance(module, BinaryConv2d)}
    return model, {layer: found[path] for path, layer in layer_names(found).items()}


@st.cache_data(show_spinner=False, max_entries=64)
def responses(sample: str, network_name: str, index: int) -> dict[str, filter_responses.Response]:
    """Filter `index` of the network's first layer on the shipped photo `sample`, under the five schemes."""
    return filter_responses.responses(sample, conv_weights(network_name)["conv1"], index)
