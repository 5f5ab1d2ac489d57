"""Sums of amounts are exact, and never an error."""

from __future__ import annotations

from decimal import Decimal

from resma.report.exact_decimals import exact_sum


def test_no_digit_is_rounded() -> None:
    large, small = Decimal("9" * 131_072), Decimal("0." + "1" * 16_383)
    assert exact_sum([large, small, large.copy_negate()]) == small


def test_infinities_of_both_signs_are_not_a_number() -> None:
    assert exact_sum([Decimal("Infinity"), Decimal("-Infinity")]).is_nan()
    assert exact_sum([Decimal("Infinity"), Decimal(1)]) == Decimal("Infinity")
    assert exact_sum([]) == 0
