"""What is known of a report's data before its file is there: the counted snapshot, as the row keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resma.access.caller import Caller
from resma.catalog import load_catalog
from resma.errors import ReportHasNoSummaryError, SummaryNotReadyError
from resma.i18n.locales import LOCALES
from resma.jobs.report_rows import CheckpointRecord, report_not_found
from resma.jobs.stored_charts import StoredChart, translate_chart
from resma.report.records import TotalRecord


@dataclass(frozen=True, kw_only=True)
class ReportSummary:
    """Count, totals and charts of one snapshot: the one whose rows are, or were, written."""

    type: str
    status: str
    locale: str
    """Of the report: its charts' titles are in that language."""
    as_of: datetime | None
    rows_expected: int | None
    totals: list[TotalRecord] | None
    """The largest; `further_totals` are those that come after them."""
    totals_omitted: int
    """How many currencies are not among `totals`."""
    further_totals: list[TotalRecord] | None
    balance: dict[str, Any] | None
    checkpoint: CheckpointRecord | None
    charts: list[StoredChart] | None
    """None of one that is not counted, was before charts were kept, or whose files' time is over."""
    personal_columns: list[str] | None
    personal_filters: list[str] | None


_COLUMNS = sql.SQL(", ").join(sql.Identifier(name) for name in ReportSummary.__dataclass_fields__)


def find_summary(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> ReportSummary:
    """Returns what a report's snapshot holds.

    Raises ReportNotFoundError; SummaryNotReadyError until there is a snapshot, ReportHasNoSummaryError if there will be
    none.
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
    """Those by a column that is personal, or has become so since, are for callers with `personal:read`.

    So are all charts of rows that were chosen by a personal filter: they would be a person's own.
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
    """The visible charts, with titles and labels in a locale's language; None leaves them as they are stored."""
    charts = visible_charts(summary, caller)
    report_type = load_catalog().get(summary.type)
    if locale is None or report_type is None:
        return charts
    stored_in, language = LOCALES[summary.locale].language, LOCALES[locale].language
    return [translate_chart(chart, report_type, stored_in, language) for chart in charts]


def _require_counted(summary: ReportSummary) -> None:
    if summary.status in {"PENDING", "GENERATING"}:
        begins_anew = summary.status == "PENDING" and summary.checkpoint is None  # whatever an earlier attempt counted
        if summary.charts is None or begins_anew:
            raise SummaryNotReadyError("the report's data are not counted yet: ask again in a moment")
    elif (
        summary.as_of is None
        or summary.rows_expected is None
        or (summary.charts is None and summary.status in {"FAILED", "CANCELLED"})
    ):
        raise ReportHasNoSummaryError(
            f"the report is {summary.status}, and its data were not counted: ask for it again"
        )
    elif summary.charts is None and summary.status == "EXPIRED":
        raise ReportHasNoSummaryError("the report is EXPIRED, and its summary went with its files: ask for it again")
