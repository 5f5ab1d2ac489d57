"""What is said of the digits of amounts, by report.toml and by the query: Parquet's types are made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resma.catalog import Diagnostic, ReportType
from resma.report.decimal_types import DEFAULT_DECIMAL, DecimalType


def find_decimal_mistakes(report_type: ReportType, found: Mapping[str, DecimalType]) -> Iterator[Diagnostic]:
    """Yields amounts that report.toml gives fewer digits than query.sql. `found` has those that the query says."""
    for index, column in enumerate(report_type.columns):
        said, returned = column.decimal, found.get(column.name)
        if column.kind != "amount" or said is None or returned is None:
            continue
        if said.scale < returned.scale or said.whole_digits < returned.whole_digits:
            says = (
                f"column {column.name}: query.sql returns {returned}, too many digits for {said} of report.toml: "
                f"write precision = {returned.precision} and scale = {returned.scale}, or cast it"
            )
            yield Diagnostic(says, ("columns", index, "precision"))


def find_decimal_notes(report_type: ReportType, found: Mapping[str, DecimalType]) -> Iterator[Diagnostic]:
    """Yields amounts of whose digits neither report.toml nor query.sql says anything."""
    for index, column in enumerate(report_type.columns):
        if column.kind == "amount" and column.decimal is None and column.name not in found:
            says = (
                f"column {column.name}: neither report.toml nor query.sql says its digits, so Parquet has it as "
                f"{DEFAULT_DECIMAL}: write precision and scale, such as precision = 33 and scale = 4 for money"
            )
            yield Diagnostic(says, ("columns", index, "name"))
