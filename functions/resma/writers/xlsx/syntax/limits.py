"""Limits of what a spreadsheet shows besides its data, and texts shortened to them.

Lengths are in UTF-16 units, as Excel counts. Only what is for show is shortened; data that do not fit are refused.
"""

from __future__ import annotations

from resma.writers.excel.limits import utf16_units

MAX_CHART_TEXT_UNITS = 255
"""Length of a chart's title, of a series' name and of a label."""
MAX_CHART_POINTS = 32_000
MAX_CHARTS = 100
"""Not Excel's limit: it opens more, but slowly."""
MAX_LINES = 10_000
"""Not Excel's limit either: lines of totals on the summary. Every one of them is held in memory."""

_MAX_FOOTER_UNITS = 255
_PAGE_NUMBER = "&R&P / &N"
_ELLIPSIS = "…"


def shorten(text: str, max_units: int) -> str:
    """Returns the text, ended by an ellipsis where it is longer; never half of a surrogate pair."""
    if len(text) * 2 <= max_units or utf16_units(text) <= max_units:
        return text
    kept = text.encode("utf-16-le")[: 2 * (max_units - 1)]
    return kept.decode("utf-16-le", "ignore") + _ELLIPSIS


def page_footer(title: str) -> str:
    """Returns the footer: the title on the left, the page number on the right. `&` begins a code and is doubled."""
    max_units = _MAX_FOOTER_UNITS - utf16_units(f"&L{_PAGE_NUMBER}")
    escaped = title.replace("&", "&&")
    if utf16_units(escaped) > max_units:
        escaped = _first_units(title, max_units - 1) + _ELLIPSIS
    return f"&L{escaped}{_PAGE_NUMBER}"


def _first_units(title: str, max_units: int) -> str:
    """Returns as many characters as fit, with each `&` doubled, so that no pair of them is parted."""
    kept = ""
    for character in title:
        piece = "&&" if character == "&" else character
        max_units -= utf16_units(piece)
        if max_units < 0:
            break
        kept += piece
    return kept
