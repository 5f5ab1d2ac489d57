"""The cover: what the report is, what it adds up to, and its charts; drawn by reportlab, in its own small file.

The first page holds the details, the reconciliation block, totals and up to three charts. Other charts follow
four to a page; details that the first page had to shorten, and further currencies, come last.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO

from reportlab.graphics import renderPDF
from reportlab.pdfgen.canvas import Canvas

from resma.header import Chart, ReportHeader, Total
from resma.writers.pdf.charts import chart_drawing
from resma.writers.pdf.imported import ImportedPages
from resma.writers.pdf.ink import ACCENT, BOLD, GREY, INK, REGULAR, RULE, STRIPE, register_fonts, shortened, wrapped
from resma.writers.pdf.layout import FOOT_BASELINE, PAGE_HEIGHT, PAGE_WIDTH

LEFT = 40.0
RIGHT = PAGE_WIDTH - 40.0
WIDTH = RIGHT - LEFT
GAP = 26.0
COLUMN = (WIDTH - 2 * GAP) / 3

BAND_TOP = 478.0
LINE = 15.5
BAND_LINES = 10
CHARTS_BOTTOM = 48.0
HALF = (WIDTH - GAP) / 2
TALLEST = 232.0
ROW_GAP = 14.0
CHARTS_FIRST = 3
CHARTS_A_PAGE = 4
TOTALS_SHOWN = BAND_LINES - 2

CONTINUED_LINES = 28
LABEL_WIDTH = 74.0

Pair = tuple[str, str]


def cover_pages(header: ReportHeader, table_pages: int) -> ImportedPages:
    """The cover's pages. They must know how many they are for `Page 1 of y`, so they are planned first."""
    register_fonts()
    charts = _time_first(header.charts)
    rest = charts[CHARTS_FIRST:]
    chart_pages = [rest[i : i + CHARTS_A_PAGE] for i in range(0, len(rest), CHARTS_A_PAGE)]
    continued = _continued(header)
    pages = 1 + len(chart_pages) + len(continued)
    cover = _Cover(header, pages, table_pages)
    cover.first_page(charts[:CHARTS_FIRST])
    for page_charts in chart_pages:
        cover.chart_page(page_charts)
    for lines in continued:
        cover.continued_page(lines)
    return ImportedPages(cover.saved())


def _time_first(charts: Sequence[Chart]) -> list[Chart]:
    """The charts, the first over time before all others: it has the widest place."""
    first = next((i for i, chart in enumerate(charts) if chart.kind == "time"), 0)
    return [*charts[first : first + 1], *charts[:first], *charts[first + 1 :]]


def _continued(header: ReportHeader) -> list[list[Pair]]:
    """Filters in full and all totals, where the first page has no room for them; lines a page."""
    width = WIDTH - LABEL_WIDTH * 2
    lines: list[Pair] = []
    value_width = COLUMN - LABEL_WIDTH
    if len(header.filters) > BAND_LINES or any(shortened(v, value_width, 8) != v for _, v in header.filters):
        for label, value in header.filters:
            parts = wrapped(value, width, 8)
            lines += [(label if not i else "", part) for i, part in enumerate(parts)]
    if len(header.totals) > TOTALS_SHOWN:
        lines += [(t.currency, f"{t.rows:,} rows, amount {grouped(t.amount)}") for t in header.totals]
    return [lines[i : i + CONTINUED_LINES] for i in range(0, len(lines), CONTINUED_LINES)]


def grouped(amount: Decimal) -> str:
    """An amount with every digit and commas between thousands; NaN and Infinity as they are."""
    return f"{amount:,f}" if amount.is_finite() else str(amount)


