"""Networks with random weights are reproducible, and their answers still differ between pictures."""

import numpy as np
import pytest

from xnorlab.peers import untrained

PICTURES = list(np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8))


def test_same_seed_gives_the_same_networks_and_pictures_get_different_answers():
    first, again = untrained("nin", "xnor", size=32), untrained("nin", "xnor", size=32)
    logits = first.network(PICTURES)
    assert logits.shape == (3, 1000)
    assert np.array_equal(logits, again.network(PICTURES))
    assert len(np.unique(logits[:, 0])) == 3
    assert set(first.modules) == {first.network.name, first.float_twin.name}
    assert any(row.binary_macs for row in first.network.summary())
    assert not any(row.binary_macs for row in first.float_twin.summary())


def test_float_network_is_its_own_twin():
    made = untrained("nin", "float", size=32)
    assert made.float_twin is made.network


def test_a_size_that_a_network_does_not_take_is_named():
    with pytest.raises(ValueError, match="size=64 does not fit vgg_small: it must be smaller, 32 for one"):
        untrained("vgg_small", "xnor", size=64)


@pytest.mark.parametrize("size", [0, 31, 513, 64.0])
def test_impossible_size_is_named(size):
    with pytest.raises(ValueError, match=f"size={size}"):
        untrained("nin", "xnor", size=size)
