"""Where things stand on a page: paper, orientation, rows. Points, from the lower left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from resma.i18n.locales import Locale
from resma.report.format_options import PdfOptions
from resma.report.header import Column, ReportHeader

MARGIN = 30.0
LEADING = 10.0
SIZE = 7.0
PADDING = 3.5
"""Free space on either side of a column's text; less where columns are narrow."""

MAX_PADDING_SHARE = 0.1
"""Of a column's width, on either side."""

HEADINGS_HEIGHT = 15.0
FOOTER_BASELINE = 24.0
FOOTER_HEIGHT = 42.0
"""From the lower edge to the last row's bottom, at least."""
DROP = 7.4
"""From the top of a row to its baseline."""

_PAPER = {"A4": (595.28, 841.89), "Letter": (612.0, 792.0)}


@dataclass(frozen=True, slots=True)
class Layout:
    """A table page. Every line of text stands in a slot: a row has one, or several where cells wrap."""

    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge of what is printed."""
        return self.width - MARGIN

    @property
    def is_portrait(self) -> bool:
        return self.height > self.width

    @property
    def title_baseline(self) -> float:
        return self.height - 28.28

    @property
    def headings_top(self) -> float:
        return self.height - 38.28

    @property
    def slots_top(self) -> float:
        return self.headings_top - HEADINGS_HEIGHT

    @property
    def slots(self) -> int:
        """Lines on a page: 50 across, 74 (A4) or 68 (Letter) upright."""
        return int((self.slots_top - FOOTER_HEIGHT + 0.01) / LEADING) // 2 * 2

    @property
    def first_line(self) -> float:
        """A line above the first baseline: each row moves down before it shows (T*)."""
        return self.slots_top - DROP + LEADING

    def top_of(self, slot: int) -> float:
        """The upper edge of a slot (from 0)."""
        return self.slots_top - slot * LEADING


def choose_layout(header: ReportHeader, options: PdfOptions) -> Layout:
    """What the request asks for, else what the report type wants, on the paper of its readers' country."""
    return layout_of(header.locale, header.orientation, options)


def layout_of(locale: Locale, orientation: str, options: PdfOptions) -> Layout:
    """The same, before there is a header."""
    paper: Literal["A4", "Letter"] = options.paper or ("Letter" if locale.tag == "en-US" else "A4")
    short, long = _PAPER[paper]
    if (options.orientation or orientation) == "portrait":
        return Layout(short, long)
    return Layout(long, short)


@dataclass(frozen=True, slots=True)
class Cell:
    """A column's place on the page: its left and right edge, padding included."""

    column: Column
    left: float
    right: float

    @property
    def padding(self) -> float:
        return min(PADDING, MAX_PADDING_SHARE * (self.right - self.left))

    @property
    def text_width(self) -> float:
        return self.right - self.left - 2 * self.padding

    @property
    def is_right(self) -> bool:
        return self.column.align == "right"


def cells(columns: Sequence[Column], layout: Layout) -> list[Cell]:
    """The page's width, shared out by the columns' `width`."""
    unit = (layout.right - MARGIN) / sum(column.width for column in columns)
    placed = []
    left = MARGIN
    for column in columns:
        right = left + column.width * unit
        placed.append(Cell(column, round(left, 2), round(right, 2)))
        left = right
    return placed
