"""Totals of several amounts, with and without a currency, from the snapshot to the files and the API."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest
from pypdf import PdfReader

from tests.support.system import System

REPORT = """title = "Orders"
sort = ["ordered_on", "order_id"]
period = "ordered_on"
subtotals = "month"

[totals]
amounts = ["freight", "tax"]
{currency}
[columns]
order_id = "integer"
ordered_on = "date"
freight = {{ kind = "amount", scale = 2, heading = {{ en = "Freight", pt = "Frete" }} }}
tax = {{ kind = "amount", heading = "Tax paid", hidden = true }}
currency = {{ hidden = true }}

[[charts]]
kind = "time"
by = "ordered_on"
unit = "amount"
"""
QUERY = """SELECT i AS order_id, date '2024-01-01' + i * 20 AS ordered_on, i * 1.5 AS freight, 0.25::numeric AS tax,
       CASE WHEN i = 3 THEN 'USD' ELSE 'EUR' END AS currency
FROM generate_series(1, 3) AS i WHERE %(tenant_id)s::text IS NOT NULL"""
FORMATS = ["PDF", "XLSX", "PARQUET", "CSV"]


@pytest.fixture(params=["", 'currency = "currency"\n'], ids=["one", "by-currency"])
def made(
    request: pytest.FixtureRequest, system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], dict[str, bytes], bool]:
    """The report as the API shows it, its files, and whether its totals are by currency."""
    folder = tmp_path / "catalog" / "orders"
    folder.mkdir(parents=True)
    (folder / "report.toml").write_text(REPORT.format(currency=request.param), encoding="utf-8")
    (folder / "query.sql").write_text(QUERY, encoding="utf-8")
    monkeypatch.setenv("RESMA_CATALOG", str(folder.parent))
    report_id = system.request_report(type="ORDERS", formats=FORMATS)
    assert system.work_once()
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    files = {
        name: system.s3.get_object(Bucket=system.bucket, Key=f"demo/{report_id}/1.{name.lower()}")["Body"].read()
        for name in FORMATS
    }
    return report, files, bool(request.param)


def test_totals_have_each_amount(made: tuple[dict[str, Any], dict[str, bytes], bool]) -> None:
    report, files, by_currency = made
    one = [{"currency": None, "rows": 3, "amounts": {"freight": "9.00", "tax": "0.75"}}]
    several = [
        {"currency": "EUR", "rows": 2, "amounts": {"freight": "4.50", "tax": "0.50"}},
        {"currency": "USD", "rows": 1, "amounts": {"freight": "4.50", "tax": "0.25"}},
    ]
    totals = several if by_currency else one
    assert report["totals"] == totals
    metadata = pyarrow.parquet.read_metadata(io.BytesIO(files["PARQUET"])).metadata
    assert json.loads(metadata[b"resma.totals"]) == totals

    book = openpyxl.load_workbook(io.BytesIO(files["XLSX"]))
    cells = [[cell for cell in row if cell is not None] for row in book.worksheets[0].iter_rows(values_only=True)]
    if by_currency:
        assert ["EUR Freight", 2, 4.5] in cells
        assert ["USD Tax paid", 1, 0.25] in cells
    else:
        assert ["Totals"] in cells
        assert ["Freight", 3, 9] in cells
        assert ["Tax paid", 3, 0.75] in cells
    subtotals = list(book["Subtotal"].iter_rows(values_only=True))
    assert subtotals[0] == ("Period", *(["Currency"] if by_currency else []), "Rows", "Freight", "Tax paid")
    assert subtotals[1][1:] == (*(["EUR"] if by_currency else []), 1, 1.5, 0.25)

    pages = [page.extract_text() for page in PdfReader(io.BytesIO(files["PDF"])).pages]
    names = ("EUR Freight", "USD Tax paid") if by_currency else ("Freight", "Tax paid")
    assert all(name in pages[0] for name in names)
    assert ("Totals by currency" in pages[0]) is by_currency
    assert all(name in pages[-1] for name in names)


def test_a_chart_of_amounts_names_its_currencies_or_its_amount(
    made: tuple[dict[str, Any], dict[str, bytes], bool], system: System
) -> None:
    report, files, by_currency = made
    for locale, names in (("en-US", ["Freight"]), ("pt-BR", ["Frete"])):
        _, _, shown = system.call_api("GET", f"/api/v1/reports/{report['id']}/summary", query={"locale": locale})
        (chart,) = shown["charts"]
        assert [series["name"] for series in chart["series"]] == (["EUR", "USD"] if by_currency else names)
    titles = [row[0] for row in openpyxl.load_workbook(io.BytesIO(files["XLSX"]))["Chart data"].iter_rows(max_row=1)]
    assert titles[0].value == ("Ordered on (EUR)" if by_currency else "Ordered on (Freight)")
    page = PdfReader(io.BytesIO(files["PDF"])).pages[0].extract_text()
    assert (page.count("Ordered on"), "\nAll" in page) == (1, by_currency)


def test_hidden_columns_are_in_no_file(made: tuple[dict[str, Any], dict[str, bytes], bool]) -> None:
    _, files, _ = made
    assert pyarrow.parquet.read_table(io.BytesIO(files["PARQUET"])).column_names == [
        "order_id",
        "ordered_on",
        "freight",
    ]
    assert files["CSV"].decode("utf-8-sig").splitlines()[:2] == ["order_id,ordered_on,freight", "1,2024-01-21,1.50"]
    table = pyarrow.parquet.read_table(io.BytesIO(files["PARQUET"])).to_pylist()
    assert [row["freight"] for row in table] == [Decimal("1.50"), Decimal("3.00"), Decimal("4.50")]
