"""From what was asked for and what the snapshot holds to what a writer is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from resma.catalog import ColumnSpec, ReportType
from resma.i18n.locales import LOCALES
from resma.report.content import ReportContent
from resma.report.decimal_types import DEFAULT_DECIMAL, DecimalType
from resma.report.header import Column, ReportHeader
from resma.report.summary import Summary

MAX_FILE_TOTALS = 1000
"""Totals that a file is given. The API has the further ones (GET /api/v1/reports/{id}/summary)."""


def compose_header(  # noqa: PLR0913  # each is from somewhere else
    report_type: ReportType,
    content: ReportContent,
    report_id: str,
    summary: Summary,
    organization: str,
    *,
    decimal_types: Mapping[str, DecimalType],
) -> ReportHeader:
    """Returns the header of a report, in the language of its locale.

    `decimal_types` are those that the query says, by column; what the report type says goes before them.
    """
    locale = LOCALES[content.locale]
    columns = report_type.choose_columns(content.columns)
    return ReportHeader(
        report_id=report_id,
        title=content.title or report_type.title.in_language(locale.language),
        organization=organization,
        filters=report_type.describe_filters(content.filters, locale),
        as_of=summary.as_of.astimezone(UTC),
        rows=summary.rows,
        totals=summary.totals[:MAX_FILE_TOTALS],
        totals_omitted=summary.totals_omitted + len(summary.totals[MAX_FILE_TOTALS:]),
        charts=summary.charts,
        columns=tuple(
            _column(
                spec,
                content.locale,
                max(spec.decimals, summary.scales.get(spec.name, 0)),
                spec.decimal or decimal_types.get(spec.name, DEFAULT_DECIMAL),
                (summary.widths or {}).get(spec.name),
            )
            for spec in columns
        ),
        periods=summary.periods,
        subtotals=report_type.subtotals is not None,
        balance=summary.balance,
        locale=locale,
        time_zone=content.time_zone,
        orientation=report_type.orientation,
        total_column=_total_column(report_type, [spec.name for spec in columns]),
    )


def _total_column(report_type: ReportType, names: list[str]) -> int | None:
    """Where the amount that is added up stands among the columns, if it does."""
    if report_type.totals is None or report_type.totals.amount not in names:
        return None
    return names.index(report_type.totals.amount)


def _column(spec: ColumnSpec, locale: str, scale: int, decimal: DecimalType, max_bytes: int | None) -> Column:
    return Column(
        name=spec.name,
        heading=spec.heading.in_language(LOCALES[locale].language),
        kind=spec.kind,
        width=spec.width,
        align=spec.align,
        wrap=spec.format == "wrap",
        grouped=spec.format == "grouped",
        scale=scale,
        decimal=decimal,
        max_bytes=max_bytes,
    )
