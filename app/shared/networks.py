"""The networks as the pages show them: families, each one model on one data set under several schemes.

A visitor's own network is a family by itself, whose one scheme is `own_networks.SCHEME`.
"""

from collections.abc import Sequence

from shared import own_networks
from xnorlab import pretrained
from xnorlab.figures.style import SCHEMES, VARIANTS, look
from xnorlab.zoo.cost import DATA_TITLES, MODEL_TITLES

DEFAULT_FAMILY = "imagenette/alexnet"
KINDS = {
    "float": "real weights",
    **dict.fromkeys(("binaryconnect", "binaryconnect-stochastic", "bwn"), "binary weights"),
    **dict.fromkeys(("ternary", "ternary-twn"), "ternary weights"),
}
"""Schemes whose inputs stay real → what their networks are; those of all others are binary in weights and inputs."""


def families(scheme: str | None = None) -> list[str]:
    """`<data set>/<model>` of every shipped network, or of those under `scheme`; the default family is always first."""
    shipped = {family for family, own in map(parts, _shipped()) if scheme in (None, own)}
    return [DEFAULT_FAMILY, *sorted(shipped - {DEFAULT_FAMILY})]


def best_family(wanted: Sequence[str]) -> str:
    """The family shipped under most of these schemes; of several the one with most classes."""
    return max(families(), key=lambda family: (len({*schemes(family)} & {*wanted}), len(labels(family))))


def title(family: str) -> str:
    """A family's title, such as "AlexNet on Imagenette"."""
    if own_networks.is_own(family):
        return own_networks.title(family)
    data, _, model = family.partition("/")
    return f"{MODEL_TITLES.get(model, model)} on {data_title(data)}"


def data_title(data: str) -> str:
    """A data set's title, such as "Tiny ImageNet"."""
    return DATA_TITLES.get(data, data)


def labels(family: str) -> tuple[str, ...]:
    """The classes that `family` tells apart, as its networks number them; none where none of it is there."""
    if own_networks.is_own(family):
        return own_networks.get(family).classes
    for shipped in _shipped():
        if parts(shipped)[0] == family:
            return pretrained.entry(shipped).labels
    return ()


def with_count(family: str) -> str:
    """A family's title and its number of classes, such as "ResNet-18 on Tiny ImageNet: 200 things"."""
    known = labels(family)
    return f"{title(family)}: {len(known)} things" if known else title(family)


def classes_by_data_set() -> dict[str, tuple[str, ...]]:
    """Each data set with a shipped network → the classes that its networks tell apart; the default data set first."""
    classes: dict[str, tuple[str, ...]] = {}
    for family in families():
        if known := labels(family):
            classes.setdefault(family.partition("/")[0], known)
    return classes


def name(family: str, scheme: str) -> str:
    """The name that `xnorlab.load` takes; of a visitor's own network, which it knows nothing of, the family."""
    return family if own_networks.is_own(family) else f"{family}-{scheme}"


def schemes(family: str) -> list[str]:
    """The schemes under which `family` is shipped, in their fixed order; the paper's five where there are none."""
    if own_networks.is_own(family):
        return [own_networks.SCHEME]
    shipped = _shipped()
    return [s for s in (*SCHEMES, *VARIANTS) if name(family, s) in shipped] or list(SCHEMES)


def kinds(schemes: Sequence[str]) -> str:
    """The kinds of networks among `schemes`, such as "real weights, binary weights, binary everything"."""
    return ", ".join(dict.fromkeys(KINDS.get(scheme, "binary everything") for scheme in schemes))


def with_glyph(scheme: str) -> str:
    """A scheme's mark and name, as menus write it."""
    return f"{look(scheme).glyph} {look(scheme).label}"


def advice(family: str, scheme: str) -> str:
    """How to get a network that is not shipped; "" for one whose file is missing or altered, whose error says how."""
    wanted = name(family, scheme)
    if wanted in _shipped() or own_networks.is_own(family):
        return ""
    return f"Train it: `xnorlab zoo train --data DATA --only {wanted}`, then `xnorlab zoo ship --data DATA`."


def entry(family: str, scheme: str) -> pretrained.ShippedNetwork:
    """What the manifest says of a shipped network that could be loaded."""
    return pretrained.entry(name(family, scheme))


def _shipped() -> tuple[str, ...]:
    """Every name of the manifest; none where there is no manifest that can be read."""
    try:
        return pretrained.names()
    except pretrained.PretrainedError:
        return ()


def parts(name: str) -> tuple[str, str]:
    """(family, scheme) of a shipped network's name."""
    data, _, network = name.rpartition("/")
    model, _, scheme = network.partition("-")
    return f"{data}/{model}", scheme
