"""One report in all formats on the whole stack: five files with the same rows, from one read."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet

from tests.support.accept_files import convert_by_libreoffice
from tests.support.client import Client, Json
from tests.support.pdf_readers import require_valid_pdf
from tests.support.read_back import Row, csv_rows, database_rows, pdf_rows, require_same_in_pdf
from tests.support.webhook_receiver import WebhookReceiver

FORMATS = ["PARQUET", "PDF", "XLSX", "CSV", "NDJSON"]
APRIL = {"from": "2024-04-01", "to": "2024-04-30"}
IN_APRIL = "booked_at >= '2024-04-01 00:00+00' AND booked_at < '2024-05-01 00:00+00'"


def test_five_formats_hold_the_same_rows(client: Client, webhooks: WebhookReceiver, tmp_path: Path) -> None:
    body = {"filters": APRIL, "callbackUrl": webhooks.customer("formats"), "formats": FORMATS}
    answer = client.http("POST", "/api/v1/reports/generate", json={"type": "TRANSACTIONS", **body})
    assert answer.status == 202, answer.data
    report = client.wait_for_status(answer.json()["id"], "READY")
    assert [file["format"] for file in report["files"]] == FORMATS
    expected = database_rows(client, IN_APRIL)
    assert report["rows"] == len(expected)

    data = webhooks.wait_for_webhooks("formats")[0].message["data"]
    contents: dict[str, bytes] = {}
    for file, announced in zip(report["files"], data["files"], strict=True):
        assert {name: announced[name] for name in ("format", "bytes", "sha256")} == {
            name: file[name] for name in ("format", "bytes", "sha256")
        }
        download = client.fetch(announced["downloadUrl"])
        assert (download.sha256, len(download.content)) == (file["sha256"], file["bytes"])
        redirect = client.http("GET", file["download"])
        assert client.fetch(redirect.headers["Location"]).name == download.name
        assert download.name.endswith(f".{file['format'].lower()}")
        contents[file["format"]] = download.content

    assert csv_rows(contents["CSV"]) == expected
    assert _ndjson_rows(contents["NDJSON"]) == expected
    assert _xlsx_rows(contents["XLSX"]) == [_with_numbers(row) for row in expected]
    assert _parquet_rows(contents["PARQUET"], tmp_path) == expected
    sheet = tmp_path / "april.xlsx"
    sheet.write_bytes(contents["XLSX"])
    convert_by_libreoffice([sheet], "pdf", tmp_path / "converted")
    assert (tmp_path / "converted" / "april.pdf").stat().st_size > 0
    path = tmp_path / "april.pdf"
    path.write_bytes(contents["PDF"])
    require_valid_pdf(contents["PDF"])
    require_same_in_pdf(pdf_rows(path), expected)


def _ndjson_rows(content: bytes) -> list[Row]:
    objects = [json.loads(line, parse_float=str, parse_int=str) for line in content.splitlines()]
    return [_as_text(list(row.values())) for row in objects]


def _as_text(cells: list[str | None]) -> Row:
    timestamp = (cells[1] or "").replace("T", " ").removesuffix("+00:00")
    return (cells[0] or "", timestamp, *[cell or "" for cell in cells[2:]])


def _xlsx_rows(content: bytes) -> list[Json]:
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    rows = book.worksheets[1].iter_rows(min_row=2, values_only=True)
    return [{str(i): cell for i, cell in enumerate(row)} for row in rows]


def _with_numbers(row: Row) -> Json:
    """Returns a database row with the values that a spreadsheet has: numbers, date-times, and None for NULL."""
    from datetime import datetime

    cells = [int(row[0]), datetime.fromisoformat(row[1]), *[cell or None for cell in row[2:8]], float(row[8])]
    return {str(i): cell for i, cell in enumerate(cells)}


def _parquet_rows(content: bytes, folder: Path) -> list[Row]:
    """Returns the rows, read by DuckDB; asserts the column types with PyArrow."""
    path = folder / "april.parquet"
    path.write_bytes(content)
    schema = pyarrow.parquet.read_schema(path)
    assert str(schema.field("amount").type) == "decimal128(33, 4)"
    assert str(schema.field("booked_at").type) == "timestamp[us, tz=UTC]"
    rows = duckdb.execute(
        "SELECT id::text, strftime(booked_at AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S'), account, type, status,"
        " description, coalesce(counterparty, ''), currency, amount FROM read_parquet($path)",
        {"path": str(path)},
    ).fetchall()
    return [(*row[:8], f"{Decimal(row[8]):f}".removesuffix("00")) for row in rows]
