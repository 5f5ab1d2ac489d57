"""Page layout: paper size, orientation, and positions in points from the lower left corner."""

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
"""Space on either side of a column's text; narrow columns have less."""

MAX_PADDING_SHARE = 0.1
"""Maximum padding on either side, as a share of the column's width."""

HEADINGS_HEIGHT = 15.0
FOOTER_BASELINE = 24.0
FOOTER_HEIGHT = 42.0
"""Minimum distance from the lower edge of the page to the bottom of the last row."""
DROP = 7.4
"""Distance from the top of a row to its baseline."""

_PAPER = {"A4": (595.28, 841.89), "Letter": (612.0, 792.0)}


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout of a table page. Every line of text has a slot. A row takes one slot, or several if cells wrap."""

    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge of the printed area."""
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
        """Number of lines per page: 50 in landscape orientation, 74 (A4) or 68 (Letter) in portrait orientation."""
        return int((self.slots_top - FOOTER_HEIGHT + 0.01) / LEADING) // 2 * 2

    @property
    def first_line(self) -> float:
        """Position one line above the first baseline, because each row moves down before it is shown (T*)."""
        return self.slots_top - DROP + LEADING

    def top_of(self, slot: int) -> float:
        """Returns the upper edge of a slot, counted from 0."""
        return self.slots_top - slot * LEADING


def choose_layout(header: ReportHeader, options: PdfOptions) -> Layout:
    """Returns the requested layout; by default the orientation of the report type and the paper of the locale."""
    return layout_of(header.locale, header.orientation, options)


def layout_of(locale: Locale, orientation: str, options: PdfOptions) -> Layout:
    """Returns the layout for a locale, the orientation of the report type, and the options, which take precedence."""
    paper: Literal["A4", "Letter"] = options.paper or locale.paper
    short, long = _PAPER[paper]
    if (options.orientation or orientation) == "portrait":
        return Layout(short, long)
    return Layout(long, short)


@dataclass(frozen=True, slots=True)
class Cell:
    """Position of a column on the page: its left and right edges, including padding."""

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
    """Returns the positions of the columns, which share the page's width in proportion to their `width`."""
    unit = (layout.right - MARGIN) / sum(column.width for column in columns)
    positions = []
    left = MARGIN
    for column in columns:
        right = left + column.width * unit
        positions.append(Cell(column, round(left, 2), round(right, 2)))
        left = right
    return positions
