"""A shipped network with ternary weights is shown with its two bits and three values."""

import pytest

NETWORK = {"model": "imagenette/resnet18", "trained": "ternary"}


@pytest.fixture
def shipped(ship_resnet):
    ship_resnet("float")
    return ship_resnet("ternary")


def test_trade_offs_counts_its_bytes_as_a_part_of_their_own(shipped, open_page):
    at = open_page("views/trade_offs/page.py", zoo_model="resnet18")
    assert not at.exception
    bytes_by_part = next(c.proto.alt for c in at.get("plotly_chart") if c.proto.alt.startswith("Bytes of each"))
    own = next(line for line in bytes_by_part.split("; ") if "ternary layers" in line)
    assert "binary layers" not in own
    assert any("binary or ternary weights and real inputs" in c.value for c in at.caption)


def test_inside_says_what_its_weights_are(shipped, open_page):
    at = open_page("views/inside/page.py", **NETWORK)
    assert not at.exception
    assert "whose weights alone are −1, 0 and +1: no two rows of bits" in at.info[0].value


def test_scaling_factors_leaves_it_out(shipped, app_modules):
    from views.scaling_factors import approximation

    assert approximation.binary_schemes("imagenette/resnet18") == ["xnor"], "none shipped has signs as weights"
