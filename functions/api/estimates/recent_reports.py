"""Sizes and durations of a tenant's recent reports of a type, from which estimates are computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from api.estimates.arithmetic import GenerationTime, Observation
from api.reports.progress import RECENT
from resma.catalog import ReportType, find_locale
from resma.jobs.report_rows import StoredFile
from resma.report.format_options import FormatOptions
from resma.writers.limits import lines_per_page

SEARCHED_REPORTS = 500
"""Maximum number of reports of all types that are searched for those of one type. It bounds the time of the query."""


@dataclass(frozen=True, kw_only=True)
class RecentReport:
    """Properties of a READY report that an estimate uses."""

    rows_done: int
    columns: list[str] | None
    locale: str
    options: dict[str, Any]
    files: list[StoredFile]
    seconds: float | None
    """Duration of the last attempt. None if the report was continued or restarted."""


def find_recent(connection: Connection[TupleRow], tenant_id: str, type_: str) -> list[RecentReport]:
    """Returns the recent READY reports of a type, newest first, with one query."""
    with connection.cursor(row_factory=class_row(RecentReport)) as cursor:
        cursor.execute(
            """
            SELECT rows_done, columns, locale, options, files,
                   CASE WHEN continuations = 0 AND (metrics ->> 'snapshots')::integer = 1
                        THEN (metrics -> 'seconds' ->> 'generate')::float8 END AS seconds
            FROM (
                SELECT * FROM resma.reports WHERE tenant_id = %s ORDER BY created_at DESC, report_id DESC LIMIT %s
            ) AS recent
            WHERE type = %s AND status = 'READY' AND files IS NOT NULL AND split_by IS NULL
            ORDER BY created_at DESC LIMIT %s
            """,
            (tenant_id, SEARCHED_REPORTS, type_, RECENT),
        )
        return cursor.fetchall()


def observe(report_type: ReportType, reports: list[RecentReport]) -> tuple[list[Observation], list[GenerationTime]]:
    """Returns the files and the durations of these reports."""
    files = [
        Observation(
            extension=file["extension"],
            rows=report.rows_done,
            columns=report.columns,
            cells=len(report_type.shown_columns if report.columns is None else report.columns),
            bytes=file["bytes"],
            pages=file.get("pages"),
            lines_per_page=_lines_per_page(report_type, report) if file["format"] == "PDF" else None,
        )
        for report in reports
        for file in report.files
    ]
    timings = [
        GenerationTime(frozenset(file["extension"] for file in report.files), report.rows_done, report.seconds)
        for report in reports
        if report.seconds is not None
    ]
    return files, timings


def _lines_per_page(report_type: ReportType, report: RecentReport) -> int:
    return find_lines_per_page(report_type, report.locale, FormatOptions.model_validate(report.options))


def find_lines_per_page(report_type: ReportType, locale: str, options: FormatOptions) -> int:
    """Returns the number of lines on a page of a PDF, as its writer lays it out."""
    return lines_per_page(find_locale(locale), report_type.orientation, options.pdf)
