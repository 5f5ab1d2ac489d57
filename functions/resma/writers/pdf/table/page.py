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
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, metrics, single, single_group
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
        self._single = all(single(word) is not None for word in self._words.values())
        self._widths: dict[bytes, float] = {}
        """Widths of footers by shape. All digits have the same width, so that there are only a few dozen shapes."""
        self._of_rows = f"{self._words['of']} {self._figure(header.rows)}"
        self._footer_opening = b"%b rg BT /R1 %b Tf" % (GRAY, number(FOOTER_SIZE))
        self._footer_y = number(FOOTER_BASELINE)
        self._right = layout.right

    def content(self, form: bytes, blocks: Sequence[bytes], kinds: bytes, first_subtotal: int) -> bytes:
        """Returns the content except the footer. `first_subtotal` is the number of subtotal lines on earlier pages."""
        background = self._stripes(kinds) if self.wraps else b""
        above = b""
        if SUBTOTAL in kinds:
            background, above = self._with_subtotals(background, kinds, first_subtotal)
        return b"/%b Do %b%b%bET\n%b" % (form, background, _OPENING, b"".join(blocks), above)

    def nothing(self, form: bytes, start: int = 0) -> bytes:
        """Returns the content of the only page of a report without rows, whose table starts at slot `start`."""
        text = translate("No rows match.", self._header.locale.language)
        line = Line(text, "R", 9, MARGIN + PADDING, self._layout.top_of(start + 3))
        return b"/%b Do %b rg\n%b" % (form, GRAY, self._pen.show(line))

    def footer(self, rows: tuple[int, int], page: int, pages: int | None) -> bytes:
        """Returns the footer: `Rows a to b of c`, and `Page x of y` if y is known. `rows` is (a, b), from 1."""
        words = self._words
        text = f"{words['Page']} {self._figure(page)}"
        if rows[1] >= rows[0]:
            first, last = self._figure(rows[0]), self._figure(rows[1])
            text = f"{words['Rows']} {first} {words['to']} {last} {self._of_rows}   ·   {text}"
        if pages is not None:
            text = f"{text} {words['of']} {self._figure(pages)}"
        if not self._single:
            return self._wide_footer(text, pages)
        data = self._encoded(text)
        shape = data.translate(DIGITS_ALIKE)
        width = self._widths.get(shape)
        if width is None:
            width = self._widths[shape] = metrics("R").width(data) * FOOTER_SIZE / 1000
        x = self._right - width
        if pages is not None:
            return b"%b %.2f %b Td(%b)Tj ET\n" % (self._footer_opening, x, self._footer_y, data)
        x -= self._count_width()
        shown = b"%b %.2f %b Td(%b)Tj ET\n" % (self._footer_opening, x, self._footer_y, data)
        return shown + self._count_at(x + width)

    def _wide_footer(self, text: str, pages: int | None) -> bytes:
        """Returns a footer whose words are in other fonts than the one-byte fonts, such as Japanese."""
        right = self._right - (self._count_width() if pages is None else 0)
        line = Line(text, "R", FOOTER_SIZE, right, FOOTER_BASELINE, align="right")
        shown = b"%b rg %b" % (GRAY, self._pen.show(line))
        return shown if pages is not None else shown + self._count_at(right)

    def _count_at(self, x: float) -> bytes:
        """Returns the operators that show the form /Y, which is written at the end, after the page number: `of y`."""
        return b"q 1 0 0 1 %.2f %b cm /Y Do Q\n" % (x, self._footer_y)

    def _encoded(self, text: str) -> bytes:
        """Returns a footer in the one-byte font, which has a narrow space that Windows-1252 lacks."""
        marked = text.replace(self._group, "\0") if self._group else text
        return marked.encode("cp1252", "replace").replace(b"\0", single_group(self._group))

    def count_form(self, pages: int) -> bytes:
        """Returns the content of the form /Y, which shows ` of y` at the current position."""
        text = self._encoded(f" {self._words['of']} {self._figure(pages)}")
        return b"%b rg BT /R1 %b Tf(%b)Tj ET" % (GRAY, number(FOOTER_SIZE), text)

    def _count_width(self) -> float:
        """Returns the width to reserve for ` of y` while y is unknown, as if each row took ten lines."""
        pages = 10 * self._header.rows // self._layout.slots + 10
        text = self._encoded(f" {self._words['of']} {self._figure(pages)}")
        return metrics("R").width(text) * FOOTER_SIZE / 1000

    def _figure(self, value: int) -> str:
        return self._header.locale.format_count(value)

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
