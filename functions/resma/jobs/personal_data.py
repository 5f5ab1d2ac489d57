"""What of a report is personal: of its files as it was when their rows were read, before that as the catalog says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resma.catalog import load_catalog
from resma.jobs.report_rows import Report
from resma.report.content import MASK, ReportContent


def personal_content(content: ReportContent) -> tuple[list[str], list[str]] | None:
    """Names of the personal columns that a report has, and of the personal filters that it has set.

    None where the catalog does not know its type.
    """
    if (report_type := load_catalog().get(content.type)) is None:
        return None
    columns = [column.name for column in report_type.columns if column.personal]
    filters = [item.name for item in report_type.filters if item.personal]
    wanted = content.columns
    return (
        [name for name in columns if wanted is None or name in wanted],
        [name for name in filters if name in content.filters],
    )


def shows_personal(report: Report) -> bool:
    """Whether a report's files show what not everybody may see: a personal column, or the value of a personal filter.

    Of a type that nobody knows any more it is taken for granted.
    """
    if (found := _recorded(report) or personal_content(report)) is None:
        return True
    columns, filters = found
    return bool(filters or (columns and not report.personal_masked))


def masked_columns(report: Report) -> list[str]:
    """Names of the personal columns that are masked in a report's files."""
    columns, _ = _recorded(report) or personal_content(report) or ([], [])
    return columns if report.personal_masked else []


def personal_filters(report: Report) -> list[str]:
    """Names of the personal filters that are set: of all filters, where nobody knows."""
    _, filters = _recorded(report) or personal_content(report) or ([], list(report.filters))
    return filters


def mask_filters(type_: str, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A request's filters without the values of the personal ones: of all, where nobody knows its type."""
    report_type = load_catalog().get(type_)
    named = filters if report_type is None else {item.name for item in report_type.filters if item.personal}
    return {name: MASK if name in named and value is not None else value for name, value in filters.items()}


def _recorded(report: Report) -> tuple[list[str], list[str]] | None:
    if report.personal_columns is None:
        return None
    return report.personal_columns, report.personal_filters or []
