"""If a format cannot represent a value, only its file fails: the others are delivered, and the reason is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.paths import ROOT
from tests.support.cut_reports import Cuts, Reports
from tests.support.system import System

SCHEMA = ROOT / "docs" / "events" / "report-completed.schema.json"
TOO_LONG = "x" * 40_000
"""A string of more than the 32,767 characters that an Excel cell can have."""


@pytest.fixture
def add_row(admin: Connection[TupleRow]) -> Iterator[Callable[..., None]]:
    """Returns a function that adds a transaction as the second row of the report of the account `odd`."""

    def add(description: str = "fee", amount: str = "1") -> None:
        for number, (text, value) in enumerate([("first", "1"), (description, amount), ("third", "1")]):
            admin.execute(
                "INSERT INTO bank.transactions VALUES"
                " ('demo', %s, 'odd', '2024-01-01', 'FEE', 'BOOKED', %s, NULL, 'BRL', %s)",
                (-10 + number, text, value),
            )

    yield add
    admin.execute("DELETE FROM bank.transactions WHERE transaction_id < 0")


def make(system: System, formats: list[str]) -> tuple[UUID, Any]:
    """Generates a report of the account `odd`; returns its id and the API's view of it."""
    report_id = system.request_report(formats=formats, filters={"account": "odd"})
    assert system.work_once()
    return report_id, system.show(report_id)


def test_a_string_that_is_too_long_for_excel_fails_only_the_spreadsheet(
    system: System, add_row: Callable[..., None]
) -> None:
    add_row(description=TOO_LONG)
    report_id, report = make(system, ["XLSX", "CSV", "NDJSON"])
    assert report["error"] is None
    assert (report["status"], report["rows"]) == ("READY", 3)
    assert [file["format"] for file in report["files"]] == ["CSV", "NDJSON"]
    assert (report["format"], report["formats"]) == ("CSV", ["XLSX", "CSV", "NDJSON"])
    (failed,) = report["failedFiles"]
    assert (failed["format"], failed["code"]) == ("XLSX", "format-limit-exceeded")
    assert (failed["column"], failed["row"]) == ("description", 2)
    assert "40,000 characters" in failed["detail"]
    assert TOO_LONG[:100] not in json.dumps(report)
    assert (len(system.objects()), system.open_uploads()) == (2, [])
    assert TOO_LONG.encode() in system.s3.get_object(Bucket=system.bucket, Key=f"demo/{report_id}/1.csv")["Body"].read()


def test_the_event_names_the_failed_file(system: System, add_row: Callable[..., None]) -> None:
    add_row(description=TOO_LONG)
    _, report = make(system, ["XLSX", "CSV"])
    (envelope,) = system.events()
    message = json.loads(envelope["Message"])
    jsonschema_rs.validate(json.loads(SCHEMA.read_text(encoding="utf-8")), message)
    assert message["type"] == "report.ready"
    assert message["data"]["failedFiles"] == [
        {name: value for name, value in failed.items() if value is not None} for failed in report["failedFiles"]
    ]
    assert (message["data"]["format"], message["data"]["bytes"]) == ("CSV", report["files"][0]["bytes"])
    (on_bus,) = system.bus_events()
    assert on_bus["detail"] == message


def test_a_failed_file_cannot_be_downloaded_and_the_answer_says_why(
    system: System, add_row: Callable[..., None]
) -> None:
    add_row(description=TOO_LONG)
    report_id, _ = make(system, ["XLSX", "CSV"])
    path = f"/api/v1/reports/{report_id}/download"
    status, _, problem = system.call_api("GET", path, query={"format": "XLSX"})
    assert (status, problem["type"]) == (404, "urn:resma:problem:file-not-found")
    assert "description" in problem["detail"]
    assert system.call_api("GET", path, query={"format": "CSV"})[0] == 303
    status, headers, _ = system.call_api("GET", path)
    assert (status, "1.csv" in headers["Location"]) == (303, True)


def test_if_all_formats_fail_the_report_fails_with_each_reason(system: System, add_row: Callable[..., None]) -> None:
    add_row(description=TOO_LONG, amount="Infinity")
    _, report = make(system, ["XLSX", "PARQUET"])
    assert (report["status"], report["files"]) == ("FAILED", None)
    failed = [(file["format"], file["column"], file["row"]) for file in report["failedFiles"]]
    assert failed == [("XLSX", "description", 2), ("PARQUET", "amount", 2)]
    assert report["error"]["code"] == "format-limit-exceeded"
    assert "description" in report["error"]["detail"]
    assert "amount" in report["error"]["detail"]
    assert (system.objects(), system.open_uploads()) == ([], [])
    (envelope,) = system.events()
    message = json.loads(envelope["Message"])
    jsonschema_rs.validate(json.loads(SCHEMA.read_text(encoding="utf-8")), message)
    assert [file["format"] for file in message["data"]["failedFiles"]] == ["XLSX", "PARQUET"]


def test_only_the_parquet_file_fails_with_column_and_row(system: System, add_row: Callable[..., None]) -> None:
    add_row(amount="Infinity")
    _, report = make(system, ["CSV", "PARQUET", "PDF", "XLSX"])
    assert [file["format"] for file in report["files"]] == ["CSV", "PDF", "XLSX"]
    (failed,) = report["failedFiles"]
    assert (failed["format"], failed["column"], failed["row"]) == ("PARQUET", "amount", 2)


def test_warnings_of_each_file_are_in_the_report(system: System, add_row: Callable[..., None]) -> None:
    add_row(description=TOO_LONG, amount="12345678901234567.89")
    report_id = system.request_report(
        formats=["CSV", "XLSX", "PDF"],
        filters={"account": "odd"},
        columns=["id", "amount"],
        options={"csv": {"profile": "excel"}},
    )
    assert system.work_once()
    warnings = system.show(report_id)["warnings"]
    found = [(warning["code"], warning["format"], warning["column"]) for warning in warnings]
    assert found == [("amounts-as-text", "CSV", "amount"), ("amounts-as-text", "XLSX", "amount")]
    report_id = system.request_report(format="CSV", filters={"account": "odd"}, options={"csv": {"profile": "excel"}})
    assert system.work_once()
    warnings = system.show(report_id)["warnings"]
    found = [(warning["code"], warning["format"], warning["column"]) for warning in warnings]
    assert sorted(found) == [("amounts-as-text", "CSV", "amount"), ("excel-cell-limit", "CSV", "description")]


def test_a_report_of_an_unknown_account_has_a_warning(system: System) -> None:
    report_id = system.request_report(formats=["CSV", "PDF"], filters={"account": "no such account"})
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["rows"]) == ("READY", 0)
    (warning,) = report["warnings"]
    assert (warning["code"], warning["format"]) == ("no-rows", None)
    assert "`account`" in warning["detail"]
    assert "no such" not in warning["detail"]


@pytest.mark.parametrize("every", [1, 7])
def test_a_format_that_has_failed_stays_failed_when_the_report_is_resumed(
    reports: Reports, cuts: Cuts, add_row: Callable[..., None], every: int
) -> None:
    add_row(description=TOO_LONG)
    request = {"formats": ["CSV", "XLSX", "NDJSON"]}
    whole = reports.baseline(request)
    failed = reports.row().failed_files
    assert sorted(whole) == ["CSV", "NDJSON"]
    cuts.end_invocation = lambda batches: batches % every == 0
    reports.request_report(request)
    assert "CONTINUED" in reports.work_to_the_end()
    assert reports.contents() == whole
    assert reports.row().failed_files == failed
