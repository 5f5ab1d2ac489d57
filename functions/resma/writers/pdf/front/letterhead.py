"""The letterhead of a PDF without a cover: organization, title, filters and totals, above the table of the first page.

It takes whole slots of the page, which are free lines of the table. Unlike the cover it may shorten values, and it has
no charts.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.report.total_lines import control_text, total_lines
from resma.writers.palette import palette_of
from resma.writers.pdf.front.style import wrapped
from resma.writers.pdf.layout import LEADING, MARGIN, Layout
from resma.writers.pdf.palette import GRAY, INK, operands
from resma.writers.pdf.syntax.objects import number
from resma.writers.pdf.table.logo import COVER_LOGO, place_logo
from resma.writers.pdf.table.page_template import accent
from resma.writers.pdf.text.labels import format_amount
from resma.writers.pdf.text.pen import Line, Pen

MAX_LINES = 6
"""Maximum number of lines below the title. The last entry shows the number of further filters and totals."""

_SIZE = 7.5
_PAIR_LEADING = 11.0
_LABEL_WIDTH = 78.0
_GAP = 14.0
_ORGANIZATION_DROP = 36.0
_TITLE_DROP = 56.0
_BAR_DROP = 65.0
_PAIRS_DROP = 78.0
"""Distances from the upper edge of the page to baselines, and to the bar below the title."""
_LOGO_DROP = 24.0
_LEGAL_SIZE = 6.5
_LEGAL_LEADING = 8.5
_MAX_LEGAL_LINES = 4
_BELOW = 9.0
"""Distance from the last baseline to the headings of the table."""

Pair = tuple[str, str]


class Letterhead:
    """Draws the letterhead of one report."""

    def __init__(self, header: ReportHeader, layout: Layout, pen: Pen) -> None:
        self._header = header
        self._layout = layout
        self._columns = 2 if layout.is_portrait else 3
        pairs = list(_pairs(header))
        self._lines = min(MAX_LINES, ceil(len(pairs) / self._columns))
        room = self._lines * self._columns
        if len(pairs) > room:
            pairs[room - 1 :] = [("…", f"+ {header.locale.format_count(len(pairs) - room + 1)}")]
        self._pairs = pairs
        self._control = control_text(header)
        self._legal = list(_legal(header, layout, pen))

    @property
    def slots(self) -> int:
        """Number of slots that the letterhead takes. It is even, so that every second row has a background."""
        lines = (self._lines - 1 + bool(self._control)) * _PAIR_LEADING + len(self._legal) * _LEGAL_LEADING
        bottom = self._layout.height - _PAIRS_DROP - lines - _BELOW
        return 2 * ceil((self._layout.headings_top - bottom) / (2 * LEADING))

    def content(self, pen: Pen) -> bytes:
        """Returns operators that draw the letterhead."""
        header, height, width = self._header, self._layout.height, self._layout.right - MARGIN
        bar = (MARGIN, height - _BAR_DROP, width, 1.2)
        logo = place_logo(header.brand, self._layout.right, height - _LOGO_DROP, COVER_LOGO)
        return b"".join(
            (
                logo.content,
                GRAY + b" rg\n",
                pen.show(Line(header.organization, "R", 8, MARGIN, height - _ORGANIZATION_DROP, width - logo.taken)),
                accent(header) + b" rg\n",
                pen.show(Line(header.title, "B", 15, MARGIN, height - _TITLE_DROP, width - logo.taken)),
                b"%b rg %b %b %b %b re f\n" % (operands(palette_of(header.brand).line), *map(number, bar)),
                *self._columns_of_pairs(pen),
                *self._control_line(pen),
                *self._legal_lines(pen),
            )
        )

    def _control_line(self, pen: Pen) -> Iterator[bytes]:
        if self._control:
            y = self._layout.height - _PAIRS_DROP - self._lines * _PAIR_LEADING
            text = Line(self._control, "B", _SIZE, MARGIN, y, self._layout.right - MARGIN)
            yield INK + b" rg\n" + pen.show(text)

    def _legal_lines(self, pen: Pen) -> Iterator[bytes]:
        y = self._layout.height - _PAIRS_DROP - (self._lines + bool(self._control)) * _PAIR_LEADING
        for at, line in enumerate(self._legal):
            text = Line(line, "R", _LEGAL_SIZE, MARGIN, y - at * _LEGAL_LEADING)
            yield GRAY + b" rg\n" + pen.show(text)

    def _columns_of_pairs(self, pen: Pen) -> Iterator[bytes]:
        width = (self._layout.right - MARGIN + _GAP) / self._columns
        value_width = width - _GAP - _LABEL_WIDTH
        for index, (label, value) in enumerate(self._pairs):
            column, line = divmod(index, self._lines)
            x, y = MARGIN + column * width, self._layout.height - _PAIRS_DROP - line * _PAIR_LEADING
            yield GRAY + b" rg\n" + pen.show_cached(Line(label, "R", _SIZE, x, y, _LABEL_WIDTH - 6))
            yield INK + b" rg\n" + pen.show(Line(value, "R", _SIZE, x + _LABEL_WIDTH, y, value_width))


def _legal(header: ReportHeader, layout: Layout, pen: Pen) -> Iterator[str]:
    """Yields the lines of the brand's legal text."""
    width = layout.right - MARGIN
    if header.brand.legal:
        yield from wrapped(header.brand.legal, width, lambda text: pen.width("R", text) * _LEGAL_SIZE / 1000)[
            :_MAX_LEGAL_LINES
        ]


def _pairs(header: ReportHeader) -> Iterator[Pair]:
    """Yields labels and values: filters, number of rows, balances and totals."""
    locale, language = header.locale, header.locale.language
    yield from header.filters
    yield translate("Rows", language), locale.format_count(header.rows)
    if header.balance:
        yield translate("Opening balance", language), locale.format_number(header.balance.opening)
        yield translate("Closing balance", language), locale.format_number(header.balance.closing)
    for line in total_lines(header, header.totals):
        rows = f"{locale.format_count(line.rows)} {translate('row' if line.rows == 1 else 'rows', language)}"
        yield line.name, f"{format_amount(line.amount, locale)} ({rows})"
    if header.totals_omitted:
        yield "…", f"+ {locale.format_count(header.totals_omitted)} ({translate('Currencies', language)})"
