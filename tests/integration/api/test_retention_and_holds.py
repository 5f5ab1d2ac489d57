"""Retention by request, legal holds, and deletion of files: what is kept, and what prevents its deletion."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.caller import SCOPES, Caller
from resma.catalog import DEMO_CATALOG
from resma.database.connection import Database
from resma.jobs import transitions
from resma.jobs.deletion import delete_files, delete_report
from resma.jobs.holds import set_hold
from resma.request_errors import ReportDeletedError, ReportExpiredError, ReportHeldError
from resma.requests.retention import retention_settings
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.system import ActAs, System

REASON = {"reason": "Case 2026-117"}


@pytest.fixture(autouse=True)
def _restore_tenants(admin: Connection[TupleRow]) -> Any:
    yield
    admin.execute("UPDATE resma.tenants SET max_retention_days = NULL, kms_key = NULL")


def ready(system: System, **request: Any) -> UUID:
    """Generates a report of one CSV file, and returns its id."""
    report_id = system.request_report(**{"format": "CSV", **request})
    assert system.work_once()
    return report_id


def call(system: System, method: str, report_id: UUID, path: str = "", body: Any = None) -> tuple[int, Any]:
    """Sends a request about a report; returns the status and the body."""
    status, _, answer = system.call_api(method, f"/api/v1/reports/{report_id}{path}", body)
    return status, answer


def hold(system: System, report_id: UUID) -> None:
    """Places a hold on a report."""
    status, answer = call(system, "PUT", report_id, "/hold", REASON)
    assert (status, answer.get("held")) == (200, True), answer


def end_retention(admin: Connection[TupleRow], report_id: UUID) -> None:
    """Sets the end of a report's retention to yesterday, so that the scheduler finds it."""
    admin.execute(
        "UPDATE resma.reports SET expires_at = clock_timestamp() - interval '1 day',"
        " finished_at = finished_at - interval '1 hour' WHERE report_id = %s",
        (report_id,),
    )


def days_kept(report: Any) -> float:
    """Returns the days from a report's end to the expiry of its files."""
    kept = datetime.fromisoformat(report["expiresAt"]) - datetime.fromisoformat(report["finishedAt"])
    return kept / timedelta(days=1)


# ---------------------------------------------------------------- retention


@pytest.mark.parametrize(
    ("request_days", "tenant_days", "expected"),
    [(None, None, 30), (90, None, 90), (1, None, 1), (None, 10, 10), (7, 10, 7)],
)
def test_the_request_comes_before_the_deployment_and_the_tenant_limits_it(
    system: System, admin: Connection[TupleRow], request_days: int | None, tenant_days: int | None, expected: int
) -> None:
    admin.execute("UPDATE resma.tenants SET max_retention_days = %s", (tenant_days,))
    report = system.show(ready(system, **({"retentionDays": request_days} if request_days else {})))
    assert report["retentionDays"] == expected
    assert days_kept(report) == pytest.approx(expected, abs=0.01)


def test_a_report_type_has_a_retention(system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(DEMO_CATALOG, tmp_path / "catalog")
    settings = tmp_path / "catalog" / "transactions" / "report.toml"
    settings.write_text(f"retention_days = 2000\n{settings.read_text(encoding='utf-8')}", encoding="utf-8")
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path / "catalog"))
    assert system.show(ready(system))["retentionDays"] == 2000
    assert system.show(ready(system, retentionDays=3))["retentionDays"] == 3
    monkeypatch.setenv("MAX_RETENTION_DAYS", "1000")
    retention_settings.cache_clear()
    assert system.show(ready(system))["retentionDays"] == 1000, "nobody has chosen it, so it is reduced"


def test_a_retention_beyond_a_limit_is_rejected_with_all_other_errors(
    system: System, admin: Connection[TupleRow]
) -> None:
    body = {"type": "TRANSACTIONS", "format": "CSV", "locale": "xx-XX"}
    for days, limit, whose in ((3651, 3650, "this deployment"), (61, 60, "your tenant")):
        if whose == "your tenant":
            admin.execute("UPDATE resma.tenants SET max_retention_days = 60")
        status, _, problem = system.call_api("POST", "/api/v1/reports/generate", {**body, "retentionDays": days})
        assert status == 422
        details = {error["pointer"]: error["detail"] for error in problem["errors"]}
        assert details.keys() == {"/locale", "/retentionDays"}
        assert details["/retentionDays"].startswith(f"It must be {limit} or less")
        assert whose in details["/retentionDays"]
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)


