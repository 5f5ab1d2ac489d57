"""Values of any size as strings of a bounded size: what rows, events and answers show of them."""

from __future__ import annotations

from decimal import Context, Decimal

MAX_EXACT_DIGITS = 100
"""An amount with more digits is shown rounded. Files have all of its digits."""

ROUNDED_DIGITS = 40


def shorten(text: str, most: int) -> str:
    """Returns at most so many characters; an ellipsis ends a text that was cut.

    >>> shorten("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Returns a number with its noun.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def show_amount(value: Decimal, exact_digits: int = MAX_EXACT_DIGITS) -> str:
    """Returns a string like `1234.50`. A longer number than any amount of money is rounded and has an exponent."""
    if not value.is_finite():
        return f"{value:f}"
    if len(value.as_tuple().digits) <= exact_digits and abs(value.adjusted()) <= exact_digits:
        return f"{value:f}"
    return f"{Context(prec=ROUNDED_DIGITS).plus(value):E}"
