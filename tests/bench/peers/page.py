"""What the PDF peers share: a landscape A4 with nine columns, in the font that Resma uses too."""

from __future__ import annotations

from pathlib import Path

import resma
from tests.bench.source import Source

FONT = Path(next(iter(resma.__path__))) / "fonts" / "Roboto-Regular.ttf"
PAGE_WIDTH, PAGE_HEIGHT = 841.89, 595.28
MARGIN = 28.0
SIZE = 6.5
LEADING = 10.0
ROWS_A_PAGE = 50


def column_widths(source: Source) -> list[float]:
    """In points, in the catalog's proportions."""
    shares = [column.width for column in source.report_type.columns]
    return [(PAGE_WIDTH - 2 * MARGIN) * share / sum(shares) for share in shares]


def are_right(source: Source) -> list[bool]:
    """Which columns are aligned right."""
    return [column.align == "right" for column in source.report_type.columns]
