"""Every scheme has a look of its own that is visible on both backgrounds."""

import pytest

from xnorlab.figures import style

BACKGROUNDS = {False: "#FFFFFF", True: "#0F1218"}
EVERY = {**style.SCHEMES, **style.VARIANTS, **style.YOURS}


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("scheme", [*style.VARIANTS, *style.YOURS])
def test_a_variant_stands_out_from_the_background_three_to_one(scheme, dark):
    low, high = sorted((luminance(style.look(scheme).colour(dark)), luminance(BACKGROUNDS[dark])))
    assert (high + 0.05) / (low + 0.05) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_no_two_schemes_share_colour_and_mark(dark):
    assert len({(look.colour(dark), look.symbol) for look in EVERY.values()}) == len(EVERY)
    assert len({look.glyph for look in EVERY.values()}) == len(EVERY)
    assert len({look.short for look in EVERY.values()}) == len(EVERY)


def test_every_scheme_of_the_library_has_a_look():
    from xnorlab.nn import SCHEMES

    for scheme in SCHEMES:
        assert style.look(scheme).label


def test_an_unknown_scheme_is_named():
    with pytest.raises(ValueError, match="scheme='quaternary' is not one of float"):
        style.look("quaternary")


@pytest.mark.parametrize("dark", [False, True])
def test_int8_stands_out_from_the_background_and_from_every_scheme(dark):
    low, high = sorted((luminance(style.INT8.colour(dark)), luminance(BACKGROUNDS[dark])))
    assert (high + 0.05) / (low + 0.05) >= 3
    assert style.INT8.symbol not in {look.symbol for look in EVERY.values()}
    assert style.INT8.colour(dark) not in {look.colour(dark) for look in EVERY.values()}
