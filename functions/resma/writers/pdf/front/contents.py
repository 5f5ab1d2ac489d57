"""Table of contents: each period with its rows, totals and page number. Every line links to the start of its period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resma.i18n.translations import translate
from resma.report.header import Period, ReportHeader
from resma.report.total_lines import total_lines
from resma.writers.pdf.layout import FOOTER_HEIGHT, MARGIN, PADDING, Layout
from resma.writers.pdf.palette import GRAY, INK
from resma.writers.pdf.syntax.objects import number
from resma.writers.pdf.table.page_template import accent, heading_bar, titles
from resma.writers.pdf.text.labels import format_amount, name_period
from resma.writers.pdf.text.pen import Line, Pen

_LEADING = 14.0
_SIZE = 8.0
_TITLE_DROP = 30.0
"""Height of the title `Contents` above the list."""
_LABEL_WIDTH = 110.0
_ROWS_WIDTH = 90.0
_PAGE_WIDTH = 50.0
_GAP = 18.0
_DOTS = b"0.62 0.66 0.71"


@dataclass(frozen=True, slots=True)
class PeriodPosition:
    """Position of the first row of a period."""

    page: int
    """Page number, as printed."""
    destination: bytes
    """Content of a destination array (§12.3.2.2)."""


def periods_per_page(layout: Layout) -> int:
    """Returns the number of periods on a page of the contents."""
    return int((layout.slots_top - _TITLE_DROP - FOOTER_HEIGHT) / _LEADING)


def contents_pages(header: ReportHeader, layout: Layout) -> int:
    """Returns the number of pages of the contents: none if there are less than two periods."""
    return -(-len(header.periods) // periods_per_page(layout)) if len(header.periods) > 1 else 0


class Contents:
    """Draws the contents, one page at a time."""

    def __init__(self, header: ReportHeader, layout: Layout, pen: Pen) -> None:
        self._header = header
        self._layout = layout
        self._pen = pen
        self._page_x = layout.right - PADDING
        self._columns = self._total_columns()
        self._rows_x = self._page_x - _PAGE_WIDTH - sum(width for _, width in self._columns)

    def pages(self, positions: Sequence[PeriodPosition]) -> Iterator[tuple[bytes, bytes]]:
        """Yields content and annotations of each page."""
        size = periods_per_page(self._layout)
        for at in range(0, len(positions), size):
            yield self._page(self._header.periods[at : at + size], positions[at : at + size])

    def _total_columns(self) -> list[tuple[str, float]]:
        """Returns the name of each total with the width of its column; none if the columns do not fit the page."""
        widths: dict[str, float] = {}
        if any(period.totals_omitted for period in self._header.periods):
            return []
        for period in self._header.periods:
            for line in total_lines(self._header, period.totals):
                width = self._width(format_amount(line.amount, self._header.locale), "R")
                widths[line.name] = max(widths.get(line.name, 0), width)
            if len(widths) > self._layout.width / _GAP:
                return []
        columns = [(name, max(width, self._width(name, "B")) + _GAP) for name, width in widths.items()]
        available = self._layout.right - MARGIN - _LABEL_WIDTH - _ROWS_WIDTH - _PAGE_WIDTH
        return columns if sum(width for _, width in columns) <= available else []

    def _width(self, text: str, face: str) -> float:
        return self._pen.width(face, text) * _SIZE / 1000

    def _page(self, periods: Sequence[Period], positions: Sequence[PeriodPosition]) -> tuple[bytes, bytes]:
        parts = [titles(self._header, self._layout, self._pen), self._head()]
        links = []
        top = self._layout.slots_top - _TITLE_DROP
        for line, (period, position) in enumerate(zip(periods, positions, strict=True)):
            bottom = top - (line + 1) * _LEADING
            parts.append(self._line(period, position.page, bottom + 4.2))
            box = b" ".join(map(number, (MARGIN, bottom, self._layout.right, bottom + _LEADING)))
            # Printable (F 4), which PDF/A requires of every annotation.
            link = b"<</Type/Annot/Subtype/Link/Rect[%b]/Border[0 0 0]/F 4/Dest[%b]>>"
            links.append(link % (box, position.destination))
        return b"".join(parts), b"\n".join(links)

    def _head(self) -> bytes:
        pen, language = self._pen, self._header.locale.language
        y = self._layout.slots_top - _TITLE_DROP + 5
        title = Line(translate("Contents", language), "B", 15, MARGIN, self._layout.headings_top - 14)
        bar = b"1 0 0 1 0 %b cm %b" % (number(-_TITLE_DROP), heading_bar(self._header, self._layout))
        names = [("Period", MARGIN + PADDING, "left"), ("Rows", self._rows_x, "right"), ("Page", self._page_x, "right")]
        heads = [pen.show(Line(translate(word, language), "B", _SIZE, x, y, align=align)) for word, x, align in names]
        x = self._rows_x
        for name, width in self._columns:
            x += width
            heads.append(pen.show(Line(name, "B", _SIZE, x, y, width, "right")))
        return b"%b rg\n%bq %bQ 1 1 1 rg\n%b" % (accent(self._header), pen.show(title), bar, b"".join(heads))

    def _line(self, period: Period, page: int, y: float) -> bytes:
        pen, locale = self._pen, self._header.locale
        label = name_period(period.label, locale)
        rows = locale.format_count(period.rows)
        parts = [INK + b" rg\n", pen.show(Line(label, "R", _SIZE, MARGIN + PADDING, y, _LABEL_WIDTH))]
        x = self._rows_x
        start = MARGIN + PADDING + min(self._width(label, "R"), _LABEL_WIDTH) + 5
        stop = x - self._width(rows, "R") - 5
        parts.append(
            b"%b RG 1 J 0.8 w [0 3] 0 d %b %b m %b %b l S [] 0 d\n"
            % (_DOTS, number(start), number(y + 0.6), number(stop), number(y + 0.6))
        )
        parts.append(pen.show(Line(rows, "R", _SIZE, x, y, align="right")))
        amounts = {line.name: format_amount(line.amount, locale) for line in total_lines(self._header, period.totals)}
        for name, width in self._columns:
            x += width
            if name in amounts:
                parts.append(pen.show(Line(amounts[name], "R", _SIZE, x, y, align="right")))
        figure = locale.format_count(page)
        parts += [GRAY + b" rg\n", pen.show(Line(figure, "R", _SIZE, self._page_x, y, align="right"))]
        return b"".join(parts)
