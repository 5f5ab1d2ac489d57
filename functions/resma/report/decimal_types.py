"""SQL's numeric(precision, scale), for formats whose columns have a type.

A column's type is what its report type or its query says, never what the rows of one report hold: files of two days
must be one table to their readers.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PRECISION = 38
"""Digits of the widest decimal that readers of Parquet and warehouses share: 16 bytes."""


@dataclass(frozen=True, slots=True)
class DecimalType:
    """So many digits in all, and so many of them after the decimal mark."""

    precision: int
    scale: int

    @property
    def whole_digits(self) -> int:
        """Digits before the decimal mark."""
        return self.precision - self.scale

    def __str__(self) -> str:
        return f"DECIMAL({self.precision}, {self.scale})"


DEFAULT_DECIMAL = DecimalType(MAX_PRECISION, 9)
"""Of a column of which nothing is said: 29 digits before the mark and 9 after it, which is BigQuery's NUMERIC."""


def decimal_of_numeric(precision: int, scale: int) -> DecimalType:
    """Returns the type that holds Postgres' numeric(precision, scale), or as much of it as 38 digits can.

    Postgres has up to 1,000 digits, scales below zero and scales over the precision.
    """
    if scale < 0:
        precision, scale = precision - scale, 0
    scale = min(scale, MAX_PRECISION)
    return DecimalType(min(max(precision, scale), MAX_PRECISION), scale)
