"""Networks, each under any scheme by one argument."""

from collections.abc import Callable

from torch import nn

from xnorlab.models.alexnet import alexnet
from xnorlab.models.nin import nin
from xnorlab.models.resnet import resnet18
from xnorlab.nn import Scheme

MODELS: dict[str, Callable[..., nn.Sequential]] = {"alexnet": alexnet, "resnet18": resnet18, "nin": nin}


def build(model: str, scheme: str | Scheme, num_classes: int, **options) -> nn.Sequential:
    """A network by name: build("alexnet", "xnor", 10, head="pool"). Raises ValueError for an unknown name."""
    if model not in MODELS:
        raise ValueError(f"model={model!r} is not one of {', '.join(MODELS)}")
    if num_classes < 2:
        raise ValueError(f"num_classes={num_classes} must be at least 2")
    return MODELS[model](scheme, num_classes, **options)


def load(name: str) -> nn.Module:
    """The torch twin of `xnorlab.load(name)`: latent weights, eval mode."""
    from xnorlab.models.pretrained import load as load_pretrained

    return load_pretrained(name)


__all__ = ["MODELS", "alexnet", "build", "load", "nin", "resnet18"]
