"""Which numbers a cell of Excel can hold: those that an IEEE double holds to the last decimal that is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Context, Decimal
from math import isfinite

from resma.writers.excel.limits import MAX_NUMBER_DIGITS

_NUMBER = re.compile(rb"-?(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:e[+-]?[0-9]{1,2})?")
_MAX_NUMBER_BYTES = 200
_EXACT = Context(prec=1000)


def are_short_numbers(cells: Sequence[bytes]) -> bool:
    """Whether all are plain numbers of few digits.

    Searches all cells at once, which is several times faster than a look at each. Raises TypeError for None.
    """
    joined = b"\0%b\0" % b"\0".join(cells)
    signs = joined.translate(None, b"0123456789")  # of each cell what is not a digit
    if not cells or signs.translate(None, b"-.\0") or max(map(len, cells)) > MAX_NUMBER_DIGITS:
        return not cells
    if b".." in signs or (b"-" in signs and joined.count(b"-") > joined.count(b"\0-")):  # `1.2.3`, `1-2`
        return False
    return b"\0\0" not in joined.translate(None, b"-.")  # a cell without a digit


def is_number(cell: bytes, scale: int) -> bool:
    """Whether Excel can hold this, as Postgres prints it, so that `scale` decimals are shown as they are."""
    found = _NUMBER.fullmatch(cell)
    if not found or len(cell) > _MAX_NUMBER_BYTES:
        return False
    # Zeros at the ends are no digits that could be lost.
    if len(b"".join(found.groups(b"")).strip(b"0")) <= MAX_NUMBER_DIGITS:
        return True
    return survives_as_double(Decimal(cell.decode()), scale)


def survives_as_double(number: Decimal, scale: int) -> bool:
    """Whether the nearest double, printed with `scale` decimals, is the number rounded to them."""
    double = float(number)
    if not isfinite(double):
        return False
    shown = number.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    return Decimal(f"{double:.{scale}f}") == shown
