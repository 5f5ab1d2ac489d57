"""A report type that is added with two files works in every format, without code or registration."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import openpyxl
import pyarrow.parquet
import pytest
from pypdf import PdfReader

from infra.deploy.system import find_catalog_errors, find_ready_types
from infra.paths import ROOT
from infra.servers.postgres import PostgresServer
from resma.catalog import DEMO_CATALOG
from tests.support.system import System

SAMPLES = ROOT / "tests" / "support" / "report_types"
FORMATS = ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"]


@pytest.fixture
def with_fees(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """The system with a catalog of five types: the project's four, and the sample."""
    folder = tmp_path / "catalog"
    for name in ("transactions", "account_statement", "daily_summary", "audit_trail"):
        shutil.copytree(DEMO_CATALOG / name, folder / name)
    shutil.copytree(SAMPLES / "fees", folder / "fees")
    monkeypatch.setenv("RESMA_CATALOG", str(folder))
    return system


def test_an_added_type_is_listed(with_fees: System) -> None:
    _, _, types = with_fees.call_api("GET", "/api/v1/report-types", query={"locale": "pt-BR"})
    assert len(types["items"]) == 5
    (fees,) = [item for item in types["items"] if item["type"] == "FEES"]
    assert fees["formats"] == FORMATS
    _, _, document = with_fees.call_api("GET", "/openapi.json")
    assert "FEES" in document["components"]["schemas"]["ReportRequest"]["properties"]["type"]["enum"]


def test_an_added_type_works_in_every_format(with_fees: System) -> None:
    system = with_fees
    report_id = system.request_report(type="FEES", formats=FORMATS)
    assert system.work_once()
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    rows = report["rows"]
    assert rows > 0

    names = list(csv.DictReader(io.StringIO(_file(system, report_id, "csv").decode(), newline="")))
    objects = [json.loads(line, parse_float=Decimal) for line in _file(system, report_id, "ndjson").splitlines()]
    table = pyarrow.parquet.read_table(io.BytesIO(_file(system, report_id, "parquet"))).to_pylist()
    book = openpyxl.load_workbook(io.BytesIO(_file(system, report_id, "xlsx")))
    pages = PdfReader(io.BytesIO(_file(system, report_id, "pdf"))).pages
    assert [len(names), len(objects), len(table), book.worksheets[1].max_row - 1] == [rows] * 4
    assert list(names[0]) == list(objects[0]) == list(table[0])
    assert re.search(rf"Page {len(pages)}\s+of {len(pages)}", pages[-1].extract_text())
    amount = next(name for name, cell in table[0].items() if isinstance(cell, Decimal))
    sums = [
        sum(Decimal(row[amount]) for row in names),
        sum(Decimal(row[amount]) for row in objects),
        sum(row[amount] for row in table),
    ]
    assert len(set(sums)) == 1


def _file(system: System, report_id: UUID, extension: str) -> bytes:
    return system.s3.get_object(Bucket=system.bucket, Key=f"demo/{report_id}/1.{extension}")["Body"].read()


def test_errors_of_a_type_are_found_after_the_deployment(postgres: PostgresServer, tmp_path: Path) -> None:
    """The error names file, line and remedy."""
    shutil.copytree(SAMPLES / "fees", tmp_path / "fees")
    query = tmp_path / "fees" / "query.sql"
    query.write_text(query.read_text(encoding="utf-8").replace("t.currency,", "t.curency,", 1), encoding="utf-8")
    shutil.copytree(DEMO_CATALOG / "transactions", tmp_path / "transactions")
    ready, (error,) = find_ready_types(tmp_path, postgres.url)
    assert ready == ("TRANSACTIONS",)
    assert re.search(r"fees/query\.sql:4: .*curency", error)
    (unreachable,) = find_catalog_errors(tmp_path, "postgresql://a:b@127.0.0.1:1/c")
    assert "could not be checked in the database" in unreachable


def test_a_type_with_errors_affects_no_other_type(with_fees: System) -> None:
    """The API lists the others with the errors of this one, a request for it is refused, and a correction is enough."""
    system, folder = with_fees, Path(os.environ["RESMA_CATALOG"]) / "fees"
    report = folder / "report.toml"
    text = report.read_text(encoding="utf-8")
    waiting = system.request_report(type="FEES", format="CSV")

    report.write_text("titel = 'x'\n" + text, encoding="utf-8")
    _, _, types = system.call_api("GET", "/api/v1/report-types")
    assert "FEES" not in {item["type"] for item in types["items"]}
    assert len(types["items"]) == 4
    (error,) = types["errors"]
    assert {name: error[name] for name in ("type", "file", "line")} == {
        "type": "FEES",
        "file": "fees/report.toml",
        "line": 1,
    }
    assert "The key `titel` is unknown. Use 'title'." in error["detail"]
    status, _, problem = system.call_api("POST", "/api/v1/reports/generate", {"type": "FEES", "format": "CSV"})
    assert (status, problem["type"]) == (422, "urn:resma:problem:request-invalid")
    assert problem["errors"][0]["pointer"] == "/type"
    assert "fees/report.toml:1: The key `titel` is unknown" in problem["errors"][0]["detail"]
    assert system.work_once()
    assert system.show(waiting)["error"]["code"] == "catalog-invalid"
    system.request_report(type="TRANSACTIONS", format="CSV")
    assert system.work_once()

    report.write_text(text, encoding="utf-8")
    _, _, types = system.call_api("GET", "/api/v1/report-types")
    assert (len(types["items"]), types["errors"]) == (5, [])
    system.request_report(type="FEES", format="CSV")
