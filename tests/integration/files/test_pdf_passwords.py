"""PDF files with a password, from the request to the file. The password is in no row, object, event or log."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow
from pypdf import PdfReader

import worker.app
from resma.snapshot import cursor
from resma.storage import multipart
from tests.support.cut_reports import Cuts, Reports
from tests.support.split_jobs import REPORT_ID, SplitReports
from tests.support.system import System

PASSWORD = "umbrella-çà-2024"
OTHER = "another-password"
PART = 64 * 1024
GENERATE = "/api/v1/reports/generate"
SCHEDULES = "/api/v1/schedules"
MONTH = {"from": "2024-03-01", "to": "2024-03-31"}
PDF: dict[str, Any] = {"type": "TRANSACTIONS", "format": "PDF", "filters": MONTH}


def with_password(password: str | None, **request: Any) -> dict[str, Any]:
    return {**PDF, **request, "options": {"pdf": {"orientation": "portrait", "password": password}}}


def read(data: bytes, password: str | None = None) -> list[str]:
    """Returns the text of each page, after checking that another password, or none, does not open the file."""
    reader = PdfReader(io.BytesIO(data))
    assert reader.is_encrypted == (password is not None)
    if password is not None:
        assert not reader.decrypt(OTHER if password != OTHER else PASSWORD)
        assert not reader.decrypt("")
        assert reader.decrypt(password)
    return [re.sub(r"As of .*", "", page.extract_text()) for page in reader.pages]


def content(system: System, report_id: UUID | str) -> bytes:
    """Generates the report whose message is in the queue; returns its only file."""
    assert system.work_once()
    assert system.show(UUID(str(report_id)))["status"] == "READY"
    return system.content(UUID(str(report_id)))


def require_absent(system: System, admin: Connection[TupleRow], password: str) -> None:
    """Asserts that a password is in no row of any table and in no object."""
    tables = admin.execute(
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'resma' AND c.relkind IN ('r', 'p')"
    ).fetchall()
    assert len(tables) > 10
    for (table,) in tables:
        query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(*table.split(".")))
        assert not [row for (row,) in admin.execute(query) if password in row or json.dumps(password)[1:-1] in row]
    for key in system.objects():
        assert password.encode() not in system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()


def test_a_password_opens_the_file_and_is_nowhere_else(
    system: System, admin: Connection[TupleRow], capfd: pytest.CaptureFixture[str]
) -> None:
    plain = content(system, system.request_report(**with_password(None)))
    request = with_password(PASSWORD, callbackUrl="https://hooks.example.com/")
    status, _, body = system.call_api("POST", GENERATE, request)
    assert status == 202
    assert body["pdfEncrypted"] is True
    assert read(content(system, body["id"]), PASSWORD)[1:] == read(plain)[1:]
    shown = system.show(UUID(body["id"]))
    assert shown["options"] == {"pdf": {"cover": None, "contents": None, "orientation": "portrait", "paper": None}}
    answers = [system.events(), system.bus_events(), shown, system.call_api("GET", "/api/v1/reports")[2]]
    assert PASSWORD not in json.dumps(answers, ensure_ascii=False)
    require_absent(system, admin, PASSWORD)
    printed = capfd.readouterr()
    assert PASSWORD not in printed.out + printed.err
    assert [report["pdfEncrypted"] for report in answers[3]["items"]] == [True, False]


def test_only_pdf_files_are_encrypted(system: System) -> None:
    report_id = system.request_report(**with_password(PASSWORD, format=None, formats=["PDF", "CSV"]))
    assert system.work_once()
    files = {key.rpartition(".")[2]: key for key in system.objects()}
    data = {name: system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read() for name, key in files.items()}
    assert read(data["pdf"], PASSWORD)
    assert data["csv"].count(b"\n") == system.show(report_id)["rows"] + 1


@pytest.mark.parametrize(
    ("options", "pointer", "says"),
    [
        ({"password": "hunter2"}, "/options/pdf/password", "at least 8 characters"),
        ({"password": "hunter2 e\u0301 secret"}, "/options/pdf/password", "NFKC"),
        ({"password": "é" * 100}, "/options/pdf/password", "at most 127 bytes"),
        ({"password": 12345678}, "/options/pdf/password", "must be a string"),
        ({"password": "hunter2-hunter2", "paper": "A9"}, "/options/pdf/paper", "must be one of"),
        ({"passwords": "hunter2-hunter2"}, "/options/pdf/passwords", "does not exist"),
    ],
)
def test_errors_do_not_show_the_password(
    system: System, capfd: pytest.CaptureFixture[str], options: dict[str, Any], pointer: str, says: str
) -> None:
    capfd.readouterr()
    schedule = {"name": "x", "when": "daily", "request": {**PDF, "options": {"pdf": options}}}
    for path, body, prefix in ((GENERATE, schedule["request"], ""), (SCHEDULES, schedule, "/request")):
        status, _, problem = system.call_api("POST", path, body)
        assert status == 422
        assert [error["pointer"] for error in problem["errors"]] == [prefix + pointer]
        assert says in problem["errors"][0]["detail"]
        assert "hunter2" not in json.dumps(problem)
    printed = capfd.readouterr()
    assert "hunter2" not in printed.out + printed.err


def test_options_of_a_format_that_is_not_requested_are_refused_with_a_password(system: System) -> None:
    status, _, problem = system.call_api("POST", GENERATE, with_password(PASSWORD, format="CSV"))
    assert (status, problem["errors"][0]["pointer"]) == (422, "/options/pdf")


def test_another_password_is_another_request(system: System) -> None:
    key = {"Idempotency-Key": "month-end"}
    status, _, first = system.call_api("POST", GENERATE, with_password(PASSWORD), key)
    assert status == 202
    assert system.call_api("POST", GENERATE, with_password(PASSWORD), key)[2]["id"] == first["id"]
    for password in (OTHER, None):
        status, _, problem = system.call_api("POST", GENERATE, with_password(password), key)
        assert (status, problem["type"]) == (422, "urn:resma:problem:idempotency-key-reused")
    same = system.call_api("POST", GENERATE, {**with_password(PASSWORD), "deduplicate": True})[2]
    other = system.call_api("POST", GENERATE, {**with_password(OTHER), "deduplicate": True})[2]
    assert (same["id"], same["deduplicated"]) == (first["id"], True)
    assert (other["id"] != first["id"], other["deduplicated"]) == (True, False)


def test_a_retry_keeps_the_password(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(**with_password(PASSWORD))
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
    for record in system.receive():
        system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=record["receiptHandle"])
    status, _, again = system.call_api("POST", f"/api/v1/reports/{report_id}/retry")
    assert (status, again["pdfEncrypted"]) == (202, True)
    assert read(content(system, again["id"]), PASSWORD)


def test_a_continued_file_is_whole(reports: Reports, cuts: Cuts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    monkeypatch.setattr(multipart, "PART_SIZES", ((10_000, PART),))
    monkeypatch.setattr(multipart, "MIN_PART_BYTES", PART)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    plain = read(reports.baseline({**with_password(None), "filters": {}})["PDF"])
    cuts.end_invocation = lambda batches: batches % 7 == 0
    reports.request_report({**with_password(PASSWORD), "filters": {}})
    assert reports.work_to_the_end().count("CONTINUED") >= 3
    assert read(reports.contents()["PDF"], PASSWORD) == plain


def test_every_file_of_a_split_report_has_the_password(system: System, admin: Connection[TupleRow]) -> None:
    reports = SplitReports(system, admin)
    reports.request_report(**with_password(PASSWORD, type="ACCOUNT_STATEMENT", splitBy=["account"], zip=True))
    assert reports.run_with_workers(1) == "READY"
    assert system.show(REPORT_ID)["pdfEncrypted"] is True
    (archive,) = [key for key in system.objects() if key.endswith(".zip")]
    data = system.s3.get_object(Bucket=system.bucket, Key=archive)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        pdfs = [name for name in files.namelist() if name.endswith(".pdf")]
        assert len(pdfs) > 5
        for name in pdfs[:5]:
            assert read(files.read(name), PASSWORD)


def test_reports_of_a_schedule_have_its_password(system: System, admin: Connection[TupleRow]) -> None:
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
    status, _, schedule = system.call_api(
        "POST", SCHEDULES, {"name": "sealed", "when": f"{due:%M %H} * * *", "request": with_password(PASSWORD)}
    )
    assert status == 201, schedule
    assert schedule["pdfEncrypted"] is True
    assert schedule["request"]["options"] == {"pdf": {"orientation": "portrait"}}
    require_absent(system, admin, PASSWORD)
    path = f"{SCHEDULES}/{schedule['id']}"
    admin.execute("UPDATE resma.schedules SET next_run_at = %(due)s, due_at = %(due)s", {"due": due})
    system.run_scheduler()
    (run,) = system.call_api("GET", f"{path}/runs")[2]["items"]
    assert read(content(system, run["reportId"]), PASSWORD)
    assert system.show(UUID(run["reportId"]))["pdfEncrypted"] is True
    status, _, manual = system.call_api("POST", f"{path}/run")
    assert status == 202
    assert read(content(system, manual["id"]), PASSWORD)


def test_a_schedule_keeps_its_password_until_it_is_changed_or_removed(system: System) -> None:
    _, _, schedule = system.call_api(
        "POST", SCHEDULES, {"name": "sealed", "when": "daily", "request": with_password(PASSWORD)}
    )
    path = f"{SCHEDULES}/{schedule['id']}"

    def opened_with() -> list[str | None]:
        report = system.call_api("POST", f"{path}/run")[2]
        reader = PdfReader(io.BytesIO(content(system, report["id"])))
        if not reader.is_encrypted:
            return [None]
        return [password for password in (PASSWORD, OTHER) if reader.decrypt(password)]

    changes: list[tuple[dict[str, Any], list[str | None]]] = [
        ({"name": "renamed"}, [PASSWORD]),
        ({"request": schedule["request"]}, [PASSWORD]),
        ({"request": {**PDF, "options": {}}}, [PASSWORD]),
        ({"request": with_password(OTHER)}, [OTHER]),
        ({"request": with_password(None)}, [None]),
        ({"request": PDF}, [None]),
    ]
    for change, expected in changes:
        status, _, shown = system.call_api("PATCH", path, change)
        assert (status, shown["pdfEncrypted"]) == (200, expected != [None])
        assert opened_with() == expected
    system.call_api("PATCH", path, {"request": with_password(OTHER)})
    for request in ({**PDF, "format": "CSV"}, PDF):
        assert system.call_api("PATCH", path, {"request": request})[2]["pdfEncrypted"] is False


def test_an_event_may_have_a_password(
    system: System, admin: Connection[TupleRow], capfd: pytest.CaptureFixture[str]
) -> None:
    for password, kind in ((PASSWORD, "Report Accepted"), ("x" + PASSWORD[-6:], "Report Rejected")):
        capfd.readouterr()
        detail = json.dumps({"tenantId": "demo", "request": with_password(password)})
        entry = {"Source": "bank.reporting", "DetailType": "Report Requested", "Detail": detail}
        assert system.bus.put_events(Entries=[entry])["FailedEntryCount"] == 0  # type: ignore[list-item]
        (record,) = system.receive(system.requests_url)
        assert system.take_in(record)
        (answer,) = [event for event in system.bus_events() if event["detail-type"] == kind]
        printed = capfd.readouterr()
        assert password not in json.dumps(answer, ensure_ascii=False) + printed.out + printed.err
        require_absent(system, admin, password)
        if kind == "Report Accepted":
            assert read(content(system, answer["detail"]["reportId"]), PASSWORD)


def test_a_key_sealed_with_another_secret_fails_with_a_remedy(system: System) -> None:
    report_id = system.request_report(**with_password(PASSWORD))
    worker.app._resources().sealing._secret = b"n" * 64
    worker.app._resources().sealing._read_at = float("inf")
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["error"]["code"]) == ("FAILED", "key-unreadable")
    assert "SealingSecretArn" in report["error"]["detail"]
