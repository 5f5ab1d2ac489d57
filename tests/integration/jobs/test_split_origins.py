"""Split reports of schedules, of backfills and of events become READY, and an independent program verifies them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from tests.support.downloaded_split import HEADINGS
from tests.support.system import System
from tests.support.verify_split import verify

SCHEDULES = "/api/v1/schedules"
STATEMENTS: dict[str, Any] = {"type": "ACCOUNT_STATEMENT", "format": "CSV", "splitBy": ["account"]}
MONTHLY = {
    "name": "statements",
    "request": {**STATEMENTS, "zip": True},
    "when": "monthly",
    "at": "04:00",
    "timeZone": "UTC",
    "period": "last-month",
}


def _make(system: System) -> str:
    status, _, body = system.call_api("POST", SCHEDULES, MONTHLY)
    assert status == 201, body
    assert body["request"]["splitBy"] == ["account"]
    return str(body["id"])


def _work(system: System) -> None:
    while records := system.receive():
        for record in records:
            assert system.work(record)
            system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=record["receiptHandle"])


def _verify(system: System, report_id: UUID, folder: Path) -> dict[str, Any]:
    """Verifies all files of a READY report; returns its manifest."""
    report = system.show(report_id)
    assert report["status"] == "READY", report["error"]
    prefix = f"demo/{report_id}/"

    def save(key: str, name: str) -> bytes:
        content = system.s3.get_object(Bucket=system.bucket, Key=key)["Body"].read()
        (folder / name).write_bytes(content)
        return content

    folder.mkdir()
    manifest: dict[str, Any] = json.loads(save(f"{prefix}1.manifest.json", "manifest.json"))
    files = [
        json.loads(line)
        for line in gzip.decompress(save(manifest["list"]["object"], "manifest.ndjson.gz")).splitlines()
    ]
    for file in files:
        save(file["object"], file["name"])
    assert verify(folder, HEADINGS) == []
    split = report["split"]
    assert (split["keys"], split["files"]) == (manifest["keys"], manifest["files"]) == (len(files), len(files))
    assert manifest["keys"] > 1
    return manifest


def _accounts(admin: Connection[TupleRow]) -> int:
    """Returns the number of accounts. Each has a statement, because its opening balance is a row."""
    row = admin.execute("SELECT count(*) FROM bank.accounts WHERE tenant_id = 'demo'").fetchone()
    assert row is not None
    return int(row[0])


def test_a_due_run_of_a_schedule(system: System, admin: Connection[TupleRow], tmp_path: Path) -> None:
    schedule = _make(system)
    due = datetime(2024, 4, 1, 4, tzinfo=UTC)
    admin.execute("UPDATE resma.schedules SET next_run_at = %s, due_at = %s", (due, due))
    system.call_api("PATCH", f"{SCHEDULES}/{schedule}", {"misfirePolicy": "run-all"})
    assert system.run_scheduler()["started"] > 0
    first = system.call_api("GET", f"{SCHEDULES}/{schedule}/runs")[2]["items"][-1]
    _work(system)
    manifest = _verify(system, UUID(first["reportId"]), tmp_path / "files")
    assert manifest["filters"] == {"from": "2024-03-01", "to": "2024-03-31"}
    assert manifest["keys"] == _accounts(admin)
    assert manifest["zip"]["bytes"] > 0


def test_each_run_of_a_backfill(system: System, admin: Connection[TupleRow], tmp_path: Path) -> None:
    schedule = _make(system)
    status, _, answer = system.call_api(
        "POST", f"{SCHEDULES}/{schedule}/backfill", {"from": "2024-02-01", "to": "2024-03-31"}
    )
    assert (status, answer["started"]) == (200, 2), answer
    _work(system)
    for run, month in zip(answer["runs"], ("2024-01", "2024-02"), strict=True):
        manifest = _verify(system, UUID(run["reportId"]), tmp_path / month)
        assert (manifest["filters"]["from"], manifest["keys"]) == (f"{month}-01", _accounts(admin))


def test_an_event(system: System, admin: Connection[TupleRow], tmp_path: Path) -> None:
    filters = {"from": "2024-05-01", "to": "2024-05-31"}
    detail = {"tenantId": "demo", "requestId": "may", "request": {**STATEMENTS, "filters": filters}}
    system.bus.put_events(
        Entries=[{"Source": "bank.reporting", "DetailType": "Report Requested", "Detail": json.dumps(detail)}]
    )
    (record,) = system.receive(system.requests_url)
    assert system.take_in(record)
    (accepted,) = system.bus_events()
    _work(system)
    (completed,) = system.bus_events()
    data = completed["detail"]["data"]
    assert (completed["detail-type"], data["reportId"]) == ("Report Completed", accepted["detail"]["reportId"])
    manifest = _verify(system, UUID(data["reportId"]), tmp_path / "files")
    assert (data["split"]["keys"], data["split"]["files"]) == (manifest["keys"], manifest["files"])
    assert manifest["keys"] == _accounts(admin)
