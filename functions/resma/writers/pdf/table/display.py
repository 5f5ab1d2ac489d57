"""Cells of kinds that people read in another form than Postgres prints: booleans, floats and intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from resma.i18n.locales import Locale
from resma.i18n.translations import translate
from resma.report.header import Column
from resma.report.intervals import interval_in_words

_MAX_KNOWN = 2_000

Display = Callable[[bytes], bytes]
"""Returns what is shown for a cell."""


class _Column(Protocol):
    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]: ...


def display_of(column: Column, locale: Locale) -> Display | None:
    """Returns how the cells of a column are shown; None if they are shown as Postgres prints them."""
    if column.kind == "boolean":
        words = {b"true": translate("Yes", locale.language), b"false": translate("No", locale.language)}
        return lambda cell: words[cell].encode() if cell in words else cell
    if column.kind == "float":
        return lambda cell: _float(cell.decode("ascii"), locale, grouped=column.grouped).encode()
    if column.kind == "interval":
        return lambda cell: interval_in_words(cell, locale).encode()
    return None


class DisplayedColumn:
    """A column whose cells are converted before they are shown. Few values, such as booleans, are converted once."""

    def __init__(self, column: _Column, display: Display) -> None:
        self._column = column
        self._display = display
        self._known: dict[bytes, bytes] = {}

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """Returns page content for the cells of each page."""
        return self._column.blocks([None if cell is None else self._shown(cell) for cell in cells])

    def _shown(self, cell: bytes) -> bytes:
        shown = self._known.get(cell)
        if shown is None:
            shown = self._display(cell)
            if len(self._known) < _MAX_KNOWN:
                self._known[cell] = shown
        return shown


def _float(cell: str, locale: Locale, *, grouped: bool) -> str:
    """Returns a float with the locale's decimal mark; `1.5e+20` keeps its exponent. NaN and Infinity are unchanged."""
    mantissa, mark, exponent = cell.partition("e")
    return locale.format_number(mantissa, grouped=grouped and not mark) + mark + exponent
