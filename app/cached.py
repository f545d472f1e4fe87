"""The only st.cache_* calls: networks and weights that all visitors share. Never a timing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import demonstration
import numpy as np
import streamlit as st

from xnorlab import pretrained
from xnorlab.network_cost import NetworkCost, network_cost

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from xnorlab.nn import BinaryConv2d
    from xnorlab.runtime import Network


@st.cache_resource(show_spinner=False, max_entries=16)
def network(name: str) -> "Network":
    """The packed network `name`, its kernels compiled by one run on zeros.

    Raises ValueError (PretrainedError, PackedFileError) where the file is missing, altered or not ours; a failure
    is not kept, so that a file that comes back is found.
    """
    loaded = pretrained.load(name)
    loaded.run(np.zeros((1, *loaded.input_shape), np.float32))
    _warm.add(name)
    return loaded


_warm: set[str] = set()


def is_warm(name: str) -> bool:
    """Whether `network` has been there for `name` once, so that the next call does not wait for a compiler."""
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
    """The latent weights of every convolution of `name`, conv1, conv2, … → (N, C, kh, kw) float32; read only."""
    arrays = pretrained.weights(name)
    return {layer: arrays[key] for layer, key in _conv_keys(arrays).items()}


def _conv_keys(arrays: "Mapping[str, np.ndarray | Tensor]") -> dict[str, str]:
    """conv1, conv2, … → the keys of the arrays with four axes, in the order of the modules: the stem, 2 before 10."""

    def place(key: str) -> tuple[bool, list[tuple[int, str]]]:
        steps = [(int(part), "") if part.isdigit() else (-1, part) for part in key.split(".")]
        return not key.startswith("stem."), steps

    keys = sorted((key for key in arrays if arrays[key].ndim == 4), key=place)
    return {f"conv{index}": key for index, key in enumerate(keys, start=1)}


@st.cache_resource(show_spinner=False, max_entries=8)
def torch_network(name: str) -> "tuple[Module, dict[str, BinaryConv2d]]":
    """The torch twin of `name`, and its layers that may be binary by the names of `conv_weights`; read only."""
    from xnorlab import models
    from xnorlab.nn import BinaryConv2d

    model = models.load(name)
    modules = {
        layer: model.get_submodule(key.rpartition(".")[0]) for layer, key in _conv_keys(model.state_dict()).items()
    }
    return model, {layer: module for layer, module in modules.items() if isinstance(module, BinaryConv2d)}


@st.cache_data(show_spinner=False, max_entries=64)
def responses(sample: str, network_name: str, index: int) -> dict[str, demonstration.Response]:
    """Filter `index` of the network's first layer on the shipped photo `sample`, under the five schemes."""
    return demonstration.responses(sample, conv_weights(network_name)["conv1"], index)
