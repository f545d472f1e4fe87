"""Variants of the named systems: what ablations change in one of them, and first stages of two-stage training."""

from dataclasses import replace

from xnorlab.binarize import AbsMeanTernary, BiRealSign, KBit, LearnedScale, Sign
from xnorlab.nn.schemes import SCHEMES, Scheme
from xnorlab.suggestions import unknown

BITS = (2, 4, 8)
"""Bits of an activation in the k-bit ablation. One bit is XNOR itself."""


def _variant(base: str, name: str, title: str, **changes) -> Scheme:
    scheme = SCHEMES[base]
    return replace(scheme, name=f"{base}-{name}", title=f"{scheme.title}, {title}", **changes)


VARIANTS: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        _variant("bwn", "learned", "learned scale", weights=LearnedScale),
        _variant("xnor", "learned", "learned scale", weights=LearnedScale),
        _variant("xnor", "unscaled", "no scale", weights=lambda n: Sign()),
        _variant("bwn", "no-norm", "no norm", norm=False),
        _variant("binaryconnect", "no-norm", "no norm", norm=False),
        _variant("xnor", "cbap", "conv, norm, sign, pool", order="conv-norm-act"),
        _variant(
            "xnor", "unscaled-cbap", "no scale; conv, norm, sign, pool", weights=lambda n: Sign(), order="conv-norm-act"
        ),
        _variant("xnor", "polynomial", "polynomial gradient", inputs=lambda c: BiRealSign()),
        _variant("bwn", "binary-ends", "binary first and last layer", binary_ends=True),
        _variant("xnor", "binary-ends", "binary first and last layer", binary_ends=True),
        _variant("ternary", "one-scale", "one scale per layer", weights=lambda n: AbsMeanTernary(per_tensor=True)),
        *(_variant("xnor", f"{k}-bit", f"{k}-bit activations", inputs=lambda c, k=k: KBit(k)) for k in BITS),
        *(_variant(base, "stage-1", "weights still real", weights=None) for base in ("xnor", "bireal", "reactnet")),
    )
}
"""Variants by name, `<system>-<what differs>`."""


def get_scheme(scheme: str | Scheme) -> Scheme:
    """Scheme by name, a system or a variant; a Scheme is returned as it is.

    Raises:
        ValueError: the name is unknown; the message lists the known ones.
    """
    if isinstance(scheme, Scheme):
        return scheme
    known = SCHEMES | VARIANTS
    if scheme not in known:
        raise ValueError(unknown("scheme", scheme, known))
    return known[scheme]
