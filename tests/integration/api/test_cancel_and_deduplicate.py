"""A report in progress can be cancelled, once, and identical requests are deduplicated."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from resma.access.caller import SCOPES, Caller
from resma.aws.cost import Usage
from resma.database.connection import Database
from resma.encryption.deployment_key import DeploymentKey
from resma.errors import LeaseLostError
from resma.jobs.claim import Claim, claim_job, fail_job, finish_job, keep_alive
from resma.jobs.outcome import cancel_job
from resma.jobs.queue import JobQueue
from resma.jobs.report_rows import ReportFiles, StoredFile
from resma.request_errors import ReportFinishedError
from resma.requests.report_request import ReportRequest
from resma.requests.submit import request_report
from tests.support.eventually import eventually
from tests.support.records import METRICS
from tests.support.system import System

GENERATE = "/api/v1/reports/generate"
GOOD = {"type": "TRANSACTIONS", "format": "CSV"}
FILE: StoredFile = {
    **{"format": "CSV", "object_key": "k", "media_type": "text/csv", "extension": "csv"},  # type: ignore[typeddict-item]
    "bytes": 1,
    "sha256": "0",
    "parts": 1,
}


def _cancel(system: System, report_id: UUID) -> tuple[int, Any]:
    status, _, body = system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")
    return status, body


# ---------------------------------------------------------------- cancel


def test_a_pending_report_is_cancelled_once_with_one_event(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV", callbackUrl="https://customer.example/hook")
    (record,) = system.receive()
    assert [_cancel(system, report_id)[0] for _ in range(2)] == [200, 200]
    assert _cancel(system, report_id)[1]["status"] == "CANCELLED"
    row = admin.execute("SELECT cancelled_by, finished_at IS NOT NULL, lease_until FROM resma.reports").fetchone()
    assert row is not None
    assert row[0]
    assert row[1:] == (True, None)
    (event,) = system.events()
    assert event["MessageAttributes"]["status"]["Value"] == "CANCELLED"
    assert '"report.cancelled"' in event["Message"]
    assert admin.execute("SELECT event_id FROM resma.webhook_deliveries").fetchall() == [(f"evt_{report_id.hex}",)]
    assert system.work(record), "its message is done with"
    assert system.show(report_id)["status"] == "CANCELLED"
    assert system.objects() == []


def test_the_worker_of_a_cancelled_report_loses_its_lease(system: System) -> None:
    report_id = system.request_report(format="CSV")
    database = worker.app._resources().system
    with database.transaction("demo") as connection:
        claim = claim_job(connection, "demo", report_id)
    assert claim is not None
    assert _cancel(system, report_id)[0] == 200
    deeds: tuple[Callable[[Connection[TupleRow]], None], ...] = (
        lambda c: keep_alive(c, claim, 1, Usage()),
        lambda c: fail_job(c, claim, ValueError()),
        lambda c: finish_job(c, claim, ReportFiles([FILE]), 1, METRICS, 30),
    )
    for deed in deeds:
        with pytest.raises(LeaseLostError), database.transaction("demo") as connection:
            deed(connection)
    assert system.show(report_id)["status"] == "CANCELLED"


def test_a_running_report_stops_in_the_middle_of_a_query(system: System, admin: Connection[TupleRow]) -> None:
    """The query would take an hour for its first row. Nothing may wait for it while holding the GIL."""
    admin.execute(
        "CREATE POLICY slow ON bank.transactions AS RESTRICTIVE FOR SELECT TO resma_reader USING"
        " (CASE WHEN current_query() LIKE 'FETCH%' THEN pg_sleep(60) IS NOT NULL ELSE true END)"
    )
    running = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'resma-worker-source' AND wait_event = 'PgSleep'"
    )
    try:
        report_id = system.request_report(format="CSV")
        (record,) = system.receive()
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(system.work, record)
            eventually("the query runs", lambda: admin.execute(running).fetchone() == (1,))
            assert len(system.open_uploads()) == 1
            assert _cancel(system, report_id)[0] == 200
            assert not done.result(120), "the redelivered message has no effect"
        assert admin.execute(running).fetchone() == (0,)
    finally:
        admin.execute("DROP POLICY slow ON bank.transactions")
    assert system.objects() == []
    assert system.open_uploads() == []
    assert system.show(report_id)["error"] is None, "a query that was cancelled is not an error of the report"
    assert system.work(record)


@pytest.mark.parametrize("status", ["READY", "FAILED", "EXPIRED"])
def test_a_report_that_has_ended_cannot_be_cancelled(system: System, admin: Connection[TupleRow], status: str) -> None:
    report_id = system.request_report(format="CSV")
    assert system.work_once()
    admin.execute("UPDATE resma.reports SET status = %s", (status,))
    code, problem = _cancel(system, report_id)
    assert code == 409
    assert problem["type"] == "urn:resma:problem:report-finished"
    assert status in problem["detail"]


@pytest.mark.parametrize("report_id", ["1f0c9a52-0000-4000-8000-000000000000", "nonsense"])
def test_an_unknown_report_cannot_be_cancelled(system: System, report_id: str) -> None:
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 404


def test_either_finishing_or_cancelling_succeeds(system: System, admin: Connection[TupleRow]) -> None:
    finisher, canceller = (Database(os.environ["DATABASE_SECRET_ARN"], "test") for _ in range(2))
    try:
        for _ in range(12):
            report_id = system.request_report(format="CSV")
            with finisher.transaction("demo") as connection:
                claim = claim_job(connection, "demo", report_id)
            assert claim is not None

            def finish(claim: Claim = claim) -> bool:
                with finisher.transaction("demo") as connection:
                    connection.execute("UPDATE resma.reports SET rows_expected = 1")
                    try:
                        finish_job(connection, claim, ReportFiles([FILE]), 1, METRICS, 30)
                    except LeaseLostError:
                        return False
                    return True

            def cancel(report_id: UUID = report_id) -> bool:
                with canceller.transaction("demo") as connection:
                    try:
                        return cancel_job(connection, "demo", report_id, "somebody")
                    except ReportFinishedError:
                        return False

            with ThreadPoolExecutor(2) as threads:
                done = [threads.submit(deed) for deed in (finish, cancel)]
            won = [future.result() for future in done]
            assert sorted(won) == [False, True]
            assert system.show(report_id)["status"] == ("READY" if won[0] else "CANCELLED")
            assert admin.execute("SELECT type FROM resma.events WHERE report_id = %s", (report_id,)).fetchall() == [
                ("report.ready" if won[0] else "report.cancelled",)
            ]
    finally:
        finisher.close()
        canceller.close()


# ---------------------------------------------------------------- deduplicate


def _ask(system: System, key: str | None = None, **more: Any) -> Any:
    status, _, body = system.call_api("POST", GENERATE, {**GOOD, **more}, {"Idempotency-Key": key} if key else {})
    assert status == 202, body
    return body


def test_the_same_request_is_deduplicated_while_a_report_is_in_progress(
    system: System, admin: Connection[TupleRow]
) -> None:
    first = _ask(system)
    assert first["deduplicated"] is False
    duplicate = _ask(system, deduplicate=True)
    assert (duplicate["id"], duplicate["deduplicated"]) == (first["id"], True)
    assert _ask(system)["id"] != first["id"], "only if it says so"
    assert _ask(system, deduplicate=True, callbackUrl="https://customer.example/hook")["deduplicated"] is False
    assert _ask(system, deduplicate=True, filters={"from": "2024-01-01"})["deduplicated"] is False
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (4,)
    admin.execute("UPDATE resma.reports SET status = 'CANCELLED', finished_at = clock_timestamp()")
    again = _ask(system, deduplicate=True)
    assert again["id"] != first["id"]
    assert again["deduplicated"] is False, "what has ended is not joined"


def test_deduplicate_must_be_true_or_false(system: System) -> None:
    status, _, problem = system.call_api("POST", GENERATE, {**GOOD, "deduplicate": "yes"})
    assert status == 422
    assert problem["errors"][0]["pointer"] == "/deduplicate"


def test_an_idempotency_key_keeps_returning_the_deduplicated_report(system: System) -> None:
    first = _ask(system, "a")
    assert _ask(system, "b", deduplicate=True)["id"] == first["id"]
    assert system.work_once()
    assert system.show(UUID(first["id"]))["status"] == "READY"
    for key in ("a", "b"):
        assert _ask(system, key, deduplicate=True)["id"] == first["id"], "by now it is READY, and no longer joined"
    status, _, problem = system.call_api(
        "POST", GENERATE, {**GOOD, "format": "PDF", "deduplicate": True}, {"Idempotency-Key": "b"}
    )
    assert (status, problem["type"]) == (422, "urn:resma:problem:idempotency-key-reused")


def test_fifty_identical_requests_at_once_create_one_report(system: System, admin: Connection[TupleRow]) -> None:
    request = ReportRequest.model_validate({**GOOD, "deduplicate": True})
    caller = Caller("demo", "a test", SCOPES)
    queue = JobQueue(system.sqs, system.queue_url)

    def ask(number: int) -> tuple[UUID, bool]:
        database = Database(os.environ["DATABASE_SECRET_ARN"], "test")
        try:
            report, is_new = request_report(
                database, queue, caller, request, f"key-{number}", sealing=DeploymentKey("unused")
            )
            return report.report_id, is_new
        finally:
            database.close()

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(ask, range(50)))
    assert len({report_id for report_id, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (1,)
    assert admin.execute("SELECT count(DISTINCT report_id), count(*) FROM resma.idempotency_keys").fetchone() == (1, 50)
    assert len(system.receive()) == 1
