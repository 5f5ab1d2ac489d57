"""Limits of Excel (Microsoft, "Excel specifications and limits") that files for Excel must respect."""

from __future__ import annotations

MAX_SHEET_ROWS = 1_048_576
"""Maximum number of rows of a sheet, including headings."""

MAX_COLUMNS = 16_384
"""Maximum number of columns of a sheet."""

MAX_CELL_CHARACTERS = 32_767
"""Maximum length of a cell, in UTF-16 units."""

MAX_NUMBER_DIGITS = 15
"""Maximum number of significant digits; Excel replaces further digits with zeros."""

MAX_STRING_LITERAL_CHARACTERS = 255
"""Maximum length of a string literal in a formula; longer strings are concatenated with `&`."""

MAX_FORMULA_CHARACTERS = 8_192
"""Maximum length of a formula."""


def utf16_units(text: str) -> int:
    """Returns the length of a string in UTF-16 code units, as Excel counts it."""
    return len(text) + sum([1 for character in text if character > "\uffff"])
