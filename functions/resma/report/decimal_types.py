"""Decimal types, like SQL's numeric(precision, scale), for formats whose columns have types.

A column's type comes from its report type or its query, never from the rows of one report, so that readers can combine
the files of several days into one table.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PRECISION = 38
"""Maximum number of digits of a decimal that all Parquet readers and data warehouses support (16 bytes)."""


@dataclass(frozen=True, slots=True)
class DecimalType:
    """Decimal with `precision` digits in total, `scale` of them after the decimal point."""

    precision: int
    scale: int

    @property
    def whole_digits(self) -> int:
        """Number of digits before the decimal point."""
        return self.precision - self.scale

    def __str__(self) -> str:
        return f"DECIMAL({self.precision}, {self.scale})"


DEFAULT_DECIMAL = DecimalType(MAX_PRECISION, 9)
"""Type of a column without a declared type: 29 digits before the decimal point and 9 after it (BigQuery's NUMERIC)."""


def decimal_of_numeric(precision: int, scale: int) -> DecimalType:
    """Returns the type that holds Postgres' numeric(precision, scale), limited to 38 digits.

    Postgres allows up to 1,000 digits, negative scales, and scales that are larger than the precision.
    """
    if scale < 0:
        precision, scale = precision - scale, 0
    scale = min(scale, MAX_PRECISION)
    return DecimalType(min(max(precision, scale), MAX_PRECISION), scale)
