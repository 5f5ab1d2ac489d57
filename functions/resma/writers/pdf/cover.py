"""The cover: what the report is, what it adds up to, and its charts; drawn by reportlab, in its own small file.

The first page holds the details, the reconciliation block, totals and up to three charts. Other charts follow
four to a page; details that the first page had to shorten, and further currencies, come last.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from resma.header import Chart, ReportHeader, Total
from resma.writers.pdf.charts import chart_drawing
from resma.writers.pdf.imported import ImportedPages
from resma.writers.pdf.ink import ACCENT, BOLD, GREY, INK, drawable, register_fonts, shortened, width_of, wrapped
from resma.writers.pdf.layout import FOOT_BASELINE
from resma.writers.pdf.sheet import INSET, LEFT, LINE, RIGHT, WIDTH, Sheet, Type

GAP = 26.0
COLUMN = (WIDTH - 2 * GAP) / 3

BAND_TOP = 478.0
BAND_LINES = 10
CHARTS_BOTTOM = 48.0
HALF = (WIDTH - GAP) / 2
TALLEST = 300.0
ROW_GAP = 14.0
CHARTS_FIRST = 3
CHARTS_A_PAGE = 4
TOTALS_SHOWN = BAND_LINES - 2

CONTINUED_LINES = 28
LABEL_WIDTH = 74.0
VALUE_WIDTH = COLUMN - LABEL_WIDTH - 2 * INSET

_TEXT = Type(size=8, colour=INK)
_QUIET = Type(size=8, colour=GREY)
_STRONG = Type(size=8, colour=INK, font=BOLD)
_FOOT = Type(size=6.5, colour=GREY)

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
    width = WIDTH - LABEL_WIDTH * 2 - 2 * INSET
    lines: list[Pair] = []
    if len(header.filters) > BAND_LINES or any(width_of(drawable(v), 8) > VALUE_WIDTH for _, v in header.filters):
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
        self._sheet = Sheet()

    def saved(self) -> bytes:
        return self._sheet.saved()

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
        self._sheet.turn()

    def chart_page(self, charts: Sequence[Chart]) -> None:
        self._opening()
        self._chart_rows([charts[:2], charts[2:]], BAND_TOP + 10, wide=False)
        self._sheet.turn()

    def _chart_rows(self, rows: Sequence[Sequence[Chart]], top: float, *, wide: bool = True) -> None:
        """Rows of charts down from `top`, one over the whole width if `wide`, two side by side."""
        rows = [row for row in rows if row]
        room = (top - CHARTS_BOTTOM + ROW_GAP) / max(1, len(rows)) - ROW_GAP
        height = min(room, TALLEST)
        for i, row in enumerate(rows):
            width = WIDTH if wide and len(row) == 1 else HALF
            y = top - (i + 1) * height - i * ROW_GAP
            for j, chart in enumerate(row):
                self._sheet.draw(chart_drawing(chart, width, height), LEFT + j * (HALF + GAP), y)

    def continued_page(self, lines: Sequence[Pair]) -> None:
        self._opening()
        self._sheet.block_title("Selection and totals in full", LEFT, BAND_TOP, WIDTH)
        for i, (label, value) in enumerate(lines):
            y = BAND_TOP - 16 - i * LINE
            self._sheet.text(_QUIET, LEFT + INSET, y, shortened(label, 2 * LABEL_WIDTH - 6, 8))
            self._sheet.text(_TEXT, LEFT + INSET + 2 * LABEL_WIDTH, y, value)
            self._sheet.rule(LEFT, y - 4.6, WIDTH)
        self._sheet.turn()

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
        header, sheet = self._header, self._sheet
        sheet.text(Type(9, GREY), LEFT, 545, shortened(header.organisation, WIDTH, 9))
        size = 22 if width_of(drawable(header.title), 22, BOLD) <= WIDTH else 15
        sheet.text(Type(size, ACCENT, BOLD), LEFT, 519, shortened(header.title, WIDTH, size, BOLD))
        sheet.bar(LEFT, 504, WIDTH, 1.4, ACCENT)
        foot = f"As of {header.as_of:%Y-%m-%d %H:%M:%S} UTC   ·   Report {header.report_id}"
        sheet.text(_FOOT, LEFT, FOOT_BASELINE, foot)
        page = f"Page {self._page:,} of {self._pages + self._table_pages:,}"
        sheet.text(_FOOT, RIGHT, FOOT_BASELINE, page, right=True)

    def _pairs(self, title: str, left: float, pairs: Sequence[Pair]) -> None:
        """Labels and values in a column under a title, a line each."""
        sheet = self._sheet
        sheet.block_title(title, left, BAND_TOP, COLUMN)
        for i, (label, value) in enumerate(pairs):
            y = BAND_TOP - 16 - i * LINE
            sheet.text(_QUIET, left + INSET, y, shortened(label, LABEL_WIDTH - 6, 8))
            sheet.text(_TEXT, left + INSET + LABEL_WIDTH, y, shortened(value, VALUE_WIDTH, 8))
            sheet.rule(left, y - 4.6, COLUMN)

    def _totals(self, left: float, totals: Sequence[Total]) -> None:
        """Rows and amount of each currency, and the rows of all of them."""
        self._sheet.block_title("Totals by currency", left, BAND_TOP, COLUMN)
        y = BAND_TOP - 16
        self._total_line(_QUIET, left, y, ("Currency", "Rows", "Amount"))
        shown = totals if len(totals) <= TOTALS_SHOWN else totals[: TOTALS_SHOWN - 1]
        for total in shown:
            y -= LINE
            name = shortened(total.currency, COLUMN * 0.22, 8)
            self._total_line(_TEXT, left, y, (name, f"{total.rows:,}", grouped(total.amount)))
        if len(shown) < len(totals):
            y -= LINE
            more = f"{len(totals) - len(shown):,} more currencies, see page {self._pages:,}"
            self._total_line(_QUIET, left, y, (more, "", ""))
        self._total_line(_STRONG, left, y - LINE, ("All", f"{self._header.rows:,}", ""))

    def _total_line(self, look: Type, left: float, y: float, texts: tuple[str, str, str]) -> None:
        name, rows, amount = texts
        sheet = self._sheet
        sheet.text(look, left + INSET, y, name)
        sheet.text(look, left + COLUMN * 0.46, y, rows, right=True, most=COLUMN * 0.22)
        sheet.text(look, left + COLUMN - INSET, y, amount, right=True, most=COLUMN * 0.5)
        sheet.rule(left, y - 4.6, COLUMN)
