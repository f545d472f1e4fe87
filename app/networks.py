"""Which shipped networks there are, seen as the pages show them: families of one model under the five schemes."""

from typing import Any

from xnorlab import pretrained
from xnorlab.figures.style import SCHEMES, VARIANTS

DEFAULT_FAMILY = "imagenette/alexnet"
SCHEME_NAMES = list(SCHEMES)


def families() -> list[str]:
    """`<data set>/<model>` of every shipped network; the default one is always listed, and first."""
    try:
        names = pretrained.names()
    except pretrained.PretrainedError:
        names = ()
    found = {name.rpartition("/")[0] + "/" + name.rpartition("/")[2].partition("-")[0] for name in names}
    return [DEFAULT_FAMILY, *sorted(found - {DEFAULT_FAMILY})]


def name(family: str, scheme: str) -> str:
    """The name that `xnorlab.load` takes."""
    return f"{family}-{scheme}"


def schemes(family: str) -> list[str]:
    """The five schemes, shipped or not, then the variants and later systems under which `family` is shipped."""
    return SCHEME_NAMES + [scheme for scheme in VARIANTS if is_shipped(family, scheme)]


def is_shipped(family: str, scheme: str) -> bool:
    """Whether the manifest names it."""
    try:
        return name(family, scheme) in pretrained.names()
    except pretrained.PretrainedError:
        return False


def advice(family: str, scheme: str) -> str:
    """How to get a network that is not there."""
    dataset, _, model = family.partition("/")
    return (
        "Bring it back with `git checkout -- pretrained` in a checkout, or by installing xnorlab again. Or train it on "
        f"{dataset}'s folder: `xnorlab train {dataset} --model {model} --scheme {scheme} --out runs/{scheme}`, then "
        f"`xnorlab ship runs/{scheme} --data {dataset}`."
    )


def entry(family: str, scheme: str) -> dict[str, Any]:
    """The manifest's record of a network that could be loaded."""
    return pretrained.manifest_entry(name(family, scheme))