@pytest.mark.parametrize("days", [0, -1, 36_501, "30", True, 1.5])
def test_a_retention_must_be_a_number_of_days(system: System, days: Any) -> None:
    body = {"type": "TRANSACTIONS", "format": "CSV", "retentionDays": days}
    status, _, problem = system.call_api("POST", "/api/v1/reports/generate", body)
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/retentionDays"])


def test_a_schedule_names_a_retention_within_the_limits(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("UPDATE resma.tenants SET max_retention_days = 60")
    request = {"type": "TRANSACTIONS", "format": "CSV", "retentionDays": 61}
    schedule = {"name": "x", "when": "daily", "request": request}
    status, _, problem = system.call_api("POST", "/api/v1/schedules", schedule)
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/request/retentionDays"])
    request["retentionDays"] = 60
    assert system.call_api("POST", "/api/v1/schedules", schedule)[0] == 201


def test_a_retry_names_the_retention_only_if_the_request_did(system: System, admin: Connection[TupleRow]) -> None:
    first, second = ready(system), ready(system, retentionDays=20)
    for report_id in (first, second):
        assert call(system, "DELETE", report_id, "/files")[0] == 200
    admin.execute("UPDATE resma.tenants SET max_retention_days = 10")
    status, retried = call(system, "POST", first, "/retry")
    assert (status, retried["retentionDays"]) == (202, 10)
    assert call(system, "POST", second, "/retry")[0] == 422


# ---------------------------------------------------------------- legal holds


def test_a_held_report_does_not_expire_until_it_is_released(system: System, admin: Connection[TupleRow]) -> None:
    report_id = ready(system)
    hold(system, report_id)
    end_retention(admin, report_id)
    assert system.run_scheduler()["expired"] == 0
    report = system.show(report_id)
    assert (report["status"], report["held"]) == ("READY", True)
    status, link = call(system, "GET", report_id, "/download")
    assert status == 303, link
    assert len(system.objects()) == 1

    status, report = call(system, "DELETE", report_id, "/hold")
    assert (status, report["held"]) == (200, False)
    assert system.run_scheduler()["expired"] == 1
    assert system.show(report_id)["status"] == "EXPIRED"
    assert system.objects() == []


def test_nothing_of_a_held_report_is_deleted(system: System, admin: Connection[TupleRow]) -> None:
    report_id = ready(system)
    hold(system, report_id)
    for method, path in (("DELETE", ""), ("DELETE", "/files")):
        status, problem = call(system, method, report_id, path)
        assert (status, problem["type"]) == (409, "urn:resma:problem:report-held")
        assert f"/api/v1/reports/{report_id}/hold" in problem["detail"]
    assert call(system, "POST", report_id, "/cancel")[0] == 409
    assert system.show(report_id)["status"] == "READY"
    assert len(system.objects()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM resma.reports",
        "UPDATE resma.reports SET status = 'EXPIRED'",
        "UPDATE resma.reports SET status = 'CANCELLED'",
        "UPDATE resma.reports SET status = 'PENDING'",
    ],
)
def test_the_database_rejects_every_statement_that_ends_a_held_report(
    system: System, admin: Connection[TupleRow], statement: str
) -> None:
    hold(system, ready(system))
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation)):
        admin.execute(statement.encode())
    # Even if the column is wrong, the hold itself prevents that the row is deleted.
    admin.execute("UPDATE resma.reports SET held = false")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        admin.execute("DELETE FROM resma.reports")


