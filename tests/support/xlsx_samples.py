"""A report with every kind of cell for tests of the XLSX writer, and a reader based on openpyxl."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl

from resma.i18n.locales import LOCALES
from resma.report.header import Balance, Chart, Column, ReportHeader, Series, Total
from resma.report.rows import Batch, Row
from resma.writers import make_writer
from tests.support.sample_reports import NOT_SHOWN

COLUMNS = (
    Column("id", "ID", "integer", 6, "right"),
    Column("at", "Booked at", "timestamp", 11),
    Column("day", "Day", "date", 8),
    Column("memo", "Memo", "text", 24, wrap=True),
    Column("amount", "Amount", "amount", 10, "right", grouped=True, scale=2),
    Column("extra", "Extra", "json", 10),
)

MONTHS = tuple(f"2024-{month:02}" for month in range(1, 13))
KINDS = ("CARD", "PIX", "FEE")

CHARTS = (
    Chart(
        "Net by month",
        "time",
        "amount",
        MONTHS,
        tuple(Series(currency, tuple(Decimal(at * 10 - 30) for at in range(12))) for currency in ("BRL", "USD")),
    ),
    Chart("By type", "bars", "rows", KINDS, (Series("By type", (Decimal(2), Decimal(9), Decimal(5))),)),
    Chart("By status", "share", "rows", KINDS, (Series("By status", (Decimal(70), Decimal(29), Decimal(1))),)),
)


def make_header(rows: int, tag: str = "pt-BR", **changes: Any) -> ReportHeader:
    values: dict[str, Any] = {
        "report_id": "0193f7a2-7c1e-7d57-a8c1-0d2b7a0e9f11",
        "title": "Transações",
        "organization": "Açaí & Söhne <S.A.>",
        "filters": (("Conta", "BR1 & Cia"),),
        "as_of": datetime(2026, 3, 9, 14, 5, 7, tzinfo=UTC),
        "rows": rows,
        "total_columns": NOT_SHOWN,
        "totals": (Total("BRL", 3, (Decimal("1234.50"),)), Total("USD", 1, (Decimal("12345678901234567.89"),))),
        "charts": CHARTS,
        "columns": COLUMNS,
        "balance": Balance("100.00", "-7.25"),
        "locale": LOCALES[tag],
        "time_zone": "America/Sao_Paulo",
    }
    return ReportHeader(**{**values, **changes})


def make_rows(count: int) -> list[Row]:
    return [
        (
            b"%d" % (at + 1),
            b"2024-03-%02d %02d:%02d:07-03" % (at % 31 + 1, at % 24, at % 60),
            None if at % 7 == 3 else b"2024-02-%02d" % (at % 29 + 1),
            b"=1+1" if at % 5 else "Açaí & <Söhne> 😀 %d".encode().replace(b"%d", b"%d" % at),
            b"%d.%02d" % (at * 37 - 500, at % 100),
            None if at % 3 else b'{"a": %d}' % at,
        )
        for at in range(count)
    ]


def write(header: ReportHeader, rows: Sequence[Row], batch: int = 1000) -> bytes:
    writer = make_writer("XLSX", header)
    parts = [writer.begin()]
    parts += [writer.add(Batch(rows[at : at + batch])) for at in range(0, len(rows), batch)]
    return b"".join([*parts, writer.end()])


def read(data: bytes) -> openpyxl.Workbook:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return openpyxl.load_workbook(BytesIO(data))


def cells_of(kind: str, *values: str | None, scale: int = 0) -> list[Any]:
    """Writes one column of a kind with these values, and returns the cells that openpyxl reads."""
    header = make_header(len(values), columns=(Column("c", "C", kind, scale=scale),), charts=())  # type: ignore[arg-type]
    sheet = read(write(header, [(None if value is None else value.encode(),) for value in values])).worksheets[1]
    return [cell for (cell,) in sheet.iter_rows(min_row=2, max_row=len(values) + 1, max_col=1, values_only=True)]
