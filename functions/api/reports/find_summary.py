"""Reads the summary of a report's snapshot from its row. It is available once the snapshot has been counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.access.caller import Caller
from resma.catalog import find_locale, load_catalog
from resma.jobs.report_rows import CheckpointRecord, report_not_found
from resma.jobs.stored_charts import StoredChart, translate_chart
from resma.report.records import ControlTotalRecord, TotalRecord
from resma.request_errors import ReportHasNoSummaryError, SummaryNotReadyError


@dataclass(frozen=True, kw_only=True)
class ReportSummary:
    """Row count, totals and charts of the snapshot that the files of a report are generated from."""

    type: str
    status: str
    locale: str
    """Locale of the report. Titles of charts are stored in its language."""
    as_of: datetime | None
    rows_expected: int | None
    totals: list[TotalRecord] | None
    """Largest totals. `further_totals` are the next ones."""
    totals_omitted: int
    """Number of currencies that are not in `totals`."""
    further_totals: list[TotalRecord] | None
    balance: dict[str, Any] | None
    control_totals: list[ControlTotalRecord] | None
    checkpoint: CheckpointRecord | None
    shards_stamp: str | None
    """Set once a split report has shards, with which its next attempt continues."""
    charts: list[StoredChart] | None
    """Charts. None if the snapshot was not counted, the files have expired, or the report predates this column."""
    personal_columns: list[str] | None
    personal_filters: list[str] | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in ReportSummary.__dataclass_fields__)


def find_summary(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> ReportSummary:
    """Returns the summary of a report's snapshot.

    Raises ReportNotFoundError; SummaryNotReadyError until the snapshot has been counted; ReportHasNoSummaryError if the
    report ended without a summary.
    """
    with connection.cursor(row_factory=class_row(ReportSummary)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.reports WHERE tenant_id = %s AND report_id = %s").format(_COLUMNS),
            (tenant_id, report_id),
        )
        summary = cursor.fetchone()
    if summary is None:
        raise report_not_found(connection, tenant_id, report_id)
    _require_counted(summary)
    return summary


def visible_charts(summary: ReportSummary, caller: Caller) -> list[StoredChart]:
    """Returns the charts that the caller is allowed to see.

    Only callers with `personal:read` see charts by a column that is personal, or has become personal since. They alone
    see charts of rows that were selected by a personal filter, because these are data of one person.
    """
    charts = summary.charts or []
    if "personal:read" in caller.scopes:
        return charts
    if summary.personal_filters:
        return []
    report_type = load_catalog().get(summary.type)
    hidden = {column.name for column in report_type.columns if column.personal} if report_type else set()
    return [chart for chart in charts if chart["by"] not in hidden.union(summary.personal_columns or ())]


def translated_charts(summary: ReportSummary, caller: Caller, locale: str | None) -> list[StoredChart]:
    """Returns the visible charts in the language of a locale. None: the language of the report."""
    charts = visible_charts(summary, caller)
    report_type = load_catalog().get(summary.type)
    if locale is None or report_type is None:
        return charts
    stored_in, language = find_locale(summary.locale).language, find_locale(locale).language
    return [translate_chart(chart, report_type, stored_in, language) for chart in charts]


def _require_counted(summary: ReportSummary) -> None:
    if summary.status in {"PENDING", "GENERATING"}:
        # Without a checkpoint or shards, the next attempt takes another snapshot.
        will_restart = summary.status == "PENDING" and summary.checkpoint is None and summary.shards_stamp is None
        if summary.charts is None or will_restart:
            raise SummaryNotReadyError("The data of the report have not been counted yet. Try again in a moment.")
    elif (
        summary.as_of is None
        or summary.rows_expected is None
        or (summary.charts is None and summary.status in {"FAILED", "CANCELLED", "SKIPPED"})
    ):
        raise ReportHasNoSummaryError(
            f"The report is {summary.status}, and its data were not counted. Request it again."
        )
    elif summary.charts is None and summary.status == "EXPIRED":
        raise ReportHasNoSummaryError(
            "The report is EXPIRED, and its summary was deleted with its files. Request it again."
        )
