"""Warnings of a READY report: problems of which its readers should know, but which are not errors.

They are stored in the report's row and returned in its status, its completion event and its webhook.
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
"""Stable codes for programs; docs/reports-api.md explains each."""

MAX_WARNINGS = 20
"""Maximum number of warnings per report: they are part of its completion event, whose size is limited."""

MAX_DETAIL_CHARACTERS = 500
"""Maximum length of the detail of a warning or of a failed file."""


@dataclass(frozen=True, slots=True)
class ReportWarning:
    """One warning. Only `code` and `detail` are always set."""

    code: WarningCode
    detail: str
    """One or two sentences: what happened, and what to do. Never contains cell values, because warnings are logged."""
    format: str | None = None
    """Format of the affected file; None if the whole report is affected. Set by the worker, not by writers."""
    column: str | None = None
    """Name of the affected column in the catalog."""
    row: int | None = None
    """Number of the first affected row, counted from 1 without headings."""
    rows: int | None = None
    """Number of affected rows."""
    files: int | None = None
    """Number of affected files of a split report; None for other reports."""
    file: int | None = None
    """Number of the first affected file of a split report."""

    def as_json(self) -> dict[str, Any]:
        """Returns the fields that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def bounded_warnings(warnings: Sequence[ReportWarning]) -> list[dict[str, Any]]:
    """Returns the first `MAX_WARNINGS` warnings as JSON, and a last one with the number of omitted warnings, if any."""
    bounded = [
        replace(warning, detail=shorten(warning.detail, MAX_DETAIL_CHARACTERS)) for warning in warnings[:MAX_WARNINGS]
    ]
    if (omitted := len(warnings) - MAX_WARNINGS) > 0:
        bounded.append(ReportWarning("more-warnings", f"More warnings of the same kinds are not shown: {omitted:,}."))
    return [warning.as_json() for warning in bounded]
