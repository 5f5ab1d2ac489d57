"""Conversion of values of any size to strings of bounded size, for rows, events and responses."""

from __future__ import annotations

from decimal import Context, Decimal

MAX_EXACT_DIGITS = 100
"""Maximum number of digits of an amount that is shown exactly. Longer ones are rounded; files have all digits."""

ROUNDED_DIGITS = 40
"""Number of significant digits of an amount that is rounded."""


def shorten(text: str, max_characters: int) -> str:
    """Returns at most `max_characters` of a string. A string that was cut ends with an ellipsis.

    >>> shorten("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= max_characters else f"{text[: max_characters - 1]}…"


def shorten_words(text: str, max_characters: int) -> str:
    """Returns whole words of a string, at most `max_characters`. Part of an e-mail address would not be masked.

    >>> shorten_words("to ana@example.com", 10)
    'to…'
    """
    if len(text) <= max_characters:
        return text
    words, _, _ = text[: max_characters - 1].rpartition(" ")
    return f"{words}…"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Returns a number with its noun in the singular or plural. The default plural is `singular` with an s.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def show_amount(value: Decimal, exact_digits: int = MAX_EXACT_DIGITS) -> str:
    """Returns an amount as a string such as `1234.50`.

    A number of more than `exact_digits` digits is rounded to `ROUNDED_DIGITS` digits and has an exponent.
    """
    if not value.is_finite():
        return f"{value:f}"
    if len(value.as_tuple().digits) <= exact_digits and abs(value.adjusted()) <= exact_digits:
        return f"{value:f}"
    return f"{Context(prec=ROUNDED_DIGITS).plus(value):E}"
