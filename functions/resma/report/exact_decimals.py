"""Exact arithmetic with amounts: Python's default context rounds to 28 digits, and refuses to add infinities."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, localcontext

EXACT_DIGITS = 150_000
"""Precision of calculations. A numeric of Postgres has up to 131,072 digits before the decimal point, 16,383 after."""


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """Returns the exact sum; NaN if a value is NaN, or if there are infinities of both signs."""
    with localcontext(Context(prec=EXACT_DIGITS, traps=[])):
        return sum(values, Decimal(0))