class _Cover:
    def __init__(self, header: ReportHeader, pages: int, table_pages: int) -> None:
        self._header = header
        self._pages = pages
        self._table_pages = table_pages
        self._page = 0
        self._buffer = BytesIO()
        self._canvas = Canvas(
            self._buffer,
            pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
            pageCompression=1,
            invariant=1,
            initialFontName=REGULAR,
        )

    def saved(self) -> bytes:
        self._canvas.save()
        return self._buffer.getvalue()

    def first_page(self, charts: Sequence[Chart]) -> None:
        self._opening()
        header = self._header
        filters = header.filters or (("Filters", "none"),)
        if len(filters) > BAND_LINES:
            left = len(filters) - BAND_LINES + 1
            filters = (*filters[: BAND_LINES - 1], ("…", f"{left} more, see page {self._pages}"))
        facts = self._reconciliation()
        self._pairs("Selection", LEFT, filters)
        self._pairs("Reconciliation", LEFT + COLUMN + GAP, facts)
        self._totals(LEFT + 2 * (COLUMN + GAP), header.totals)
        lines = max(len(filters), len(facts), min(len(header.totals), TOTALS_SHOWN) + 2)
        rows = [charts] if len(charts) == 2 else [charts[:1], charts[1:]]
        self._chart_rows(rows, BAND_TOP - 34 - lines * LINE)
        self._canvas.showPage()

    def chart_page(self, charts: Sequence[Chart]) -> None:
        self._opening()
        self._chart_rows([charts[:2], charts[2:]], BAND_TOP + 10, wide=False)
        self._canvas.showPage()

    def _chart_rows(self, rows: Sequence[Sequence[Chart]], top: float, *, wide: bool = True) -> None:
        """Rows of charts down from `top`, one over the whole width if `wide`, two side by side."""
        rows = [row for row in rows if row]
        room = (top - CHARTS_BOTTOM + ROW_GAP) / max(1, len(rows)) - ROW_GAP
        height = min(room, TALLEST)
        for i, row in enumerate(rows):
            width = WIDTH if wide and len(row) == 1 else HALF
            y = top - (i + 1) * height - i * ROW_GAP
            for j, chart in enumerate(row):
                renderPDF.draw(chart_drawing(chart, width, height), self._canvas, LEFT + j * (HALF + GAP), y)

    def continued_page(self, lines: Sequence[Pair]) -> None:
        self._opening()
        self._pairs("Selection and totals in full", LEFT, lines, WIDTH, LABEL_WIDTH * 2, CONTINUED_LINES)
        self._canvas.showPage()

    def _reconciliation(self) -> list[Pair]:
        header = self._header
        first, last = self._pages + 1, self._pages + self._table_pages
        return [
            ("Rows", f"{header.rows:,}"),
            ("Truncated", "no"),
            ("As of", f"{header.as_of:%Y-%m-%d %H:%M:%S} UTC"),
            ("Report id", header.report_id),
            ("Table", f"pages {first:,} to {last:,}" if last > first else f"page {first:,}"),
            ("Currencies", f"{len(header.totals):,}"),
        ]

    def _opening(self) -> None:
        """Organisation, title, the rule under them, and the foot."""
        self._page += 1
        header = self._header
        self._text(REGULAR, 9, LEFT, 545, shortened(header.organisation, WIDTH, 9), GREY)
        size = 22 if shortened(header.title, WIDTH, 22, BOLD) == header.title else 15
        self._text(BOLD, size, LEFT, 519, shortened(header.title, WIDTH, size, BOLD), ACCENT)
        canvas = self._canvas
        canvas.setFillColor(ACCENT)
        canvas.rect(LEFT, 504, WIDTH, 1.4, stroke=0, fill=1)
        foot = f"As of {header.as_of:%Y-%m-%d %H:%M:%S} UTC   ·   Report {header.report_id}"
        self._text(REGULAR, 6.5, LEFT, FOOT_BASELINE, foot, GREY)
        page = f"Page {self._page:,} of {self._pages + self._table_pages:,}"
        self._text(REGULAR, 6.5, RIGHT, FOOT_BASELINE, page, GREY, right=True)

    def _pairs(
        self,
        title: str,
        left: float,
        pairs: Sequence[Pair],
        width: float = COLUMN,
        label_width: float = LABEL_WIDTH,
        lines: int = BAND_LINES,
    ) -> None:
        """Labels and values under a title, a line each."""
        self._block_title(title, left, width)
        for i, (label, value) in enumerate(pairs[:lines]):
            y = BAND_TOP - 16 - i * LINE
            self._text(REGULAR, 8, left, y, shortened(label, label_width - 6, 8), GREY)
            value = shortened(value, width - label_width, 8)  # noqa: PLW2901  # as it is shown
            self._text(REGULAR, 8, left + label_width, y, value, INK)
            self._rule(left, y - 4.6, width)

    def _totals(self, left: float, totals: Sequence[Total]) -> None:
        """Rows and amount of each currency, and the rows of all of them."""
        self._block_title("Totals by currency", left, COLUMN)
        rows_at = left + COLUMN * 0.46
        y = BAND_TOP - 16
        for x, heading, right in ((left, "Currency", False), (rows_at, "Rows", True), (left + COLUMN, "Amount", True)):
            self._text(REGULAR, 7, x, y, heading, GREY, right=right)
        self._rule(left, y - 4.6, COLUMN)
        shown = totals if len(totals) <= TOTALS_SHOWN else totals[: TOTALS_SHOWN - 1]
        for total in shown:
            y -= LINE
            self._total_line(left, rows_at, y, total)
        if len(shown) < len(totals):
            y -= LINE
            more = f"{len(totals) - len(shown):,} more currencies, see page {self._pages:,}"
            self._text(REGULAR, 8, left, y, more, GREY)
            self._rule(left, y - 4.6, COLUMN)
        y -= LINE
        self._text(BOLD, 8, left, y, "All", INK)
        self._text(BOLD, 8, rows_at, y, f"{self._header.rows:,}", INK, right=True)

    def _total_line(self, left: float, rows_at: float, y: float, total: Total) -> None:
        self._text(REGULAR, 8, left, y, shortened(total.currency, COLUMN * 0.22, 8), INK)
        self._text(REGULAR, 8, rows_at, y, f"{total.rows:,}", INK, right=True)
        self._text(REGULAR, 8, left + COLUMN, y, grouped(total.amount), INK, right=True, most=COLUMN * 0.5)
        self._rule(left, y - 4.6, COLUMN)

    def _block_title(self, title: str, left: float, width: float) -> None:
        self._canvas.setFillColor(STRIPE)
        self._canvas.rect(left - 4, BAND_TOP - 4, width + 8, 15, stroke=0, fill=1)
        self._text(BOLD, 8.5, left, BAND_TOP, title, ACCENT)

    def _rule(self, left: float, y: float, width: float) -> None:
        self._canvas.setStrokeColor(RULE)
        self._canvas.setLineWidth(0.4)
        self._canvas.line(left, y, left + width, y)

    def _text(
        self,
        font: str,
        size: float,
        x: float,
        y: float,
        text: str,
        colour: object,
        *,
        right: bool = False,
        most: float = 0,
    ) -> None:
        """One line; x is its right end where `right`. Numbers wider than `most` points are made smaller."""
        canvas = self._canvas
        width = canvas.stringWidth(text, font, size)
        if most and width > most:
            size *= most / width
            width = most
        canvas.setFillColor(colour)
        canvas.setFont(font, size)
        canvas.drawString(x - width if right else x, y, text)
