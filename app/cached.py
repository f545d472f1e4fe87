"""The only st.cache_* calls: networks and weights that all visitors share. Never a timing."""

from typing import TYPE_CHECKING

import demonstration
import numpy as np
import streamlit as st

from xnorlab import pretrained

if TYPE_CHECKING:
    from xnorlab.runtime import Network


@st.cache_resource(show_spinner=False, max_entries=16)
def network(name: str) -> "Network":
    """The packed network `name`, its kernels compiled by one run on zeros.

    Raises ValueError (PretrainedError, PackedFileError) where the file is missing, altered or not ours; a failure
    is not kept, so that a file that comes back is found.
    """
    loaded = pretrained.load(name)
    loaded.run(np.zeros((1, *loaded.input_shape), np.float32))
    return loaded


@st.cache_resource(show_spinner=False, max_entries=8)
def conv_weights(name: str) -> dict[str, np.ndarray]:
    """The latent weights of every convolution of `name`, conv1, conv2, … → (N, C, kh, kw) float32; read only."""
    arrays = pretrained.weights(name)
    # In the order of the modules: 2 before 10.
    keys = sorted(
        arrays, key=lambda key: [(int(part), "") if part.isdigit() else (-1, part) for part in key.split(".")]
    )
    filters = [arrays[key] for key in keys if arrays[key].ndim == 4]
    return {f"conv{index}": array for index, array in enumerate(filters, start=1)}


@st.cache_data(show_spinner=False, max_entries=64)
def responses(sample: str, network_name: str, index: int) -> dict[str, demonstration.Response]:
    """Filter `index` of the network's first layer on the shipped photo `sample`, under the five schemes."""
    return demonstration.responses(sample, conv_weights(network_name)["conv1"], index)
