"""Lines of subtotals, which have their own slots between the rows."""

from __future__ import annotations

from collections.abc import Sequence

from resma.i18n.translations import translate
from resma.report.header import Period, ReportHeader
from resma.report.total_lines import TotalLine
from resma.writers.palette import palette_of
from resma.writers.pdf.layout import DROP, LEADING, MARGIN, PADDING, SIZE, Cell, Layout
from resma.writers.pdf.palette import RULE, operands
from resma.writers.pdf.syntax.objects import number
from resma.writers.pdf.text.labels import format_amount, name_period
from resma.writers.pdf.text.pen import Line, Pen

_LABEL_WIDTH = 200.0
_GAP = 8.0


class Subtotals:
    """Draws lines of subtotals. Each amount is below its column, if the report shows it."""

    def __init__(self, header: ReportHeader, layout: Layout, cells: Sequence[Cell], pen: Pen) -> None:
        self._locale = header.locale
        self._layout = layout
        self._pen = pen
        colors = palette_of(header.brand)
        self._background, self._accent = operands(colors.subtotal), operands(colors.accent)
        self._cells = cells
        self._last_index = header.total_columns[-1].index if header.total_columns else None

    def _position(self, total: TotalLine | None) -> tuple[float, float]:
        """Returns the left and right end of an amount."""
        index = total.column.index if total else self._last_index
        if index is not None and self._cells[index].left > MARGIN + _LABEL_WIDTH:
            cell = self._cells[index]
            return cell.left, cell.right - cell.padding
        return self._layout.right, self._layout.right - PADDING

    def background(self, slot: int, is_first: bool) -> bytes:
        """Returns the background of a line, which is drawn before all text of the page."""
        layout = self._layout
        bottom = layout.top_of(slot + 1)
        left, width = number(MARGIN), number(layout.right - MARGIN)
        bar = b"%b rg %b %b %b %b re f\n" % (self._background, left, number(bottom), width, number(LEADING))
        if not is_first:
            return bar
        top = number(bottom + LEADING)
        return b"%b%b RG 0.6 w %b %b m %b %b l S\n" % (bar, RULE, left, top, number(layout.right), top)

    def text(self, slot: int, period: Period, total: TotalLine | None, is_first: bool) -> bytes:
        """Returns the text of a line: `Subtotal March 2024`, and on the right rows, currency and amount."""
        left, right = self._position(total)
        pen, locale = self._pen, self._locale
        y = self._layout.top_of(slot) - DROP
        rows = total.rows if total else period.rows
        counted = f"{locale.format_count(rows)} {translate('row' if rows == 1 else 'rows', locale.language)}"
        parts = [self._accent + b" rg\n"]
        end = right
        if total:
            amount = format_amount(total.amount, locale)
            parts.append(pen.show(Line(amount, "B", SIZE, right, y, align="right")))
            width = pen.width("B", amount) * SIZE / 1000
            end = min(left - PADDING, right - width - _GAP)
            counted = f"{counted}   {total.name}"
        elif period.totals_omitted:
            omitted = locale.format_count(period.totals_omitted)
            counted = f"+ {omitted} ({translate('Currencies', locale.language)})"
        parts.append(pen.show(Line(counted, "R", SIZE, end, y, align="right")))
        if is_first:
            label = f"{translate('Subtotal', locale.language)} {name_period(period.label, locale)}"
            parts.append(pen.show(Line(label, "B", SIZE, MARGIN + PADDING, y, _LABEL_WIDTH)))
        return b"".join(parts)