def test_records_of_a_held_report_are_not_purged(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORD_RETENTION_DAYS", "1")
    report_id = ready(system)
    hold(system, report_id)
    admin.execute("UPDATE resma.reports SET finished_at = '2020-01-01', expires_at = '2020-01-02'")
    assert system.run_scheduler()["purged"] == 0
    assert call(system, "DELETE", report_id, "/hold")[0] == 200
    assert system.run_scheduler()["expired"] == 1
    assert len(call(system, "GET", report_id, "/holds")[1]["items"]) == 1
    admin.execute("UPDATE resma.reports SET swept_at = '2020-01-01'")
    admin.execute("UPDATE resma.holds SET released_at = '2020-01-01'")
    assert system.run_scheduler()["purged"] == 2, "the report and the record of its hold"
    assert call(system, "GET", report_id)[0] == 404


def test_the_history_shows_who_placed_and_released_holds_and_why(system: System, admin: Connection[TupleRow]) -> None:
    report_id = ready(system)
    assert call(system, "GET", report_id, "/holds") == (200, {"items": []})
    for _ in range(2):  # the second call has no effect
        hold(system, report_id)
    assert call(system, "PUT", report_id, "/hold", {"reason": "Order of the court"})[0] == 200
    for _ in range(2):
        assert call(system, "DELETE", report_id, "/hold")[0] == 200
    status, history = call(system, "GET", report_id, "/holds")
    assert status == 200
    second, first = history["items"]
    assert (first["reason"], second["reason"]) == ("Case 2026-117", "Order of the court")
    assert first["placedBy"] == second["placedBy"] == first["releasedBy"] == second["releasedBy"] == "loopback"
    times = [first["placedAt"], first["releasedAt"], second["placedAt"], second["releasedAt"]]
    assert times == sorted(times)
    assert admin.execute("SELECT placed_from, released_from FROM resma.holds").fetchall() == [("127.0.0.1",) * 2] * 2


def test_only_reports_with_files_can_be_held(system: System) -> None:
    pending = system.request_report(format="CSV")
    assert call(system, "PUT", pending, "/hold", REASON)[0] == 409
    assert call(system, "POST", pending, "/cancel")[0] == 200
    status, problem = call(system, "PUT", pending, "/hold", REASON)
    assert (status, problem["type"]) == (409, "urn:resma:problem:report-has-no-file")
    assert call(system, "PUT", uuid4(), "/hold", REASON)[0] == 404


def test_a_report_whose_files_were_deleted_cannot_be_held(system: System) -> None:
    report_id = ready(system)
    assert call(system, "DELETE", report_id, "/files")[0] == 200
    assert call(system, "PUT", report_id, "/hold", REASON)[0] == 410


@pytest.mark.parametrize("reason", ["", "\u202e", "x" * 501, None, 5])
def test_a_hold_needs_a_reason(system: System, reason: Any) -> None:
    status, problem = call(system, "PUT", uuid4(), "/hold", {"reason": reason})
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/reason"])


def test_holds_need_their_scope_and_a_report_of_the_tenant(system: System, as_tenant: ActAs) -> None:
    report_id = ready(system)
    as_tenant("demo", SCOPES - {"holds:manage"})
    for method, body in (("PUT", REASON), ("DELETE", None)):
        status, problem = call(system, method, report_id, "/hold", body)
        assert status == 403
        assert "holds:manage" in problem["detail"]
    as_tenant("other")
    assert call(system, "PUT", report_id, "/hold", REASON)[0] == 404
    assert call(system, "GET", report_id, "/holds")[0] == 404
    as_tenant("demo")
    assert system.show(report_id)["held"] is False


# ---------------------------------------------------------------- races


def _database() -> Database:
    return Database(os.environ["DATABASE_SECRET_ARN"], "resma-test")


CALLER = Caller("demo", "key:test", SCOPES, "127.0.0.1")


@pytest.mark.parametrize("other", ["expire", "delete", "delete_files"])
def test_of_a_hold_and_a_deletion_at_the_same_time_the_first_one_wins(
    system: System, admin: Connection[TupleRow], other: str
) -> None:
    """Whichever commits first, a report is never held without its files."""
    for _ in range(5):
        report_id = ready(system)
        end_retention(admin, report_id)
        barrier = threading.Barrier(2, timeout=PATIENCE_SECONDS)
        outcomes = list(_run_both(barrier, report_id, other))
        row = admin.execute("SELECT status, held FROM resma.reports WHERE report_id = %s", (report_id,)).fetchone()
        if "held" in outcomes:
            assert (row, outcomes) == (("READY", True), ["held", "kept"])
        else:
            assert (row, outcomes) in ((("EXPIRED", False), ["refused", "ended"]), (None, ["refused", "ended"]))
        admin.execute("UPDATE resma.holds SET released_at = clock_timestamp(), released_by = 'x'")
        admin.execute("DELETE FROM resma.reports")


def _run_both(barrier: threading.Barrier, report_id: UUID, other: str) -> tuple[str, str]:
    """Places a hold and ends the report at once; returns the outcomes of both."""

    def place() -> str:
        database = _database()
        try:
            with database.transaction("demo") as connection:
                barrier.wait()
                set_hold(connection, CALLER, report_id, "x")
        except (ReportExpiredError, ReportDeletedError):
            return "refused"
        finally:
            database.close()
        return "held"

    def end() -> str:
        database = _database()
        try:
            with database.transaction("demo") as connection:
                barrier.wait()
                if other == "expire":
                    is_ended = bool(transitions.expire(connection, 10))
                elif other == "delete":
                    is_ended = delete_report(connection, CALLER, report_id)[1]
                else:
                    is_ended = delete_files(connection, CALLER, report_id)
        except ReportHeldError:
            return "kept"
        finally:
            database.close()
        return "ended" if is_ended else "kept"

    with ThreadPoolExecutor(2) as threads:
        placed, ended = threads.submit(place), threads.submit(end)
        return placed.result(), ended.result()


def test_an_expiry_that_waits_for_a_hold_leaves_the_report(system: System, admin: Connection[TupleRow]) -> None:
    """A deletion that has found the report waits for the hold's transaction, and then finds it held."""
    report_id = ready(system)
    first, second = _database(), _database()
    try:
        with ThreadPoolExecutor(1) as threads:
            with first.transaction("demo") as holding:
                set_hold(holding, CALLER, report_id, "x")

                def delete() -> None:
                    with second.transaction("demo") as connection:
                        delete_files(connection, CALLER, report_id)

                waiting = threads.submit(delete)
                _await_lock(admin)
            with pytest.raises(ReportHeldError):
                waiting.result()
    finally:
        first.close()
        second.close()
    assert system.show(report_id)["status"] == "READY"


def _await_lock(admin: Connection[TupleRow]) -> None:
    """Waits until a session waits for a lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'resma-test' AND wait_event_type = 'Lock'"
    eventually("a session waits for a lock", lambda: admin.execute(waiting).fetchone() is not None)


# ---------------------------------------------------------------- deletion of files


def test_files_are_deleted_and_their_author_is_on_record(system: System, admin: Connection[TupleRow]) -> None:
    report_id = ready(system)
    status, report = call(system, "DELETE", report_id, "/files")
    assert (status, report["status"], report["filesDeletedBy"]) == (200, "EXPIRED", "loopback")
    assert report["filesDeletedAt"] is not None
    status, problem = call(system, "GET", report_id, "/download")
    assert (status, problem["type"]) == (410, "urn:resma:problem:report-expired")
    assert "were deleted at" in problem["detail"]
    admin.execute("UPDATE resma.reports SET finished_at = finished_at - interval '1 hour'")
    system.run_scheduler()
    assert system.objects() == []
    status, again = call(system, "DELETE", report_id, "/files")
    assert (status, again["filesDeletedAt"]) == (200, report["filesDeletedAt"])
    assert admin.execute("SELECT files_deleted_from FROM resma.reports").fetchall() == [("127.0.0.1",)]


def test_files_of_reports_without_files_cannot_be_deleted(system: System) -> None:
    report_id = system.request_report(format="CSV")
    status, problem = call(system, "DELETE", report_id, "/files")
    assert (status, problem["type"]) == (409, "urn:resma:problem:report-not-ready")
    assert call(system, "POST", report_id, "/cancel")[0] == 200
    status, problem = call(system, "DELETE", report_id, "/files")
    assert (status, problem["type"]) == (409, "urn:resma:problem:report-has-no-file")


def test_deleting_files_needs_its_scope_and_a_report_of_the_tenant(system: System, as_tenant: ActAs) -> None:
    report_id = ready(system)
    as_tenant("demo", SCOPES - {"reports:delete"})
    assert call(system, "DELETE", report_id, "/files")[0] == 403
    as_tenant("other")
    assert call(system, "DELETE", report_id, "/files")[0] == 404
    as_tenant("demo")
    assert system.show(report_id)["status"] == "READY"
