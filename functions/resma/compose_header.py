"""From what was asked for and what the snapshot holds to what a writer is told."""

from __future__ import annotations

from datetime import UTC

from resma.catalogue import ColumnSpec, ReportType
from resma.content import ReportContent
from resma.header import Column, ReportHeader
from resma.locales import LOCALES
from resma.summary import Summary


def compose_header(
    report_type: ReportType, content: ReportContent, report_id: str, summary: Summary, organisation: str
) -> ReportHeader:
    """Returns the header of a report, in the language of its locale."""
    locale = LOCALES[content.locale]
    columns = report_type.choose_columns(content.columns)
    return ReportHeader(
        report_id=report_id,
        title=content.title or report_type.title.say(locale.language),
        organisation=organisation,
        filters=report_type.describe_filters(content.filters, locale),
        as_of=summary.as_of.astimezone(UTC),
        rows=summary.rows,
        totals=summary.totals,
        charts=summary.charts,
        columns=tuple(
            _column(spec, content.locale, max(spec.decimals, summary.scales.get(spec.name, 0))) for spec in columns
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


def _column(spec: ColumnSpec, locale: str, scale: int) -> Column:
    return Column(
        name=spec.name,
        heading=spec.heading.say(LOCALES[locale].language),
        kind=spec.kind,
        width=spec.width,
        align=spec.align,
        wrap=spec.format == "wrap",
        grouped=spec.format == "grouped",
        scale=scale,
    )
