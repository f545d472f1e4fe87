"""The visitor's own networks: packed files, checked as hostile and kept in the memory of the session alone.

The library's reader refuses what is no network. A network that it opens may still be too much for a machine that many
visitors share, and its texts stand on pages; the limits here are about that. Nothing is written to a disk, and nothing
is put where another session could find it.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from xnorlab import units
from xnorlab.printable import one_line

if TYPE_CHECKING:
    from xnorlab.runtime import Network

SCHEME = "yours"
"""Stands where a shipped network has its scheme."""

MOST_MEGABYTES = 50
"""Largest packed file."""
MOST_KEPT = 4
"""Networks of one visitor; the oldest are dropped first."""
MOST_BYTES = 256 * 2**20
"""Weights of one visitor's networks in memory, each of their numbers as a float32 in the order of its kernel."""
MOST_WORK = 2**34
"""Multiply-adds for one picture, and TOUCH for each value that an op touches: about a second. ResNet-50 has 2**32."""
TOUCH = 16
"""Multiply-adds that take as long as one value that is read or written: about 1 ns."""
MOST_VALUES = 2**25
"""Values of all ops together for one picture, which the page Inside keeps."""
MOST_LAYERS = 200
"""Layers with weights, for each of which a kernel may be compiled."""
MOST_CLASSES = 1000
MOST_CHARACTERS = 80
"""Longest name of a class or an op."""

LOST = (
    "The network of this address was a visitor's own. Such networks are kept in the memory of a session, and this one "
    "is gone or another's. Showing {title} instead."
)

_KEPT = "own networks: kept"
_OWN = "yours-"  # how their keys begin
_OP_NAME = re.compile(rf"[\w.#-]{{1,{MOST_CHARACTERS}}}")  # as `export.pack` writes them; they stand in headings
_LONGEST_TITLE = 40
_GROUP_BYTES = (
    4096  # what a group of a convolution counts at least: putting it in order takes time, however small it is
)


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A visitor's network.

    Attributes:
        key: Its name in the session and the address, which follows from the file's content.
        title: "Yours: " and its name, of harmless characters.
        network: The network, which has run once.
        file_bytes: Size of its packed file.
        memory_bytes: What counts against MOST_BYTES.
    """

    key: str
    title: str
    network: "Network"
    file_bytes: int
    memory_bytes: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Its labels, or the numbers of its outputs; none where its output is no list of classes."""
        shape = self.network.output_shape
        return self.network.labels or (tuple(map(str, range(shape[0]))) if len(shape) == 1 else ())


def kept() -> dict[str, OwnNetwork]:
    """This visitor's networks by key, oldest first."""
    return st.session_state.setdefault(_KEPT, {})


def is_own(key: str) -> bool:
    """Whether `key` is that of a visitor's own network, kept in this session or not."""
    return key.startswith(_OWN)


def get(key: str) -> OwnNetwork:
    """The network with this key; raises ValueError where this session has none."""
    if key not in kept():
        raise ValueError(LOST.partition(" Showing")[0])
    return kept()[key]


def title(key: str) -> str:
    """How the network is written, also where it was removed since."""
    return kept()[key].title if key in kept() else "Yours, removed"


def keep(name: str, data: bytes) -> tuple[str, list[str]]:
    """Check the packed file `data`, named `name`, and keep its network in the session.

    Returns:
        Its key, and the titles of older networks that were dropped for it.

    Raises:
        ValueError: It cannot be used; the message is one sentence that names the file and what is wrong.
    """
    own = opened(name, data)
    networks = kept()
    networks.pop(own.key, None)
    networks[own.key] = own  # the newest
    dropped = []
    while len(networks) > MOST_KEPT or sum(each.memory_bytes for each in networks.values()) > MOST_BYTES:
        dropped.append(networks.pop(next(iter(networks))).title)
    return own.key, dropped


def forget(key: str) -> None:
    """Forget a network."""
    kept().pop(key, None)


