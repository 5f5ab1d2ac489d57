"""Totals as lines of files for people: one line for each currency and each column that is added up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from resma.report.header import ReportHeader, Total, TotalColumn


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


def _name(currency: str | None, column: TotalColumn, columns: int) -> str:
    if currency is None:
        return column.heading
    return currency if columns == 1 else f"{currency} {column.heading}"
