"""The shipped networks: which there are, what is known of each, and their files, checked. Never imports torch.

from xnorlab import pretrained
pretrained.names()                                     # ("imagenette/alexnet-binaryconnect", …)
pretrained.entry("imagenette/alexnet-xnor").top1       # what the manifest says: a `ShippedNetwork`
pretrained.load("imagenette/alexnet-xnor")             # the packed network
pretrained.weights("imagenette/alexnet-xnor")          # its latent weights, as arrays
"""

from xnorlab.zoo.files import history_path, latent_path, load, path, weights
from xnorlab.zoo.manifest import PretrainedError, Repeat, ShippedNetwork, entries, entry, folder, names, sibling

__all__ = [
    "PretrainedError",
    "Repeat",
    "ShippedNetwork",
    "entries",
    "entry",
    "folder",
    "history_path",
    "latent_path",
    "load",
    "names",
    "path",
    "sibling",
    "weights",
]
