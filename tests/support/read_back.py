"""Reads the rows of report files with independent programs, for comparison with the rows of the database."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from tests.support.client import Client
from tests.support.pdf_readers import read_pages

Row = tuple[str, ...]
"""The nine cells of a transaction as strings, in the order of `COLUMNS`; NULL is ''."""

COLUMNS = ["id", "booked_at", "account", "type", "status", "description", "counterparty", "currency", "amount"]

_LINE = re.compile(
    r"\s*(\d+)\s+(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)\s+(BR\d{4}-\d{6})\s+([A-Z]+)\s+([A-Z]+)"
    r"\s+(\S.*?)\s+([A-Z]{3})\s+(-?[\d,]+\.\d\d)"
)


def database_rows(client: Client, where: str = "true") -> list[Row]:
    """Returns the demo bank's transactions, read with a query that is independent of the catalog."""
    return client.sql(
        "SELECT transaction_id::text, to_char(booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), account_id,"
        " type, status, description, coalesce(counterparty, ''), currency, amount::text"
        f" FROM bank.transactions WHERE tenant_id = 'demo' AND {where} ORDER BY booked_at, transaction_id"
    )


def csv_rows(content: bytes) -> list[Row]:
    """Returns the rows of a CSV file, read by Python's csv module."""
    names, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    assert names == COLUMNS
    return [_without_zone(row) for row in rows]


def duckdb_rows(path: Path) -> list[Row]:
    """Returns the rows of a CSV file, read by DuckDB."""
    relation = duckdb.read_csv(str(path), all_varchar=True, header=True, sample_size=-1)
    assert relation.columns == COLUMNS
    return [_without_zone([cell or "" for cell in row]) for row in relation.fetchall()]


def _without_zone(row: list[str]) -> Row:
    """Returns a row without the offset of its time, which must be UTC; the PDF has it in the heading only."""
    assert row[1].endswith("+00")
    return (row[0], row[1].removesuffix("+00"), *row[2:])


def pdf_rows(path: Path) -> list[Row]:
    """Returns the rows of a PDF, read by PDFium, with eight cells: description and counterparty are read as one."""
    rows = [match.groups() for line in pdf_text(path).splitlines() if (match := _LINE.fullmatch(line.rstrip()))]
    return [
        (cells[0], _iso(cells[1]), *cells[2:5], collapse_spaces(cells[5]), cells[6], cells[7].replace(",", ""))
        for cells in rows
    ]


def _iso(timestamp: str) -> str:
    """Converts a timestamp from the format of en-US to that of ISO 8601."""
    return f"{timestamp[6:10]}-{timestamp[:2]}-{timestamp[3:5]}{timestamp[10:]}"


def pdf_text(path: Path) -> str:
    """Returns the text of a PDF, line by line, read by PDFium."""
    return "\n".join(page.text for page in read_pages(path.read_bytes()))


def require_same_in_pdf(printed: list[Row], expected: list[Row]) -> None:
    """Asserts that the rows of a PDF are the expected ones.

    Amounts are compared as numbers, and words only as far as an ellipsis does not cut them.
    """
    assert len(printed) == len(expected)
    for actual, row in zip(printed, expected, strict=True):
        assert actual[:5] == row[:5]
        assert (actual[6], Decimal(actual[7])) == (row[7], Decimal(row[8])), row
        words = collapse_spaces(f"{row[5]} {row[6]}")
        parts = [re.escape(part.rstrip()) for part in actual[5].split("…")]
        assert re.fullmatch(".*".join(parts), words), (actual[5], words)


def collapse_spaces(text: str) -> str:
    """Returns the text with each run of white space replaced by one space."""
    return " ".join(text.split())


def totals_of(rows: list[Row]) -> list[dict[str, Any]]:
    """Returns the totals that a report's status should have for these rows: one per currency, in any order."""
    amounts_by_currency: dict[str, list[Decimal]] = {}
    for row in rows:
        amounts_by_currency.setdefault(row[7], []).append(Decimal(row[8]))
    return [
        {"currency": currency, "rows": len(amounts), "amounts": {"amount": str(sum(amounts))}}
        for currency, amounts in amounts_by_currency.items()
    ]


def in_order(totals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns totals sorted by currency, for comparison."""
    return sorted(totals, key=lambda total: str(total["currency"]))
