"""A network as the header and the tensors of its packed file, and back."""

from typing import TYPE_CHECKING, Any

import numpy as np

from xnorlab.images.preprocessing import Preprocessing
from xnorlab.runtime import graph
from xnorlab.runtime.arguments import outputs_from_header
from xnorlab.runtime.unknown import UnknownRule

if TYPE_CHECKING:
    from xnorlab.runtime.network import Network

_HEADER = {"name", "labels", "preprocessing", "provenance", "input_shape", "graph"}
_OPTIONAL = {"fixed_by", "unknown", "outputs"}


def of(network: "Network") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the tensors of a network's packed file."""
    records, tensors = graph.to_header(network.ops)
    header = {
        "name": network.name,
        "labels": list(network.labels),
        "preprocessing": None if network.preprocessing is None else network.preprocessing.to_dict(),
        "provenance": network.provenance,
        "input_shape": list(network.input_shape),
        "graph": records,
    }
    if network.fixed_by:  # only then: readers of version 1 cannot open a file with this field
        header["fixed_by"] = network.fixed_by
    if network.unknown is not None:  # likewise, of version 2
        header["unknown"] = network.unknown.to_dict()
    if network.outputs:
        header["outputs"] = [list(pair) for pair in network.outputs.items()]
    return header, tensors


def arguments(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """The arguments of the `Network` in a packed file; raises ValueError where the header holds none."""
    if set(header) - _OPTIONAL != _HEADER:
        raise ValueError(f"its header must have exactly the fields {', '.join(sorted(_HEADER))}")
    preprocessing = header["preprocessing"]
    for key in ("labels", "input_shape"):
        if not isinstance(header[key], list):
            raise ValueError(f"{key} must be a list")
    return {
        "ops": graph.from_header(header["graph"], tensors),
        "input_shape": tuple(header["input_shape"]),
        "name": header["name"],
        "labels": header["labels"],
        "preprocessing": None if preprocessing is None else Preprocessing.from_dict(preprocessing),
        "provenance": header["provenance"],
        "fixed_by": header.get("fixed_by", ""),
        "unknown": UnknownRule.from_dict(header["unknown"]) if "unknown" in header else None,
        "outputs": outputs_from_header(header["outputs"]) if "outputs" in header else None,
    }
