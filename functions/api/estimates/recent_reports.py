"""What a tenant's recent reports of a type came to: what an estimate goes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from api.estimates.arithmetic import Observation, Timing
from api.reports.progress import RECENT
from resma.catalog import ReportType
from resma.i18n.locales import LOCALES
from resma.jobs.report_rows import StoredFile
from resma.report.format_options import FormatOptions
from resma.writers.limits import lines_per_page

LOOKED_THROUGH = 500
"""Of all types, to find those of one: how long this takes does not grow with a tenant's history."""


@dataclass(frozen=True, kw_only=True)
class RecentReport:
    """As much of a READY report as tells what the next one will be like."""

    rows_done: int
    columns: list[str] | None
    locale: str
    options: dict[str, Any]
    files: list[StoredFile]
    seconds: float | None
    """None of one that took several goes."""


def find_recent(connection: Connection[TupleRow], tenant_id: str, type_: str) -> list[RecentReport]:
    """Returns them, the newest first. One query."""
    with connection.cursor(row_factory=class_row(RecentReport)) as cursor:
        cursor.execute(
            """
            SELECT rows_done, columns, locale, options, files,
                   CASE WHEN continuations = 0 AND (metrics ->> 'snapshots')::integer = 1
                        THEN (metrics -> 'seconds' ->> 'generate')::float8 END AS seconds
            FROM (
                SELECT * FROM resma.reports WHERE tenant_id = %s ORDER BY created_at DESC, report_id DESC LIMIT %s
            ) AS recent
            WHERE type = %s AND status = 'READY' AND files IS NOT NULL
            ORDER BY created_at DESC LIMIT %s
            """,
            (tenant_id, LOOKED_THROUGH, type_, RECENT),
        )
        return cursor.fetchall()


def observe(report_type: ReportType, reports: list[RecentReport]) -> tuple[list[Observation], list[Timing]]:
    """Returns what they say of files, and of time."""
    files = [
        Observation(
            extension=file["extension"],
            rows=report.rows_done,
            columns=report.columns,
            cells=len(report_type.columns if report.columns is None else report.columns),
            bytes=file["bytes"],
            pages=file.get("pages"),
            lines_per_page=_lines_per_page(report_type, report) if file["format"] == "PDF" else None,
        )
        for report in reports
        for file in report.files
    ]
    timings = [
        Timing(frozenset(file["extension"] for file in report.files), report.rows_done, report.seconds)
        for report in reports
        if report.seconds is not None
    ]
    return files, timings


def _lines_per_page(report_type: ReportType, report: RecentReport) -> int:
    return find_lines_per_page(report_type, report.locale, FormatOptions.model_validate(report.options))


def find_lines_per_page(report_type: ReportType, locale: str, options: FormatOptions) -> int:
    """Lines of a PDF's page, as the writer lays it out."""
    return lines_per_page(LOCALES[locale], report_type.orientation, options.pdf)
