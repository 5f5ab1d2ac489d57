"""Checks the precision of amounts in report.toml and in the query, which determines the types in Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resma.catalog import Diagnostic, ReportType
from resma.report.decimal_types import DEFAULT_DECIMAL, DecimalType


def find_decimal_errors(report_type: ReportType, found: Mapping[str, DecimalType]) -> Iterator[Diagnostic]:
    """Yields amounts with fewer digits in report.toml than in query.sql. `found` has the query's types."""
    for index, column in enumerate(report_type.columns):
        declared, returned = column.decimal, found.get(column.name)
        if column.kind != "amount" or declared is None or returned is None:
            continue
        if declared.scale < returned.scale or declared.whole_digits < returned.whole_digits:
            message = (
                f"Column '{column.name}': query.sql returns {returned}, which has too many digits for {declared} of "
                f"report.toml. Write precision = {returned.precision} and scale = {returned.scale}, or cast the column."
            )
            yield Diagnostic(message, ("columns", index, "precision"))


def find_decimal_warnings(report_type: ReportType, found: Mapping[str, DecimalType]) -> Iterator[Diagnostic]:
    """Yields amounts whose precision neither report.toml nor query.sql declares."""
    for index, column in enumerate(report_type.columns):
        if column.kind == "amount" and column.decimal is None and column.name not in found and not column.hidden:
            message = (
                f"Column '{column.name}': neither report.toml nor query.sql declares its precision, so its type in "
                f"Parquet is {DEFAULT_DECIMAL}. Set the number of decimals, such as scale = 2."
            )
            yield Diagnostic(message, ("columns", index, "name"))
