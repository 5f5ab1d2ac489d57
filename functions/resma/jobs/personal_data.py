"""Personal columns and filters of a report: as recorded when its rows were read; before that, as in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resma.catalog import load_catalog
from resma.jobs.report_rows import Report
from resma.report.content import MASK, ReportContent


def personal_content(content: ReportContent) -> tuple[list[str], list[str]] | None:
    """Returns the names of the personal columns of a report, and of the personal filters that it sets.

    The files of a split report have the filters of the columns that it is split by. None if the catalog does not
    contain its type.
    """
    if (report_type := load_catalog().get(content.type)) is None:
        return None
    columns = [column.name for column in report_type.shown_columns if column.personal]
    filters = [item.name for item in report_type.filters if item.personal]
    selected = content.columns
    return (
        [name for name in columns if selected is None or name in selected],
        [name for name in filters if name in content.filters or name in (content.split_by or ())],
    )


def shows_personal(report: Report) -> bool:
    """Returns whether a report's files show personal data: an unmasked personal column, or a personal filter's value.

    True if its type is no longer in the catalog and nothing was recorded.
    """
    if (personal := _recorded(report) or personal_content(report)) is None:
        return True
    columns, filters = personal
    return bool(filters or (columns and not report.personal_masked))


def masked_columns(report: Report) -> list[str]:
    """Returns the names of the personal columns that are masked in a report's files."""
    columns, _ = _recorded(report) or personal_content(report) or ([], [])
    return columns if report.personal_masked else []


def personal_filters(report: Report) -> list[str]:
    """Returns the names of the personal filters that are set; of all filters if the report's type is unknown."""
    _, filters = _recorded(report) or personal_content(report) or ([], list(report.filters))
    return [name for name in filters if name in report.filters]


def personal_keys(report: Report) -> list[str]:
    """Returns the names of the personal columns that a report is split by; of all if the report's type is unknown."""
    split_by = report.split_by or []
    _, filters = _recorded(report) or personal_content(report) or ([], split_by)
    return [name for name in split_by if name in filters]


def mask_filters(type_: str, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a request's filters with the values of personal ones masked; masks all values if its type is unknown."""
    report_type = load_catalog().get(type_)
    named = filters if report_type is None else {item.name for item in report_type.filters if item.personal}
    return {name: MASK if name in named and value is not None else value for name, value in filters.items()}


def _recorded(report: Report) -> tuple[list[str], list[str]] | None:
    if report.personal_columns is None:
        return None
    return report.personal_columns, report.personal_filters or []
