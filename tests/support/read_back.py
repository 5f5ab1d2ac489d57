"""Reports read back, by programs that did not write them, as rows that can be compared with the database's."""

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
"""Nine cells of a transaction as text, in the columns' order; NULL is ''."""

COLUMNS = ["id", "booked_at", "account", "type", "status", "description", "counterparty", "currency", "amount"]

_LINE = re.compile(
    r"\s*(\d+)\s+(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)\s+(BR\d{4}-\d{6})\s+([A-Z]+)\s+([A-Z]+)"
    r"\s+(\S.*?)\s+([A-Z]{3})\s+(-?[\d,]+\.\d\d)"
)


def database_rows(client: Client, where: str = "true") -> list[Row]:
    """The demo bank's transactions, by a query of our own and not the catalog's."""
    return client.sql(
        "SELECT transaction_id::text, to_char(booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), account_id,"
        " type, status, description, coalesce(counterparty, ''), currency, amount::text"
        f" FROM bank.transactions WHERE tenant_id = 'demo' AND {where} ORDER BY booked_at, transaction_id"
    )


def csv_rows(content: bytes) -> list[Row]:
    """The rows of a CSV, by Python's csv."""
    names, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    assert names == COLUMNS
    return [_without_zone(row) for row in rows]


def duckdb_rows(path: Path) -> list[Row]:
    """The rows of a CSV, by DuckDB."""
    relation = duckdb.read_csv(str(path), all_varchar=True, header=True, sample_size=-1)
    assert relation.columns == COLUMNS
    return [_without_zone([cell or "" for cell in row]) for row in relation.fetchall()]


def _without_zone(row: list[str]) -> Row:
    """A row whose time has lost its zone, which must be UTC, and which the PDF names in the heading."""
    assert row[1].endswith("+00")
    return (row[0], row[1].removesuffix("+00"), *row[2:])


def pdf_rows(path: Path) -> list[Row]:
    """The rows of a PDF, by PDFium: eight cells, as description and counterparty are read as one."""
    found = [match.groups() for line in pdf_text(path).splitlines() if (match := _LINE.fullmatch(line.rstrip()))]
    return [
        (cells[0], _iso(cells[1]), *cells[2:5], squeezed(cells[5]), cells[6], cells[7].replace(",", ""))
        for cells in found
    ]


def _iso(timestamp: str) -> str:
    """A moment as en-US writes it, as ISO 8601 does."""
    return f"{timestamp[6:10]}-{timestamp[:2]}-{timestamp[3:5]}{timestamp[10:]}"


def pdf_text(path: Path) -> str:
    """A PDF's text, line by line as the pages show it, by PDFium."""
    return "\n".join(page.text for page in read_pages(path.read_bytes()))


def require_same_in_pdf(printed: list[Row], expected: list[Row]) -> None:
    """Asserts that a PDF's rows are these: amounts as numbers, and words up to where an ellipsis cuts them."""
    assert len(printed) == len(expected)
    for found, wanted in zip(printed, expected, strict=True):
        assert found[:5] == wanted[:5]
        assert (found[6], Decimal(found[7])) == (wanted[7], Decimal(wanted[8])), wanted
        words = squeezed(f"{wanted[5]} {wanted[6]}")
        kept = [re.escape(part.rstrip()) for part in found[5].split("…")]
        assert re.fullmatch(".*".join(kept), words), (found[5], words)


def squeezed(text: str) -> str:
    """Text with each run of white space as one space."""
    return " ".join(text.split())


def totals_of(rows: list[Row]) -> list[dict[str, Any]]:
    """What a status should say of these rows, by currency, in no order."""
    found: dict[str, list[Decimal]] = {}
    for row in rows:
        found.setdefault(row[7], []).append(Decimal(row[8]))
    return [
        {"currency": currency, "rows": len(amounts), "amount": str(sum(amounts))} for currency, amounts in found.items()
    ]


def in_order(totals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Totals by currency, to compare them."""
    return sorted(totals, key=lambda total: str(total["currency"]))
