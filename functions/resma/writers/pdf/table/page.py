"""Composes table pages: the content of the columns, stripes, subtotals and the footer."""

from __future__ import annotations

from collections.abc import Sequence

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.writers.pdf.layout import FOOTER_BASELINE, LEADING, MARGIN, PADDING, SIZE, Cell, Layout
from resma.writers.pdf.palette import GRAY, INK
from resma.writers.pdf.syntax.objects import number
from resma.writers.pdf.table.line_plan import FREE, FURTHER, ROW, SUBTOTAL, LinePlan
from resma.writers.pdf.table.page_template import stripes
from resma.writers.pdf.table.subtotals import Subtotals
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, metrics
from resma.writers.pdf.text.pen import Line, Pen

FOOTER_SIZE = 6.5

_OPENING = b"%b rg BT /R1 %b Tf %b TL\n" % (INK, number(SIZE), number(LEADING))


class PageComposer:
    """Creates the content streams of table pages. It has no state that depends on earlier pages."""

    def __init__(self, header: ReportHeader, layout: Layout, cells: Sequence[Cell], plan: LinePlan, pen: Pen) -> None:
        self._header = header
        self._layout = layout
        self._plan = plan
        self._pen = pen
        self._subtotals = Subtotals(header, layout, cells, pen)
        self.wraps = any(column.wrap for column in header.columns)
        language = header.locale.language
        self._words = {word: translate(word, language) for word in ("Rows", "to", "of", "Page")}
        self._group = header.locale.group
        self._widths: dict[bytes, float] = {}
        """Widths of footers by shape. All digits have the same width, so that there are only a few dozen shapes."""
        self._of_rows = f"{self._words['of']} {header.rows:,}"
        self._footer_opening = b"%b rg BT /R1 %b Tf" % (GRAY, number(FOOTER_SIZE))
        self._footer_y = number(FOOTER_BASELINE)
        self._right = layout.right

    def content(self, form: bytes, blocks: Sequence[bytes], kinds: bytes, first_subtotal: int) -> bytes:
        """Returns the content except the footer. `first_subtotal` is the number of subtotal lines on earlier pages."""
        background = self._stripes(kinds) if self.wraps else b""
        above = b""
        if SUBTOTAL in kinds:
            background, above = self._with_subtotals(background, kinds, first_subtotal)
        return b"%b Do %b%b%bET\n%b" % (form, background, _OPENING, b"".join(blocks), above)

    def nothing(self, form: bytes) -> bytes:
        """Returns the content of the only page of a report without rows."""
        text = translate("No rows match.", self._header.locale.language)
        line = Line(text, "R", 9, MARGIN + PADDING, self._layout.top_of(3))
        return b"%b Do %b rg\n%b" % (form, GRAY, self._pen.show(line))

    def footer(self, rows: tuple[int, int], page: int, pages: int | None) -> bytes:
        """Returns the footer: `Rows a to b of c`, and `Page x of y` if y is known. `rows` is (a, b), from 1."""
        words = self._words
        text = f"{words['Page']} {page:,}"
        if rows[1] >= rows[0]:
            text = f"{words['Rows']} {rows[0]:,} {words['to']} {rows[1]:,} {self._of_rows}   ·   {text}"
        if pages is not None:
            text = f"{text} {words['of']} {pages:,}"
        data = text.replace(",", self._group).encode("latin-1")
        shape = data.translate(DIGITS_ALIKE)
        width = self._widths.get(shape)
        if width is None:
            width = self._widths[shape] = metrics("R").width(data) * FOOTER_SIZE / 1000
        x = self._right - width
        if pages is not None:
            return b"%b %.2f %b Td(%b)Tj ET\n" % (self._footer_opening, x, self._footer_y, data)
        # The form /Y, which is written at the end, shows `of y` after the page number.
        x -= self._count_width()
        shown = b"%b %.2f %b Td(%b)Tj ET\n" % (self._footer_opening, x, self._footer_y, data)
        return b"%bq 1 0 0 1 %.2f %b cm /Y Do Q\n" % (shown, x + width, self._footer_y)

    def count_form(self, pages: int) -> bytes:
        """Returns the content of the form /Y, which shows ` of y` at the current position."""
        text = f" {self._words['of']} {self._figure(pages)}".encode("cp1252", "replace")
        return b"%b rg BT /R1 %b Tf(%b)Tj ET" % (GRAY, number(FOOTER_SIZE), text)

    def _count_width(self) -> float:
        """Returns the width to reserve for ` of y` while y is unknown, as if each row took ten lines."""
        pages = 10 * self._header.rows // self._layout.slots + 10
        text = f" {self._words['of']} {self._figure(pages)}".encode("cp1252", "replace")
        return metrics("R").width(text) * FOOTER_SIZE / 1000

    def _figure(self, value: int) -> str:
        return f"{value:,}".replace(",", self._group)

    def _stripes(self, kinds: bytes) -> bytes:
        """Returns a light background for every second row, however many lines it takes."""
        dark = []
        row = 0
        for slot, kind in enumerate(kinds):
            row += kind != FURTHER[0]
            if kind != FREE[0] and row % 2 == 0:
                dark.append(slot)
        return stripes(self._layout, dark, len(kinds.rstrip(FREE)))

    def _with_subtotals(self, background: bytes, kinds: bytes, first: int) -> tuple[bytes, bytes]:
        backgrounds, lines = [background], []
        slots = [slot for slot, kind in enumerate(kinds) if kind == SUBTOTAL[0]]
        for line, slot in enumerate(slots, first):
            period, total, is_first = self._plan.subtotal(line)
            backgrounds.append(self._subtotals.background(slot, is_first))
            lines.append(self._subtotals.text(slot, period, total, is_first))
        return b"".join(backgrounds), b"".join(lines)


def rows_on(kinds: bytes) -> int:
    """Returns the number of rows that start on a page."""
    return kinds.count(ROW)
