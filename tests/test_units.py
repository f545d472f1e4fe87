"""Numbers are written with three significant digits and a unit that fits."""

import pytest

from xnorlab import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.012345, "0.0123"),
        (1.2, "1.20"),
        (45.67, "45.7"),
        (12345, "12,300"),
        (9.999, "10.0"),
        (-0.5, "−0.500"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
    ],
)
def test_three_significant_digits_and_no_exponent(value, text):
    assert units.significant(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (9.999e-4, "1.00 ms"), (3e-9, "3.00 ns")],
)
def test_a_time_is_shown_in_the_unit_that_fits(seconds, text):
    assert units.duration(seconds) == text


def test_other_quantities_carry_their_unit():
    assert [units.memory(size) for size in (0, 512, 1023)] == ["0 B", "512 B", "1023 B"]
    assert [units.memory(size) for size in (1024, 1536, 2**20)] == ["1.00 KiB", "1.50 KiB", "1.00 MiB"]
    assert [units.count(number) for number in (0, 999, 115_605_504)] == ["0", "999", "116 M"]
    assert units.memory(200 * 1024) == "200 KiB"
    assert units.memory(4.95 * 2**20) == "4.95 MiB"
    assert units.rate(2.3e12) == "2.30 TMAC/s"
    assert units.times(58) == "58.0×"
    assert units.percent(0.973) == "97.3 %"
    assert units.percent(1e-9) == "< 0.01 %"
    assert [units.points(value) for value in (2.44, -0.66, 0.04, -0.04)] == ["+2.4", "−0.7", "0.0", "0.0"]


def test_milliseconds_have_no_unit():
    assert [units.milliseconds(seconds) for seconds in (0, 1.23e-3, 45e-3, 2e-7)] == ["0", "1.23", "45.0", "0.000200"]
