"""Totals as lines of files for people: one line for each currency and each column that is added up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from resma.i18n.translations import translate
from resma.report.header import ReportHeader, Total, TotalColumn

MAX_CONTROL_LINES = 6
"""Maximum number of control totals in the line of a PDF. Its end is the number of further ones."""


@dataclass(frozen=True, slots=True)
class TotalLine:
    """One amount of a total."""

    name: str
    """What the amount is: its currency, or the heading of its column, or both if they are needed to distinguish it."""
    rows: int
    amount: Decimal
    column: TotalColumn


def total_lines(header: ReportHeader, totals: Sequence[Total]) -> Iterator[TotalLine]:
    """Yields the lines of totals of the report or of a period, those of one currency together."""
    columns = header.total_columns
    for total in totals:
        for column, amount in zip(columns, total.amounts, strict=True):
            yield TotalLine(_name(total.currency, column, len(columns)), total.rows, amount, column)


def control_lines(header: ReportHeader) -> Iterator[TotalLine]:
    """Yields the lines of the control totals, with the figures of the control query."""
    columns = header.total_columns
    for total in header.control_totals or ():
        rows = total.rows[1] if total.rows else 0
        for column in columns:
            _, amount = total.amounts[column.name]
            yield TotalLine(_name(total.currency, column, len(columns)), rows, amount, column)


def control_text(header: ReportHeader) -> str | None:
    """Returns one line that says that the control totals agree, and lists the first of them.

    None if the report has none.
    """
    if header.control_totals is None:
        return None
    locale = header.locale
    lines = list(control_lines(header))
    shown = [f"{line.name} {locale.format_number(f'{line.amount:f}')}" for line in lines[:MAX_CONTROL_LINES]]
    if len(lines) > MAX_CONTROL_LINES:
        shown.append(f"+ {locale.format_count(len(lines) - MAX_CONTROL_LINES)}")
    return ": ".join(filter(None, [translate("Control totals agree", locale.language), "; ".join(shown)]))


def _name(currency: str | None, column: TotalColumn, columns: int) -> str:
    if currency is None:
        return column.heading
    return currency if columns == 1 else f"{currency} {column.heading}"
