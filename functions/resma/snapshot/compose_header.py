"""The header of a report, which writers receive: composed from the request and the summary of the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from resma.catalog import ColumnSpec, ReportType, brand_in_use, find_locale, settings_in_use
from resma.i18n.locales import Locale
from resma.report.content import ReportContent
from resma.report.decimal_types import DEFAULT_DECIMAL, DecimalType
from resma.report.header import Column, ReportHeader, TotalColumn
from resma.report.summary import Summary

MAX_FILE_TOTALS = 1000
"""Maximum number of totals in a file. The API returns all of them (GET /api/v1/reports/{id}/summary)."""


def compose_header(  # noqa: PLR0913  # each argument has a different source
    report_type: ReportType,
    content: ReportContent,
    report_id: str,
    summary: Summary,
    organization: str,
    *,
    decimal_types: Mapping[str, DecimalType],
) -> ReportHeader:
    """Returns the header of a report, in the language of its locale.

    `decimal_types` are the types that the query declares, by column, of amounts without a declared precision.
    """
    locale, settings = find_locale(content.locale), settings_in_use()
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
        control_totals=None if summary.control_totals is None else summary.control_totals[:MAX_FILE_TOTALS],
        charts=summary.charts,
        columns=tuple(
            _column(
                spec,
                locale,
                max(spec.decimals, summary.scales.get(spec.name, 0)),
                _decimal(spec, decimal_types.get(spec.name)),
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
        brand=brand_in_use(locale.language),
        csv=settings.csv,
        pdf=report_type.pdf.or_else(settings.pdf),
        total_columns=_total_columns(report_type, [spec.name for spec in columns], locale),
        has_currencies=report_type.totals is None or report_type.totals.currency is not None,
    )


def _total_columns(report_type: ReportType, names: list[str], locale: Locale) -> tuple[TotalColumn, ...]:
    """Returns the columns that totals add up. `names` are those of the columns that the report shows."""
    headings = {column.name: column.heading.in_language(locale.language) for column in report_type.columns}
    amounts = report_type.totals.amounts if report_type.totals else ()
    return tuple(TotalColumn(name, headings[name], names.index(name) if name in names else None) for name in amounts)


def _decimal(spec: ColumnSpec, declared: DecimalType | None) -> DecimalType:
    """Returns the type of an amount: that of the report type if it is complete, otherwise that of the query, if any."""
    return (spec.decimal if spec.precision else declared or spec.decimal) or DEFAULT_DECIMAL


def _column(spec: ColumnSpec, locale: Locale, scale: int, decimal: DecimalType, max_bytes: int | None) -> Column:
    return Column(
        name=spec.name,
        heading=spec.heading.in_language(locale.language),
        kind=spec.kind,
        width=spec.width,
        align=spec.align,
        wrap=spec.wrap,
        grouped=spec.grouped,
        scale=scale,
        decimal=decimal,
        max_bytes=max_bytes,
    )
