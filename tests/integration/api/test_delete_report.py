"""A report that has ended can be deleted: its row, its files and its content. A record says who deleted it."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from psycopg import Connection
from psycopg.rows import TupleRow

import scheduler.app
from resma.access.caller import SCOPES, Caller
from resma.database.connection import Database
from resma.jobs.deletion import SETTLED_SECONDS, Deletion, delete_report
from tests.support.system import ActAs, System

SECRET = "Maria da Silva, 529.982.247-25"


def _delete(system: System, report_id: UUID) -> tuple[int, Any]:
    status, _, body = system.call_api("DELETE", f"/api/v1/reports/{report_id}")
    return status, body


def _ready(system: System, **request: Any) -> UUID:
    report_id = system.request_report(**{"format": "CSV", **request})
    assert system.work_once()
    return report_id


def _mentions(admin: Connection[TupleRow], text: str) -> list[str]:
    """Returns the tables that have a row with this text in any column."""
    tables = admin.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'resma'").fetchall()
    found = []
    for (table,) in tables:
        query = f"SELECT count(*) FROM resma.{table} AS one WHERE one::text LIKE '%%' || %s || '%%'"
        if admin.execute(query.encode(), (text,)).fetchone() != (0,):
            found.append(table)
    return sorted(found)


def test_only_the_deletion_record_of_a_deleted_report_is_kept(system: System, admin: Connection[TupleRow]) -> None:
    body = {
        "type": "TRANSACTIONS",
        "formats": ["CSV", "NDJSON"],
        "title": SECRET,
        "filters": {"account": "529.982.247-25"},
        "callbackUrl": "https://customer.example/hook?who=529.982.247-25",
    }
    status, _, report = system.call_api("POST", "/api/v1/reports/generate", body, {"Idempotency-Key": "k-1"})
    assert status == 202, report
    report_id = UUID(report["id"])
    assert system.work_once()
    assert len(system.objects()) == 2
    assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303
    assert "reports" in _mentions(admin, SECRET)
    assert "webhook_deliveries" in _mentions(admin, "529.982.247-25")

    status, deletion = _delete(system, report_id)
    assert status == 200, deletion
    assert (deletion["id"], deletion["deletedBy"], deletion["filesRemovedAt"]) == (str(report_id), "loopback", None)
    assert _mentions(admin, "529.982.247-25") == []
    assert _mentions(admin, str(report_id)) == ["deleted_reports", "download_links"]
    assert admin.execute("SELECT deleted_from FROM resma.deleted_reports").fetchall() == [("127.0.0.1",)]

    assert system.run_scheduler()["deleted"] == 1
    assert system.objects() == []
    status, again = _delete(system, report_id)
    assert status == 200
    assert datetime.fromisoformat(again.pop("filesRemovedAt")) >= datetime.fromisoformat(deletion["deletedAt"])
    assert again == {name: value for name, value in deletion.items() if name != "filesRemovedAt"}
    assert system.run_scheduler()["deleted"] == 0


def test_a_deleted_report_is_410_on_every_route(system: System) -> None:
    """Except for its access log (test_access_log.py)."""
    report_id = _ready(system)
    assert _delete(system, report_id)[0] == 200
    for method, path in (
        ("GET", ""),
        ("GET", "/download"),
        ("GET", "/summary"),
        ("GET", "/deliveries"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
    ):
        status, _, problem = system.call_api(method, f"/api/v1/reports/{report_id}{path}")
        assert (status, problem["type"]) == (410, "urn:resma:problem:report-deleted"), path
    assert system.call_api("GET", "/api/v1/reports")[2]["items"] == []


@pytest.mark.parametrize("is_running", [False, True])
def test_a_report_in_progress_must_be_cancelled_first(
    system: System, admin: Connection[TupleRow], *, is_running: bool
) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    if is_running:
        admin.execute("UPDATE resma.reports SET status = 'GENERATING', attempt = 1, lease_until = now() + '1 minute'")
    status, problem = _delete(system, report_id)
    assert (status, problem["type"]) == (409, "urn:resma:problem:report-in-progress")
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
    assert _delete(system, report_id)[0] == 200
    assert system.work(record), "its message finds nothing to do"
    assert system.objects() == []


def test_files_that_a_worker_writes_after_the_deletion_are_removed(system: System, admin: Connection[TupleRow]) -> None:
    """A worker that was delayed for minutes creates an upload and an object of a report that is already deleted."""
    report_id = system.request_report(format="CSV", options={"csv": {"compression": "gzip"}})
    system.receive()
    admin.execute("UPDATE resma.reports SET attempt = 2, status = 'GENERATING', lease_until = now() + '1 minute'")
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
    assert _delete(system, report_id)[0] == 200
    assert system.run_scheduler()["deleted"] == 1
    assert _delete(system, report_id)[1]["filesRemovedAt"] is None, "a worker may be left"
    system.s3.put_object(Bucket=system.bucket, Key=f"demo/{report_id}/2.csv.gz", Body=b"late")
    system.s3.create_multipart_upload(Bucket=system.bucket, Key=f"demo/{report_id}/1.csv.gz")
    assert system.run_scheduler()["deleted"] == 0
    admin.execute(
        "UPDATE resma.deleted_reports SET settled_at = settled_at - make_interval(secs => %s),"
        " next_removal_at = next_removal_at - make_interval(secs => %s)",
        (SETTLED_SECONDS, SETTLED_SECONDS),
    )
    assert system.run_scheduler()["deleted"] == 1
    assert (system.objects(), system.open_uploads()) == ([], [])
    assert _delete(system, report_id)[1]["filesRemovedAt"] is not None


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://store.example"),
        ClientError({"Error": {"Code": "SlowDown"}}, "DeleteObjects"),
    ],
)
def test_files_are_removed_when_the_store_is_available_again(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    report_id = _ready(system)
    assert _delete(system, report_id)[0] == 200

    def refuse(**_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(scheduler.app._resources().s3, "delete_objects", refuse)
        assert system.run_scheduler()["deleted"] == 0
    assert len(system.objects()) == 1
    assert _delete(system, report_id)[1]["filesRemovedAt"] is None
    admin.execute("UPDATE resma.deleted_reports SET next_removal_at = clock_timestamp()")
    assert system.run_scheduler()["deleted"] == 1
    assert system.objects() == []


def test_concurrent_deletions_are_recorded_once(system: System, admin: Connection[TupleRow]) -> None:
    report_id = _ready(system)
    databases = [Database(os.environ["DATABASE_SECRET_ARN"], f"test {number}") for number in range(4)]
    together = threading.Barrier(len(databases))

    def delete(database: Database) -> tuple[Deletion, bool]:
        with database.transaction("demo") as connection:
            together.wait(60)
            return delete_report(connection, Caller("demo", "loopback", SCOPES), report_id)

    try:
        with ThreadPoolExecutor(len(databases)) as threads:
            answers = list(threads.map(delete, databases))
    finally:
        for database in databases:
            database.close()
    assert [is_new for _, is_new in answers].count(True) == 1
    assert len({deletion for deletion, _ in answers}) == 1, "all get the record of the first one"
    assert admin.execute("SELECT count(*) FROM resma.deleted_reports").fetchone() == (1,)


def test_deleting_requires_its_scope_and_a_report_of_the_tenant(system: System, as_tenant: ActAs) -> None:
    report_id = _ready(system)
    as_tenant("demo", frozenset({"reports:read", "reports:write", "personal:read"}))
    assert _delete(system, report_id)[0] == 403
    as_tenant("other")
    assert _delete(system, report_id)[0] == 404
    as_tenant("demo", frozenset({"reports:delete"}))
    assert _delete(system, report_id)[0] == 200


def test_an_unknown_report_cannot_be_deleted(system: System, new_report_id: UUID) -> None:
    assert _delete(system, new_report_id)[0] == 404
    assert system.call_api("DELETE", "/api/v1/reports/nonsense")[0] == 404


def test_an_idempotency_key_of_a_deleted_report_creates_a_new_report(system: System) -> None:
    body, key = {"type": "TRANSACTIONS", "format": "CSV"}, {"Idempotency-Key": "k-2"}
    first = system.call_api("POST", "/api/v1/reports/generate", body, key)[2]["id"]
    assert system.work_once()
    assert _delete(system, UUID(first))[0] == 200
    status, _, second = system.call_api("POST", "/api/v1/reports/generate", body, key)
    assert (status, second["id"] != first) == (202, True)


def test_a_webhook_of_a_deleted_report_is_not_sent(system: System, admin: Connection[TupleRow]) -> None:
    """The event is not sent even if the topic and the webhook function already have it."""
    report_id = _ready(system, callbackUrl="https://customer.example/hook")
    (envelope,) = system.events()
    assert _delete(system, report_id)[0] == 200
    system.deliver(envelope)
    for table in ("webhook_deliveries", "webhook_attempts", "events"):
        assert admin.execute(f"SELECT count(*) FROM resma.{table}".encode()).fetchone() == (0,), table


def test_the_api_and_events_have_the_expiry_of_files(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    assert system.show(report_id)["expiresAt"] is None
    assert system.work_once()
    view = system.show(report_id)
    (kept,) = admin.execute("SELECT expires_at FROM resma.reports").fetchone() or (None,)
    assert datetime.fromisoformat(view["expiresAt"]) == kept
    assert system.call_api("GET", "/api/v1/reports")[2]["items"][0]["expiresAt"] == view["expiresAt"]
    (envelope,) = system.bus_events()
    assert datetime.fromisoformat(envelope["detail"]["data"]["expiresAt"]) == kept


# ---------------------------------------------------------------- retention of records


def test_old_records_are_deleted(system: System, admin: Connection[TupleRow]) -> None:
    old, young, deleted = (_ready(system, callbackUrl="https://customer.example/hook") for _ in range(3))
    for report_id in (old, young, deleted):
        assert system.call_api("GET", f"/api/v1/reports/{report_id}/download")[0] == 303
    assert _delete(system, deleted)[0] == 200
    assert system.run_scheduler()["deleted"] == 1
    admin.execute("DELETE FROM resma.row_counts WHERE day < '2026-01-01'")
    admin.execute("INSERT INTO resma.row_counts VALUES ('demo', '2020-01-01', 5)")
    admin.execute("UPDATE resma.deleted_reports SET deleted_at = '2020-01-01'")
    admin.execute("UPDATE resma.download_links SET minted_at = '2020-01-01' WHERE report_id = %s", (old,))
    admin.execute(
        "UPDATE resma.reports SET finished_at = '2020-01-01', expires_at = '2020-02-01', swept_at = '2020-02-01'"
        " WHERE report_id = %s",
        (old,),
    )
    assert system.run_scheduler()["purged"] == 3, "a link, a deletion and a day's usage"
    assert system.show(old)["status"] == "EXPIRED", "its files are still to be removed"
    admin.execute("UPDATE resma.reports SET swept_at = clock_timestamp() WHERE status = 'EXPIRED'")
    assert system.run_scheduler()["purged"] == 1
    assert _mentions(admin, str(old)) == []
    assert _mentions(admin, old.hex) == []
    assert _mentions(admin, str(deleted)) == ["download_links"]
    assert system.show(young)["status"] == "READY"


def test_records_are_kept_if_the_retention_is_0(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORD_RETENTION_DAYS", "0")
    report_id = system.request_report(format="CSV")
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
    admin.execute("UPDATE resma.reports SET finished_at = '2020-01-01', swept_at = '2020-01-01'")
    assert system.run_scheduler()["purged"] == 0
    assert system.show(report_id)["status"] == "CANCELLED"
