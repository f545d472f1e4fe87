"""See, train, pack, run and time binary neural networks on an ordinary CPU.

    import xnorlab
    network = xnorlab.load("imagenette/alexnet-xnor")
    network.predict([xnorlab.images.open_image("photo.jpg")])

The map of the floors; each room only looks down:

    training/  →  models/  →  nn/  →  binarize/     the paper's maths, layers, networks, training (torch)
    export                                          the one bridge: torch module → packed network
    cli, peers                                      the command line; other engines to time against
    benchmark  →  runtime/  →  kernels/             packed inference, timing (numpy, numba, no torch)
    images, preprocessing, pretrained, histories    photos in, shipped networks and how they learned
    cost_model                                      the paper's predicted operations and memory
    figures/                                        arrays in, plotly figures out
    conventions                                     signs, bits, words, padding: everyone's common ground

Importing this package imports none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnorlab.pretrained import load, names

__all__ = ["__version__", "load", "names"]
__version__ = "0.1.0"

_ROOMS = {
    *("benchmark", "binarize", "conventions", "export", "figures", "images", "kernels", "models", "nn", "paper"),
    *("peers", "preprocessing", "pretrained", "runtime", "training", "units", "verdicts", "zoo"),
}


def __getattr__(name: str):
    """`load`, `names` and the rooms, imported when first asked for (PEP 562)."""
    if name in ("load", "names"):
        return getattr(import_module("xnorlab.pretrained"), name)
    if name in _ROOMS:
        return import_module(f"xnorlab.{name}")
    raise AttributeError(f"module 'xnorlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
