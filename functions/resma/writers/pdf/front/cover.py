"""The cover: filters, reconciliation data, totals and charts, drawn by reportlab as a small file of its own.

The first page has the filters, the reconciliation block, totals and up to three charts. Further charts follow, four
per page. Filters that the first page had to shorten, and further currencies, come last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from resma.i18n.translations import translate
from resma.report.header import Chart, ReportHeader
from resma.report.total_lines import control_text, total_lines
from resma.writers.pdf.fonts.own_faces import BOLD
from resma.writers.pdf.front.canvas import INSET, LEFT, LINE, CoverCanvas, TextStyle
from resma.writers.pdf.front.charts import chart_drawing
from resma.writers.pdf.front.import_pages import ImportedPages
from resma.writers.pdf.front.style import GRAY, INK, colors_of, drawable, register_fonts, width_of, wrapped
from resma.writers.pdf.layout import FOOTER_BASELINE, Layout
from resma.writers.pdf.table.logo import COVER_LOGO, place_logo
from resma.writers.pdf.table.page_template import BRAND_BASELINE, as_of_text, footer_text
from resma.writers.pdf.text.cp1252 import visible
from resma.writers.pdf.text.pen import Pen

GAP = 26.0
BAND_LINES = 10
CHARTS_BOTTOM = 48.0
TALLEST = 300.0
LEGAL_LEADING = 8.5
MAX_LEGAL_LINES = 8
ROW_GAP = 14.0
CHARTS_FIRST = 3
CHARTS_PER_PAGE = 4
TOTALS_SHOWN = BAND_LINES - 2
MAX_COVER_TOTALS = 100
"""Maximum number of totals on the cover. The last line shows the number of further totals."""

CONTINUED_LINES = 28
LABEL_WIDTH = 74.0

_TEXT = TextStyle(size=8, color=INK)
_QUIET = TextStyle(size=8, color=GRAY)
_STRONG = TextStyle(size=8, color=INK, font=BOLD)
_FOOTER = TextStyle(size=6.5, color=GRAY)
_FOOTER_ROOM = 90.0
_SMALLER = 1.15

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PageCounts:
    """Number of pages of each part of the report."""

    cover: int
    contents: int
    table: int

    @property
    def total(self) -> int:
        return self.cover + self.contents + self.table


def cover_pages(header: ReportHeader, layout: Layout, pen: Pen) -> int:
    """Returns the number of pages of the cover, which must be known before pages are drawn."""
    register_fonts()
    charts = max(0, len(header.charts) - CHARTS_FIRST)
    return 1 + -(-charts // CHARTS_PER_PAGE) + len(_Cover(header, layout, PageCounts(0, 0, 0), pen).continued())


def draw_cover(header: ReportHeader, layout: Layout, pages: PageCounts, pen: Pen) -> tuple[ImportedPages, list[bytes]]:
    """Returns the cover's pages, and for each page its overlay in the fonts of the report."""
    register_fonts()
    charts = _time_first(header.charts)
    cover = _Cover(header, layout, pages, pen)
    cover.first_page(charts[:CHARTS_FIRST])
    rest = charts[CHARTS_FIRST:]
    for at in range(0, len(rest), CHARTS_PER_PAGE):
        cover.chart_page(rest[at : at + CHARTS_PER_PAGE])
    for lines in cover.continued():
        cover.continued_page(lines)
    return ImportedPages(cover.saved()), cover.overlays()


def _time_first(charts: Sequence[Chart]) -> list[Chart]:
    """Moves the first chart over time to the front, because the first chart is the widest."""
    first = next((i for i, chart in enumerate(charts) if chart.kind == "time"), 0)
    return [*charts[first : first + 1], *charts[:first], *charts[first + 1 :]]


