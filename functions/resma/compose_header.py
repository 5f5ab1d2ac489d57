"""From what was asked for and what the snapshot holds to what a writer is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from resma.catalogue import ColumnSpec, ReportType
from resma.header import Column, ReportHeader
from resma.locales import LOCALES
from resma.summary import Summary


@dataclass(frozen=True)
class Wanted:
    """What a request says of a report's content, checked already."""

    report_id: str
    filters: dict[str, Any]
    columns: list[str] | None
    locale: str
    time_zone: str
    title: str | None


def compose_header(report_type: ReportType, wanted: Wanted, summary: Summary, organisation: str) -> ReportHeader:
    """Returns the header of a report, in the language of its locale."""
    locale = LOCALES[wanted.locale]
    columns = report_type.choose_columns(wanted.columns)
    return ReportHeader(
        report_id=wanted.report_id,
        title=wanted.title or report_type.title.say(locale.language),
        organisation=organisation,
        filters=report_type.describe_filters(wanted.filters, locale),
        as_of=summary.as_of.astimezone(UTC),
        rows=summary.rows,
        totals=summary.totals,
        charts=summary.charts,
        columns=tuple(
            _column(spec, wanted.locale, max(spec.decimals, summary.scales.get(spec.name, 0))) for spec in columns
        ),
        periods=summary.periods,
        subtotals=report_type.subtotals is not None,
        balance=summary.balance,
        locale=locale,
        time_zone=wanted.time_zone,
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
