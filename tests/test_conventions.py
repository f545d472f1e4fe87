"""Conventions: words, output sizes and pairs of sizes."""

import pytest

from xnorlab.conventions import n_words, output_size, pair


@pytest.mark.parametrize(("channels", "words"), [(1, 1), (63, 1), (64, 1), (65, 2), (128, 2), (70_000, 1094)])
def test_words_hold_64_channels(channels, words):
    assert n_words(channels) == words


def test_output_size_counts_window_positions():
    for size in range(1, 12):
        for kernel in range(1, 5):
            for stride in (1, 2, 3):
                for padding in (0, 1, 2):
                    for dilation in (1, 2):
                        reach = dilation * (kernel - 1) + 1
                        starts = [s for s in range(0, size + 2 * padding - reach + 1, stride)]
                        if starts:
                            assert output_size(size, kernel, stride, padding, dilation) == len(starts)
                        else:
                            with pytest.raises(ValueError, match=f"reaches {reach}"):
                                output_size(size, kernel, stride, padding, dilation)


def test_pair_takes_one_or_two_ints():
    assert pair(3, "kernel_size", 1) == (3, 3)
    assert pair((2, 5), "kernel_size", 1) == pair([2, 5], "kernel_size", 1) == (2, 5)
    for bad in (0, (1, 0), (1, 2, 3), (1.5, 2), 2.5, None, "3"):
        with pytest.raises(ValueError, match="kernel_size="):
            pair(bad, "kernel_size", 1)
