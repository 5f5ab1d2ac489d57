"""Limits of the titles, labels and charts of a workbook, and functions that shorten strings to them.

Lengths are in UTF-16 units, as Excel counts. Only labels are shortened; data that does not fit is an error.
"""

from __future__ import annotations

from resma.writers.excel.limits import utf16_units

MAX_CHART_TEXT_UNITS = 255
"""Maximum length of a chart's title, of a series' name and of a label."""
MAX_CHART_POINTS = 32_000
MAX_CHARTS = 100
"""Maximum number of charts. It is not a limit of Excel, which opens more charts, but slowly."""
MAX_LINES = 10_000
"""Maximum number of totals on the summary. It is not a limit of Excel: all of them are held in memory."""

_MAX_FOOTER_UNITS = 255
_PAGE_NUMBER = "&R&P / &N"
_ELLIPSIS = "…"


def shorten(text: str, max_units: int) -> str:
    """Returns the text, cut and ended by an ellipsis if it is too long. Never splits a surrogate pair."""
    if len(text) * 2 <= max_units or utf16_units(text) <= max_units:
        return text
    start = text.encode("utf-16-le")[: 2 * (max_units - 1)]
    return start.decode("utf-16-le", "ignore") + _ELLIPSIS


def page_footer(title: str, middle: str = "") -> str:
    """Returns the footer: title on the left, text of the brand in the middle, page number on the right.

    The title is shortened first. `&` starts a code, so it is doubled.
    """
    max_units = _MAX_FOOTER_UNITS - utf16_units(f"&L{_PAGE_NUMBER}")
    if middle:
        middle = f"&C{_escaped(middle, max_units // 2)}"
    return f"&L{_escaped(title, max_units - utf16_units(middle))}{middle}{_PAGE_NUMBER}"


def page_header(organization: str) -> str:
    """Returns the header: the organization on the left."""
    return f"&L{_escaped(organization, _MAX_FOOTER_UNITS - 2)}"


def _escaped(text: str, max_units: int) -> str:
    """Returns a string with each `&` doubled, shortened to so many units."""
    escaped = text.replace("&", "&&")
    return escaped if utf16_units(escaped) <= max_units else _first_units(text, max_units - 1) + _ELLIPSIS


def _first_units(title: str, max_units: int) -> str:
    """Returns as many characters as fit, with each `&` doubled. Never splits a doubled `&`."""
    start = ""
    for character in title:
        piece = "&&" if character == "&" else character
        max_units -= utf16_units(piece)
        if max_units < 0:
            break
        start += piece
    return start
