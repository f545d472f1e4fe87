"""One dot product of signs, by words of every size, by the kernel and by multiplying: always the same number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorlab.paper.dot_product import WORD_SIZES, by_kernel, by_multiplying, pack_pair

pairs = st.integers(1, 200).flatmap(
    lambda n: st.tuples(*(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 0.5]), min_size=n, max_size=n) for _ in "xw"))
)


@settings(deadline=None)  # the first call compiles the packing
@given(pairs, st.sampled_from(WORD_SIZES))
def test_words_of_any_size_and_multiplying_agree(pair, bits):
    x, w = (np.array(values, np.float32) for values in pair)
    packed = pack_pair(x, w, bits)
    signs = [np.where(v >= 0, 1, -1) for v in (x, w)]
    assert packed.from_xnor == packed.from_xor == by_multiplying(x, w)[-1] == signs[0] @ signs[1]


@pytest.mark.parametrize("n", [1, 7, 8, 63, 64, 65, 128, 190])
def test_the_kernel_says_the_same(n):
    x, w = np.random.default_rng(n).normal(size=(2, n)).astype(np.float32)
    assert by_kernel(x, w) == pack_pair(x, w, 64).from_xnor


@pytest.mark.parametrize("bits", WORD_SIZES)
def test_words_hold_the_signs_with_channel_0_in_bit_0_and_an_empty_tail(bits):
    n = 70
    x, w = np.random.default_rng(0).normal(size=(2, n))
    packed = pack_pair(x, w, bits)
    assert len(packed.words) == -(-n // bits)
    assert packed.tail == len(packed.words) * bits - n
    for part, vector in (("x", x), ("w", w)):
        bits_of = [getattr(packed.words[i // bits], part) >> (i % bits) & 1 for i in range(len(packed.words) * bits)]
        np.testing.assert_array_equal(bits_of[:n], vector >= 0)
        assert not any(bits_of[n:])
    assert [word.mask.bit_count() for word in packed.words] == [bits] * (n // bits) + [n % bits]


def test_a_tail_agrees_in_xnor_until_it_is_masked_and_never_differs_in_xor():
    (word,) = pack_pair(np.ones(5), -np.ones(5), 8).words
    assert (word.xnor, word.agreeing, word.xor) == (0b11100000, 0, 0b00011111)


def test_sums_after_each_product_go_up_and_down_by_one():
    np.testing.assert_array_equal(by_multiplying(np.array([1, -1, 0, -1]), np.array([1, 1, 1, -1])), [1, 0, 1, 2])


@pytest.mark.parametrize(
    ("x", "w", "bits", "rule"),
    [
        (np.ones(4), np.ones(4), 16, "bits=16"),
        (np.ones(4), np.ones(5), 8, "same length"),
        (np.ones(0), np.ones(0), 8, "same length"),
        (np.ones((2, 2)), np.ones((2, 2)), 8, "one axis"),
    ],
)
def test_what_does_not_fit_is_refused(x, w, bits, rule):
    with pytest.raises(ValueError, match=rule):
        pack_pair(x, w, bits)
