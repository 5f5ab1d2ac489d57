"""Defaults of columns, which follow from their kind and name, so that report.toml names only what differs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from resma.report.kinds import ADDABLE

_WIDTHS = {
    "boolean": 8,
    "date": 13,
    "time": 10,
    "integer": 10,
    "amount": 15,
    "float": 15,
    "interval": 16,
    "timestamp": 19,
    "local_timestamp": 19,
    "text": 18,
    "json": 30,
    "binary": 30,
    "uuid": 36,
}
"""Width of a column in a PDF by its kind, in about the number of characters."""

_BOLD = 1.25
"""Width of a character of a heading, which is bold and does not wrap."""
_HEADING_SPACE = 2
_MAX_HEADING_WIDTH = 24

_IDENTIFIERS = frozenset(
    {"id", "ids", "no", "nr", "num", "number", "code", "key", "year", "month", "week", "day", "zip", "port"}
)
"""Last words of the names of integers that are not quantities: they are shown without thousands separators."""


def with_defaults(described: Mapping[str, Any], heading: str) -> dict[str, Any]:
    """Returns the settings of a column with defaults for `width`, `align`, `grouped` and `decimals`.

    `described` has the shape of report.toml, but may have errors, which are kept. There is room for `heading`.
    """
    column = dict(described)
    kind, name = column.get("kind", "text"), str(column.get("name", ""))
    is_number = isinstance(kind, str) and kind in ADDABLE
    column.setdefault("align", "right" if is_number else "left")
    column.setdefault("grouped", kind == "amount" or (kind == "integer" and not _is_identifier(name)))
    column.setdefault("width", default_width(kind if isinstance(kind, str) else "text", heading))
    scale = column.get("scale")
    column.setdefault("decimals", scale if kind == "amount" and isinstance(scale, int) else 0)
    return column


def default_width(kind: str, heading: str) -> float:
    """Returns the width of a column: enough for usual values of its kind, and for a heading of usual length."""
    of_heading = min(len(heading) * _BOLD + _HEADING_SPACE, _MAX_HEADING_WIDTH)
    return float(max(_WIDTHS.get(kind, _WIDTHS["text"]), of_heading))


def _is_identifier(name: str) -> bool:
    # `OrderID` and `orderId` end with the same word as `order_id`.
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return re.split(r"[_\s]+", words)[-1] in _IDENTIFIERS