def opened(name: str, data: bytes) -> OwnNetwork:
    """The network in the packed file `data`, named `name`; raises as `keep` does."""
    from xnorlab.runtime import Network, file_format

    _check("file", len(data), MOST_MEGABYTES * 2**20, name)
    try:
        header, tensors = file_format.from_bytes(data)
        memory = _memory_bytes(header, tensors)
        _check("memory", memory, MOST_BYTES, name)
        del header, tensors
        network = Network.from_bytes(data)
        _check_network(name, network)
        network.run(np.zeros((1, *network.input_shape), np.float32))  # its kernels are compiled
    except file_format.PackedFileError as error:
        raise ValueError(f"{one_line(name)} {one_line(error.reason)}.") from None
    except MemoryError:
        raise ValueError(f"{one_line(name)} takes more memory than this machine has.") from None
    plain = re.sub(r"[^\w .+-]", "·", one_line(network.name).strip() or PurePosixPath(name).stem)
    key = _OWN + hashlib.sha256(data).hexdigest()[:12]
    return OwnNetwork(key, f"Yours: {plain[:_LONGEST_TITLE]}", network, len(data), memory)


def _check_network(name: str, network: "Network") -> None:
    """Raise ValueError where a valid network is too much for a page."""
    from xnorlab.runtime.graph import infer_shapes

    strange = next((op.name for op in network.ops if not _OP_NAME.fullmatch(op.name)), None)
    if strange is not None:
        raise ValueError(
            f"{one_line(name)} names a layer {one_line(strange[:MOST_CHARACTERS])!r}; the rule is letters, digits, "
            f"“.”, “_”, “-” and “#”, at most {MOST_CHARACTERS} of them."
        )
    shapes = infer_shapes(network.ops, network.input_shape)
    rows = network.summary()
    touched = sum(op.touched(*(shapes[name] for name in op.inputs)) for op in network.ops)
    _check("layers", sum(row.weight_bits > 0 for row in rows), MOST_LAYERS, name)
    _check("work", sum(row.binary_macs + row.float_macs for row in rows) + TOUCH * touched, MOST_WORK, name)
    _check("values", sum(map(math.prod, shapes.values())), MOST_VALUES, name)
    if len(network.output_shape) == 1:
        _check("classes", network.output_shape[0], MOST_CLASSES, name)
    _check("label", max(map(len, network.labels), default=0), MOST_CHARACTERS, name)


def _check(what: str, size: int, most: int, name: str) -> None:
    """Raise ValueError with one sentence where `size` is more than `most`."""
    if size <= most:
        return
    sentences = {
        "file": f"is {units.memory(size)} large; the limit is {units.memory(most)}",
        "memory": f"holds weights that take up to {units.memory(size)} in memory; the limit is {units.memory(most)}",
        "layers": f"has {size:,} layers with weights; the limit is {most:,}",
        "work": f"needs {size:,} operations for one picture; the limit is {most:,}",
        "values": f"makes {size:,} values of one picture; the limit is {most:,}",
        "classes": f"tells {size:,} classes apart; the limit is {most:,}",
        "label": f"has a class whose name takes {size:,} characters; the limit is {most:,}",
    }
    raise ValueError(f"{one_line(name)} {sentences[what]}.")


def _memory_bytes(header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> int:
    """Most bytes that a file's weights take once the network is built, before anything is built.

    Bits count as float32: kernels may widen them. Indices are there twice, of 8 bytes each. A convolution's groups are
    filled up to whole blocks of filters. What is not as it should be counts as it is; the reader refuses it.
    """
    from xnorlab.kernels.filter_blocks import tile_bytes

    graph = header.get("graph")
    groups: dict[str, int] = {}
    for record in graph if isinstance(graph, list) else []:
        attributes = record.get("attributes") if isinstance(record, dict) else None
        count = attributes.get("groups", 1) if isinstance(attributes, dict) else 1
        if type(count) is int and isinstance(record.get("name"), str):
            groups[record["name"]] = count
    total = 0
    for name, tensor in tensors.items():
        op, _, field = name.rpartition(".")
        numbers = tensor.size * (64 if field == "words" else 1)
        count, filters = groups.get(op, 1), len(tensor) if tensor.ndim else 1
        if tensor.ndim == 4 and numbers and 1 <= count <= filters:
            total += max(tile_bytes(filters, count, numbers // filters * count), _GROUP_BYTES * count)
        else:
            total += (16 if field == "indices" else 4) * numbers
    return total
