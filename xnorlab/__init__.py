"""See, train, pack, run and time binary neural networks on an ordinary CPU.

    import xnorlab
    network = xnorlab.load("imagenette/alexnet-xnor")
    network.predict([xnorlab.images.open_image("photo.jpg")])

The packages, in rows. A package imports from the rows below its own, never from its own row or a row above; the import
contracts in pyproject.toml hold it. In brackets stands what a package needs beyond the base install.

    cli            the command line (torch, where a command trains or packs)

    peers          other engines to time against (torch, OpenVINO, ONNX Runtime, where they are installed)

    training       from a recipe and pictures to a trained network, measured and shipped (torch)
    verdicts       what became of the paper's claims here: evidence, claims, report

    models         AlexNet, ResNet-18 and others under any scheme (torch)
    export         from a torch module to a packed network, the only way; ONNX files out and in (torch; onnx for those)
    pretrained     the shipped networks: names, records, files; a short way to zoo
    classify       a folder or a bucket of pictures to Parquet, on one machine or a cluster (pyarrow; Ray for clusters)
    teach          new classes for a shipped network, from a few photos (scikit-learn, where it learns)

    zoo            what is shipped: manifest, recipes, files, training histories, costs
    benchmark      timing of convolutions and whole networks

    nn             binary layers, blocks and the named schemes (torch)
    runtime        packed networks: operations, graph, plan, file format
    paper          the paper's arithmetic: predicted operations and memory, the XNOR dot product
    preprocessing  a short way to images.Preprocessing

    binarize       signs, ternary weights, scaling factors and gradient estimators (torch)
    kernels        packing, XNOR and float convolutions, pooling, compiled by Numba
    images         from any photo to a network's input
    figures        from arrays to plotly figures (plotly)

    conventions    signs, bits, words, padding
    units          how numbers are written: ms, MiB, %, points
    atomic         files written all or nothing
    printable      text from outside, safe to show
    cache_folder   where measurements and decoded pictures of this machine are kept
    suggestions    "did you mean …?"

Importing this package imports none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnorlab.pretrained import load, names

__all__ = ["__version__", "load", "names"]
__version__ = "0.1.0"

_ON_DEMAND = {
    *("benchmark", "binarize", "classify", "conventions", "export", "figures", "images", "kernels", "models", "nn"),
    *("paper", "peers", "preprocessing", "pretrained", "runtime", "teach", "training", "units", "verdicts", "zoo"),
}


def __getattr__(name: str):
    """`load`, `names` and the packages, imported when first asked for (PEP 562)."""
    if name in ("load", "names"):
        return getattr(import_module("xnorlab.pretrained"), name)
    if name in _ON_DEMAND:
        return import_module(f"xnorlab.{name}")
    raise AttributeError(f"module 'xnorlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ON_DEMAND})
