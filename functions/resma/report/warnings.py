"""Warnings of a READY report: what its readers should know, and what no error would be right for.

They are stored in the report's row and shown in its status, its completion event and its webhook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from resma.short_text import shorten

WarningCode = Literal[
    "amounts-as-text",
    "characters-without-font",
    "charts-omitted",
    "columns-too-narrow",
    "excel-apostrophe",
    "excel-cell-limit",
    "excel-row-limit",
    "more-warnings",
    "no-rows",
    "null-like-empty-text",
    "totals-not-finite",
]
"""Stable and meant for programs; docs/reports-api.md explains each."""

MAX_WARNINGS = 20
"""Warnings that a report keeps: they are part of its completion event, whose size is limited."""

MAX_DETAIL_CHARACTERS = 500
"""Characters of a warning's, or of a failed file's, detail."""


@dataclass(frozen=True, slots=True)
class ReportWarning:
    """One warning. Only `code` and `detail` are always set."""

    code: WarningCode
    detail: str
    """One or two sentences for people: what happened, and what to do. Never a cell's value: warnings are logged."""
    format: str | None = None
    """The file that it is about; None for the whole report. The worker sets it: writers leave it out."""
    column: str | None = None
    """The column's name in the catalog."""
    row: int | None = None
    """The first row that it is about, counted from 1 without headings."""
    rows: int | None = None
    """How many rows it is about."""

    def as_json(self) -> dict[str, Any]:
        """Returns the fields that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def bounded_warnings(warnings: Sequence[ReportWarning]) -> list[dict[str, Any]]:
    """Returns the first warnings as JSON, and where there are too many a last one that says how many are left out."""
    kept = [
        replace(warning, detail=shorten(warning.detail, MAX_DETAIL_CHARACTERS)) for warning in warnings[:MAX_WARNINGS]
    ]
    if (omitted := len(warnings) - MAX_WARNINGS) > 0:
        kept.append(ReportWarning("more-warnings", f"More warnings of the same kinds are not shown: {omitted:,}."))
    return [warning.as_json() for warning in kept]
