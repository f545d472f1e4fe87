"""Networks for torch, each of which is built under any scheme."""

from collections.abc import Callable
from inspect import signature

from torch import nn

from xnorlab.models.alexnet import alexnet
from xnorlab.models.densenet import densenet28
from xnorlab.models.googlenet import googlenet
from xnorlab.models.mobilenet import mobilenet
from xnorlab.models.nin import nin
from xnorlab.models.quicknet import quicknet
from xnorlab.models.resnet import resnet18, resnet20, resnet34
from xnorlab.models.vgg_small import vgg_small
from xnorlab.nn import Scheme
from xnorlab.suggestions import nearest, unknown

MODELS: dict[str, Callable[..., nn.Sequential]] = {
    "alexnet": alexnet,
    "densenet28": densenet28,
    "googlenet": googlenet,
    "mobilenet": mobilenet,
    "nin": nin,
    "quicknet": quicknet,
    "resnet18": resnet18,
    "resnet20": resnet20,
    "resnet34": resnet34,
    "vgg_small": vgg_small,
}
"""The networks by name; `xnorlab.paper.published` has the figures that their papers print."""


def build(model: str, scheme: str | Scheme, num_classes: int, **options) -> nn.Sequential:
    """Network by name: `build("alexnet", "xnor", 10, head="pool")`.

    Args:
        model: key of MODELS.
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output, at least 2.
        **options: keyword arguments of the model.

    Raises:
        ValueError: the model or the scheme is unknown, the model does not have an option, or a value is out of range.
    """
    if model not in MODELS:
        raise ValueError(unknown("model", model, MODELS))
    known = [name for name, value in signature(MODELS[model]).parameters.items() if value.kind is value.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise ValueError(f"{model} has no option {option!r}; {has}{nearest(option, known)}")
    if num_classes < 2:
        raise ValueError(f"num_classes={num_classes} must be at least 2")
    return MODELS[model](scheme, num_classes, **options)


def load(name: str) -> nn.Module:
    """Torch module of a shipped network, with its latent weights, in eval mode; `xnorlab.load` gives the packed one."""
    from xnorlab.models.pretrained import load as load_pretrained

    return load_pretrained(name)


__all__ = [
    "MODELS",
    "alexnet",
    "build",
    "densenet28",
    "googlenet",
    "load",
    "mobilenet",
    "nin",
    "quicknet",
    "resnet18",
    "resnet20",
    "resnet34",
    "vgg_small",
]
