"""Checks which numbers an Excel cell can hold: those that an IEEE double holds up to the last displayed decimal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Context, Decimal
from math import isfinite

from resma.report.exact_decimals import EXACT_DIGITS
from resma.writers.excel.limits import MAX_NUMBER_DIGITS

_NUMBER = re.compile(rb"-?(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:e[+-]?[0-9]{1,2})?")
_MAX_NUMBER_BYTES = 200
_EXACT = Context(prec=EXACT_DIGITS)


def are_short_numbers(cells: Sequence[bytes]) -> bool:
    """Returns whether all cells are plain numbers with at most 15 characters.

    Searches all cells at once, which is several times faster than checking each. Raises TypeError for None.
    """
    joined = b"\0%b\0" % b"\0".join(cells)
    signs = joined.translate(None, b"0123456789")  # all characters except digits
    if not cells or signs.translate(None, b"-.\0") or max(map(len, cells)) > MAX_NUMBER_DIGITS:
        return not cells
    if b".." in signs or (b"-" in signs and joined.count(b"-") > joined.count(b"\0-")):  # `1.2.3`, `1-2`
        return False
    return b"\0\0" not in joined.translate(None, b"-.")  # a cell without a digit


def is_number(cell: bytes, scale: int) -> bool:
    """Returns whether Excel can hold a number that Postgres printed, and display it exactly with `scale` decimals."""
    match = _NUMBER.fullmatch(cell)
    if not match or len(cell) > _MAX_NUMBER_BYTES:
        return False
    # Leading and trailing zeros are not significant digits.
    if len(b"".join(match.groups(b"")).strip(b"0")) <= MAX_NUMBER_DIGITS:
        return True
    return survives_as_double(Decimal(cell.decode()), scale)


def survives_as_double(number: Decimal, scale: int) -> bool:
    """Returns whether the nearest double, printed with `scale` decimals, equals the number rounded to them."""
    double = float(number)
    if not isfinite(double):
        return False
    rounded = number.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    return Decimal(f"{double:.{scale}f}") == rounded