class _Cover:
    """Draws the pages: three blocks side by side (landscape) or two above one (portrait), then charts."""

    def __init__(self, header: ReportHeader, layout: Layout, pages: PageCounts, pen: Pen) -> None:
        self._header = header
        self._total_lines = list(total_lines(header, header.totals))
        self._locale = header.locale
        self._layout = layout
        self._pages = pages
        self._page = 0
        self._pen = pen
        self._colors = colors_of(header.brand)
        self._canvas = CoverCanvas(layout, pen, self._colors)
        self._width = layout.width - 2 * LEFT
        across = 2 if layout.is_portrait else 3
        self._column = (self._width - (across - 1) * GAP) / across
        self._value_width = self._column - LABEL_WIDTH - 2 * INSET
        self._top = layout.height - 117.28

    def saved(self) -> bytes:
        return self._canvas.saved()

    def overlays(self) -> list[bytes]:
        return [b"".join(shown) for shown in self._canvas.overlays]

    def _translate(self, word: str) -> str:
        return translate(word, self._locale.language)

    def _figure(self, value: int) -> str:
        return self._locale.format_count(value)

    def _amount(self, amount: Decimal) -> str:
        """Formats an amount with all digits and thousands separators. NaN and Infinity are unchanged."""
        return self._locale.format_number(f"{amount:f}")

    def _measure(self, text: str) -> float:
        """Returns the width of a value in points."""
        return self._pen.width("R", visible(text)) * _TEXT.size / 1000

    def first_page(self, charts: Sequence[Chart]) -> None:
        self._opening()
        header, pages = self._header, self._pages
        filters = header.filters or ((self._translate("Filters"), self._translate("none")),)
        if len(filters) > BAND_LINES:
            left = len(filters) - BAND_LINES + 1
            see = f"+ {left}, {self._translate('page')} {pages.cover}"
            filters = (*filters[: BAND_LINES - 1], ("…", see))
        facts = self._reconciliation()
        top, column = self._top, self._column
        self._pairs(self._translate("Selection"), LEFT, top, filters)
        self._pairs(self._translate("Reconciliation"), LEFT + column + GAP, top, facts)
        lines = max(len(filters), len(facts))
        totals = min(len(self._total_lines), TOTALS_SHOWN) + 1 + self._shows_all()
        if not self._adds_up():
            bottom = top - 34 - lines * LINE
        elif self._layout.is_portrait:
            below = top - 34 - lines * LINE
            self._totals(LEFT, below, self._width)
            bottom = below - 34 - totals * LINE
        else:
            self._totals(LEFT + 2 * (column + GAP), top, column)
            bottom = top - 34 - max(lines, totals) * LINE
        bottom = self._control(bottom)
        rows = [charts] if len(charts) == 2 else [charts[:1], charts[1:]]
        self._chart_rows(rows, bottom, floor=self._legal())
        self._canvas.end_page()

    def _control(self, top: float) -> float:
        """Draws the line of control totals, if there are any. Returns the position below it."""
        text = control_text(self._header)
        if text is None:
            return top
        self._canvas.text(_STRONG, LEFT + INSET, top + LINE / 2, text, cut_at=self._width - 2 * INSET)
        return top - LINE / 2

    def _legal(self) -> float:
        """Draws the legal text of the brand at the bottom of the page. Returns the lowest position of charts."""
        text = self._header.brand.legal
        if not text:
            return CHARTS_BOTTOM
        lines = wrapped(text, self._width, lambda part: self._pen.width("R", visible(part)) * _FOOTER.size / 1000)
        lines = lines[:MAX_LEGAL_LINES]
        for i, line in enumerate(reversed(lines)):
            self._canvas.text(_FOOTER, LEFT, CHARTS_BOTTOM - 8 + i * LEGAL_LEADING, line)
        return CHARTS_BOTTOM + len(lines) * LEGAL_LEADING

    def chart_page(self, charts: Sequence[Chart]) -> None:
        self._opening()
        self._chart_rows([charts[:2], charts[2:]], self._top + 10, wide=False)
        self._canvas.end_page()

    def _chart_rows(
        self, rows: Sequence[Sequence[Chart]], top: float, *, wide: bool = True, floor: float = CHARTS_BOTTOM
    ) -> None:
        """Draws rows of charts from `top` downwards. If `wide`, a single chart of a row takes the whole width."""
        rows = [row for row in rows if row]
        half = (self._width - GAP) / 2
        available = (top - floor + ROW_GAP) / max(1, len(rows)) - ROW_GAP
        height = min(available, TALLEST)
        for i, row in enumerate(rows):
            width = self._width if wide and len(row) == 1 else half
            y = top - (i + 1) * height - i * ROW_GAP
            for j, chart in enumerate(row):
                self._canvas.draw(
                    chart_drawing(chart, self._locale, width, height, self._colors), LEFT + j * (half + GAP), y
                )

    def continued(self) -> list[list[Pair]]:
        """Returns the lines of each continuation page: filters and totals in full, if the first page shortens them."""
        header = self._header
        width = self._width - LABEL_WIDTH * 2 - 2 * INSET
        lines: list[Pair] = []
        shortens = any(self._measure(value) > self._value_width * _SMALLER for _, value in header.filters)
        if len(header.filters) > BAND_LINES or shortens:
            for label, value in header.filters:
                parts = wrapped(value, width, self._measure)
                lines += [(label if not i else "", part) for i, part in enumerate(parts)]
        if len(self._total_lines) > TOTALS_SHOWN:
            amounts = len(header.total_columns)
            shown = self._total_lines[: max(1, MAX_COVER_TOTALS // amounts) * amounts]
            lines += [(t.name, f"{self._counted_rows(t.rows)}, {self._amount(t.amount)}") for t in shown]
            if more := self._currencies() - len(shown) // amounts:
                lines.append(("…", f"+ {self._figure(more)} ({self._translate('Currencies')})"))
        return [lines[i : i + CONTINUED_LINES] for i in range(0, len(lines), CONTINUED_LINES)]

    def _counted_rows(self, rows: int) -> str:
        return f"{self._figure(rows)} {self._translate('row' if rows == 1 else 'rows')}"

    def continued_page(self, lines: Sequence[Pair]) -> None:
        self._opening()
        self._canvas.block_title(self._translate("Selection and totals in full"), LEFT, self._top, self._width)
        for i, (label, value) in enumerate(lines):
            y = self._top - 16 - i * LINE
            self._canvas.text(_QUIET, LEFT + INSET, y, label, cut_at=2 * LABEL_WIDTH - 6)
            self._canvas.text(
                _TEXT, LEFT + INSET + 2 * LABEL_WIDTH, y, value, cut_at=self._width - 2 * LABEL_WIDTH - 2 * INSET
            )
            self._canvas.rule(LEFT, y - 4.6, self._width)
        self._canvas.end_page()

    def _currencies(self) -> int:
        return len(self._header.totals) + self._header.totals_omitted

    def _adds_up(self) -> bool:
        """Returns whether to show totals. A report without rows has none, but its report type may have them."""
        return bool(self._header.totals) or not self._header.rows

    def _shows_all(self) -> bool:
        """Returns whether the totals end with the number of all rows, which the only total already shows."""
        return self._currencies() != 1

    def _reconciliation(self) -> list[Pair]:
        header, pages, locale = self._header, self._pages, self._locale
        first, last = pages.cover + pages.contents + 1, pages.total
        where = f"{self._translate('page')} {self._figure(first)}"
        if last > first:
            where = f"{self._translate('pages')} {self._figure(first)} {self._translate('to')} {self._figure(last)}"
        facts = [
            (self._translate("Rows"), self._figure(header.rows)),
            (self._translate("As of"), as_of_text(header)),
            (self._translate("Time zone"), header.time_zone),
            (self._translate("Report id"), header.report_id),
            (self._translate("Table"), where),
        ]
        if self._adds_up() and header.has_currencies:
            facts.append((self._translate("Currencies"), self._figure(self._currencies())))
        if header.balance:
            facts += [
                (self._translate("Opening balance"), locale.format_number(header.balance.opening)),
                (self._translate("Closing balance"), locale.format_number(header.balance.closing)),
            ]
        return facts

    def _opening(self) -> None:
        """Draws organization, title, the line below them, and the footer."""
        self._page += 1
        header, canvas, height, width = self._header, self._canvas, self._layout.height, self._width
        logo = place_logo(header.brand, LEFT + width, height - 40, COVER_LOGO)
        canvas.overlays[-1].append(logo.content)
        beside = width - logo.taken
        canvas.text(TextStyle(9, GRAY), LEFT, height - 50.28, header.organization, cut_at=beside)
        size = 22 if width_of(drawable(header.title), 22, BOLD) <= beside else 15
        canvas.text(TextStyle(size, self._colors.accent, BOLD), LEFT, height - 76.28, header.title, cut_at=beside)
        canvas.bar(LEFT, height - 91.28, width, 1.4, self._colors.line)
        if header.brand.footer:
            canvas.text(_FOOTER, LEFT, BRAND_BASELINE, header.brand.footer, cut_at=width)
        canvas.text(_FOOTER, LEFT, FOOTER_BASELINE, footer_text(header), cut_at=width - _FOOTER_ROOM)
        number, count = self._figure(self._page), self._figure(self._pages.total)
        page = f"{self._translate('Page')} {number} {self._translate('of')} {count}"
        canvas.text(_FOOTER, LEFT + width, FOOTER_BASELINE, page, right=True)

    def _pairs(self, title: str, left: float, top: float, pairs: Sequence[Pair]) -> None:
        """Draws labels and values in a column under a title. Values that are slightly too long are made smaller."""
        canvas, cut_at = self._canvas, self._value_width * _SMALLER
        canvas.block_title(title, left, top, self._column)
        for i, (label, value) in enumerate(pairs):
            y = top - 16 - i * LINE
            canvas.text(_QUIET, left + INSET, y, label, cut_at=LABEL_WIDTH - 6)
            canvas.text(_TEXT, left + INSET + LABEL_WIDTH, y, value, cut_at=cut_at, shrink_to=self._value_width)
            canvas.rule(left, y - 4.6, self._column)

    def _totals(self, left: float, top: float, width: float) -> None:
        """Draws rows and amount of each total, and the number of all rows unless there is only one total."""
        totals, has_currencies = self._total_lines, self._header.has_currencies
        title = self._translate("Totals by currency" if has_currencies else "Totals")
        self._canvas.block_title(title, left, top, width)
        y = top - 16
        name = self._translate("Currency") if has_currencies else ""
        heads = (name, self._translate("Rows"), self._translate("Amount"))
        self._total_line(_QUIET, left, y, width, heads)
        shown = totals if len(totals) <= TOTALS_SHOWN else totals[: TOTALS_SHOWN - 1]
        for total in shown:
            y -= LINE
            self._total_line(_TEXT, left, y, width, (total.name, self._figure(total.rows), self._amount(total.amount)))
        if len(shown) < len(totals):
            y -= LINE
            amounts = len(self._header.total_columns)
            omitted = self._figure(self._currencies() * amounts - len(shown))
            more = f"+ {omitted}, {self._translate('page')} {self._figure(self._pages.cover)}"
            self._total_line(_QUIET, left, y, width, (more, "", ""))
        if self._shows_all():
            everything = (self._translate("All"), self._figure(self._header.rows), "")
            self._total_line(_STRONG, left, y - LINE, width, everything)

    def _total_line(self, style: TextStyle, left: float, y: float, width: float, texts: tuple[str, str, str]) -> None:
        name, rows, amount = texts
        canvas = self._canvas
        canvas.text(style, left + INSET, y, name, cut_at=width * 0.24)
        canvas.text(style, left + width * 0.46, y, rows, right=True, shrink_to=width * 0.22)
        canvas.text(style, left + width - INSET, y, amount, right=True, shrink_to=width * 0.5)
        canvas.rule(left, y - 4.6, width)
