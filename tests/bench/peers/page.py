"""The page layout of the PDF peers: landscape A4 with nine columns, in the same font as Resma."""

from __future__ import annotations

from pathlib import Path

import resma
from tests.bench.source import Source

FONT = Path(next(iter(resma.__path__))) / "fonts" / "Roboto-Regular.ttf"
PAGE_WIDTH, PAGE_HEIGHT = 841.89, 595.28
MARGIN = 28.0
SIZE = 6.5
LEADING = 10.0
ROWS_PER_PAGE = 50


def column_widths(source: Source) -> list[float]:
    """Returns the widths of the columns in points, in the proportions of the report type."""
    shares = [column.width for column in source.report_type.columns]
    return [(PAGE_WIDTH - 2 * MARGIN) * share / sum(shares) for share in shares]


def are_right(source: Source) -> list[bool]:
    """Returns for each column whether it is right-aligned."""
    return [column.align == "right" for column in source.report_type.columns]
