"""Scheduler runs: old files are removed, leftovers are swept, and a failed task does not stop the others."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from psycopg import Connection
from psycopg.rows import TupleRow

import scheduler.app
from resma.database.connection import Database
from resma.errors import DatabaseBusyError, SchedulerRunIncompleteError
from resma.jobs.queue import send_job
from scheduler import clear_store, expire_reports, publish_events, send_jobs, sweep_leftovers
from scheduler.resources import SchedulerResources
from scheduler.sweep_leftovers import LATEST_SECONDS, SETTLE_SECONDS
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.system import System

NONE = {"from": "2030-01-01"}


def _age(admin: Connection[TupleRow], seconds: int) -> None:
    """Moves the end of every report, and the timestamps that depend on it, into the past."""
    admin.execute(
        "UPDATE resma.reports SET finished_at = finished_at - make_interval(secs => %s),"
        " sweep_after = sweep_after - make_interval(secs => %s), expires_at = expires_at - make_interval(secs => %s)",
        (seconds, seconds, seconds),
    )


def _ready(system: System, *formats: str) -> UUID:
    report_id = system.request_report(formats=list(formats), filters=NONE)
    assert system.work_once()
    assert system.show(report_id)["status"] == "READY"
    return report_id


def _leave(system: System, report_id: UUID, *names: str) -> None:
    """Creates leftovers of killed workers: objects, and open uploads with the same keys."""
    for name in names:
        key = f"demo/{report_id}/{name}"
        system.s3.put_object(Bucket=system.bucket, Key=key, Body=b"half a story")
        system.s3.create_multipart_upload(Bucket=system.bucket, Key=key)


def test_files_expire_with_their_objects(system: System, admin: Connection[TupleRow]) -> None:
    old, young = _ready(system, "CSV", "PDF"), _ready(system, "CSV")
    days = admin.execute("SELECT DISTINCT expires_at::date - finished_at::date FROM resma.reports").fetchall()
    assert days == [(30,)], "as RETENTION_DAYS says"
    admin.execute("UPDATE resma.reports SET expires_at = clock_timestamp() WHERE report_id = %s", (old,))
    _age(admin, SETTLE_SECONDS + 1)
    done = system.run_scheduler()
    assert (done["expired"], done["swept"]) == (1, 2)
    assert system.objects() == [f"demo/{young}/1.csv"]
    assert system.show(old)["status"] == "EXPIRED"
    assert system.show(old)["files"] is not None, "the record of the files is kept"
    assert system.call_api("GET", f"/api/v1/reports/{old}/download")[0] == 410
    assert system.call_api("GET", f"/api/v1/reports/{young}/download")[0] == 303
    done = system.run_scheduler()
    assert (done["expired"], done["swept"]) == (0, 0)


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_the_leftovers_of_a_killed_worker_are_swept(system: System, admin: Connection[TupleRow], status: str) -> None:
    report_id = system.request_report(format="CSV", options={"csv": {"compression": "gzip"}})
    admin.execute("UPDATE resma.reports SET status = %s, attempt = 2, finished_at = clock_timestamp()", (status,))
    _leave(system, report_id, "1.csv.gz", "2.csv.gz", "checkpoint/7", "2.csv.gz.segment-1")
    neighbor = _add_report_in_progress(system, admin, report_id)
    assert system.run_scheduler()["swept"] == 0, "its worker may still be stopping"
    _age(admin, SETTLE_SECONDS + 1)
    assert system.run_scheduler()["swept"] == 1
    assert system.objects() == [neighbor]
    assert [upload["Key"] for upload in system.open_uploads()] == [neighbor], "the upload of a report in progress"


def _add_report_in_progress(system: System, admin: Connection[TupleRow], report_id: UUID) -> str:
    """Adds another report in progress, with an object and an open upload; returns their key."""
    other = system.request_report(format="CSV")
    assert other != report_id
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = 1,"
        " lease_until = clock_timestamp() + interval '1 hour' WHERE report_id = %s",
        (other,),
    )
    _leave(system, other, "1.csv")
    return f"demo/{other}/1.csv"


def test_a_finished_report_keeps_only_its_files(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(formats=["CSV", "PDF"], filters=NONE)
    admin.execute("UPDATE resma.reports SET attempt = 1")
    assert system.work_once()
    own = sorted(system.objects())
    assert own == [f"demo/{report_id}/2.csv", f"demo/{report_id}/2.pdf"]
    _leave(system, report_id, "1.csv", "segment")
    _age(admin, SETTLE_SECONDS + 1)
    assert system.run_scheduler()["swept"] == 1
    assert sorted(system.objects()) == own
    assert system.open_uploads() == []


def test_the_leftovers_of_a_worker_that_was_delayed_for_long_are_swept_too(
    system: System, admin: Connection[TupleRow]
) -> None:
    report_id = system.request_report(format="CSV")
    assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
    _age(admin, SETTLE_SECONDS + 1)
    assert [system.run_scheduler()["swept"] for _ in range(2)] == [1, 0]
    _leave(system, report_id, "1.csv")
    _age(admin, LATEST_SECONDS)
    assert [system.run_scheduler()["swept"] for _ in range(2)] == [1, 0]
    assert system.objects() == []
    assert admin.execute("SELECT swept_at IS NOT NULL FROM resma.reports").fetchone() == (True,), (
        "it is not swept again"
    )


def test_a_store_that_lists_uploads_only_by_whole_keys_is_swept_too(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """MinIO does not find uploads by a prefix."""
    report_id = system.request_report(format="CSV", options={"csv": {"compression": "gzip"}})
    admin.execute("UPDATE resma.reports SET status = 'FAILED', attempt = 3, finished_at = '2026-01-01'")
    _leave(system, report_id, "1.csv.gz", "3.csv.gz")
    s3 = scheduler.app._resources().s3
    list_uploads: Callable[..., Any] = s3.list_multipart_uploads

    def list_by_whole_key(**arguments: Any) -> Any:
        uploads = list_uploads(**arguments).get("Uploads", [])
        return {"Uploads": [upload for upload in uploads if upload["Key"] == arguments["Prefix"]]}

    monkeypatch.setattr(s3, "list_multipart_uploads", list_by_whole_key)
    assert system.run_scheduler()["swept"] == 1
    assert system.open_uploads() == []


@pytest.mark.parametrize("operation", ["list_objects_v2", "delete_objects", "abort_multipart_upload"])
@pytest.mark.parametrize("failure", ["refused", "overloaded", "no answer"])
def test_a_sweep_that_the_store_refuses_is_retried_later(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, failure: str, operation: str
) -> None:
    """One that the store cannot serve now is retried by the next run."""
    report_id = system.request_report(format="CSV")
    admin.execute("UPDATE resma.reports SET status = 'FAILED', attempt = 1, finished_at = '2026-01-01'")
    _leave(system, report_id, "1.csv")
    code, status = ("AccessDenied", 403) if failure == "refused" else ("503", 503)
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def refuse(**_arguments: Any) -> Any:
        if failure == "no answer":
            raise EndpointConnectionError(endpoint_url="http://store")
        raise ClientError(response, operation)

    with monkeypatch.context() as patch:
        patch.setattr(scheduler.app._resources().s3, operation, refuse)
        assert system.run_scheduler()["swept"] == 0
    assert system.objects() or system.open_uploads()
    assert system.run_scheduler()["swept"] == (failure != "refused"), "a refused sweep is retried after a pause"
    _age(admin, 301)
    system.run_scheduler()
    assert (system.objects(), system.open_uploads()) == ([], [])


def test_a_report_that_is_being_redriven_is_not_swept(system: System, admin: Connection[TupleRow]) -> None:
    """A redrive has locked the row, so a sweep skips it."""
    report_id = system.request_report(format="CSV")
    admin.execute("UPDATE resma.reports SET status = 'FAILED', attempt = 1, finished_at = '2026-01-01'")
    _leave(system, report_id, "1.csv")
    with admin.transaction():
        admin.execute("SELECT 1 FROM resma.reports FOR UPDATE")
        assert system.run_scheduler()["swept"] == 0
    assert len(system.objects()) == 1


def test_old_idempotency_keys_are_purged(system: System, admin: Connection[TupleRow]) -> None:
    for key in ("old", "young"):
        body = {"type": "TRANSACTIONS", "format": "CSV"}
        assert system.call_api("POST", "/api/v1/reports/generate", body, {"Idempotency-Key": key})[0] == 202
    admin.execute(
        "UPDATE resma.idempotency_keys SET created_at = created_at - interval '31 days' WHERE idempotency_key = 'old'"
    )
    assert system.run_scheduler()["keys_purged"] == 1
    assert admin.execute("SELECT idempotency_key FROM resma.idempotency_keys").fetchall() == [("young",)]
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (2,)


def test_a_task_that_fails_does_not_stop_the_others_and_is_reported(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def fail(*_arguments: Any) -> int:
        done.append("failed")
        raise DatabaseBusyError("a lock")

    def succeed(*_arguments: Any) -> int:
        done.append("done")
        return 1

    monkeypatch.setattr(scheduler.app, "TASKS", {"first": fail, "second": succeed})
    with pytest.raises(SchedulerRunIncompleteError, match="first"):
        system.run_scheduler()
    assert done == ["failed", "done"]


def test_no_sweep_is_started_without_time(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    report_id = system.request_report(format="CSV")
    admin.execute("UPDATE resma.reports SET status = 'FAILED', attempt = 1, finished_at = '2026-01-01'")
    _leave(system, report_id, "1.csv")
    monkeypatch.setattr(scheduler.app, "SPARE_SECONDS", 61)
    assert system.run_scheduler()["swept"] == 0
    assert len(system.objects()) == 1


def test_two_scheduler_runs_at_once_do_everything_once(system: System, admin: Connection[TupleRow]) -> None:
    """Each run skips the rows that the other has locked."""
    for _ in range(8):
        system.request_report(format="CSV", filters=NONE)
        system.receive()
    ids = [row[0] for row in admin.execute("SELECT report_id FROM resma.reports ORDER BY created_at").fetchall()]
    changes = {
        "status = 'FAILED', attempt = 1, finished_at = '2026-01-01'": ids[:4],
        "status = 'GENERATING', attempt = 1, lease_until = '2026-01-01', created_at = '2026-01-01'": ids[4:6],
        "enqueued_at = NULL, created_at = '2026-01-01'": ids[6:],
    }
    for change, of in changes.items():
        admin.execute(f"UPDATE resma.reports SET {change} WHERE report_id = ANY (%s)".encode(), (of,))
    for report_id in ids[:4]:
        _leave(system, report_id, "1.csv")
    resources = scheduler.app._resources()
    both = [replace(resources, system=Database(os.environ["SYSTEM_SECRET_ARN"], f"run {n}")) for n in range(2)]

    def run_scheduler(resources: SchedulerResources) -> dict[str, int]:
        return {name: task(resources, lambda: True) for name, task in scheduler.app.TASKS.items()}

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(run_scheduler, both))
    for resources in both:
        resources.system.close()
    assert {name: done[0][name] + done[1][name] for name in ("requeued", "sent", "swept")} == {
        "requeued": 2,
        "sent": 4,
        "swept": 4,
    }
    assert system.objects() == []
    assert len(system.receive()) == 4


def test_a_report_that_cannot_be_swept_does_not_block_others(system: System, admin: Connection[TupleRow]) -> None:
    poison, good = _ready(system, "CSV"), _ready(system, "CSV")
    _age(admin, SETTLE_SECONDS + 1)
    admin.execute(
        'UPDATE resma.reports SET options = \'{"of": "another version"}\','
        " finished_at = finished_at - interval '1 hour' WHERE report_id = %s",
        (poison,),
    )
    assert system.run_scheduler()["swept"] == 1
    swept = admin.execute("SELECT report_id FROM resma.reports WHERE swept_at IS NOT NULL").fetchall()
    assert swept == [(good,)]
    assert system.run_scheduler()["swept"] == 0, "it is retried after a pause"


# ---------------------------------------------------------------- several batches


class _LambdaClock:
    """A Lambda context with given remaining times."""

    def __init__(self, *seconds: float) -> None:
        self._left = list(seconds)

    def get_remaining_time_in_millis(self) -> float:
        """Returns the next of the times, and after that always the last one."""
        return (self._left.pop(0) if len(self._left) > 1 else self._left[0]) * 1000


def test_a_scheduler_run_completes_its_tasks_in_short_transactions(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire_reports, "_AT_ONCE", 2)
    monkeypatch.setattr(sweep_leftovers, "MAX_DUE", 2)
    monkeypatch.setattr(sweep_leftovers, "AT_ONCE", 2)
    body = {"type": "TRANSACTIONS", "format": "CSV", "filters": NONE}
    for number in range(5):
        key = {"Idempotency-Key": str(number)}
        assert system.call_api("POST", "/api/v1/reports/generate", body, key)[0] == 202
    while records := system.receive():
        assert all(system.work(record) for record in records)
    assert len(system.objects()) == 5
    admin.execute("UPDATE resma.reports SET expires_at = clock_timestamp()")
    admin.execute("UPDATE resma.idempotency_keys SET created_at = '2020-01-01'")
    _age(admin, SETTLE_SECONDS + 1)
    done = system.run_scheduler()
    assert {name: done[name] for name in ("expired", "keys_purged", "swept")} == dict.fromkeys(
        ("expired", "keys_purged", "swept"), 5
    )
    assert system.objects() == []


def test_the_next_scheduler_run_continues_a_task_without_time(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire_reports, "_AT_ONCE", 2)
    for _ in range(5):
        _ready(system, "CSV")
    admin.execute("UPDATE resma.reports SET expires_at = clock_timestamp()")
    resources = scheduler.app._resources()
    assert expire_reports.expire_reports(resources, lambda: False) == 2
    assert expire_reports.expire_reports(resources, lambda: True) == 3


def test_jobs_that_are_refused_do_not_block_the_others(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (publish_events, send_jobs):
        monkeypatch.setitem(module._VALUES, "batch", 2)
    ids = [str(system.request_report(format="CSV", filters=NONE)) for _ in range(7)]
    system.receive()
    admin.execute("UPDATE resma.reports SET enqueued_at = NULL, created_at = '2026-01-01'")
    resources = scheduler.app._resources()

    def refuse_first(queue: Any, message: Any) -> None:
        if str(message.report_id) == ids[0]:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage")
        send_job(queue, message)

    monkeypatch.setattr(send_jobs, "send_job", refuse_first)
    assert send_jobs.send_unsent_jobs(resources, lambda: True) == 6
    assert {json.loads(record["body"])["report_id"] for record in system.receive()} == set(ids[1:])


def test_a_task_with_a_large_backlog_leaves_time_for_the_others() -> None:
    share = scheduler.app._share_of_time
    is_time_left = share(_LambdaClock(50, 31, 30), is_last=False)  # type: ignore[arg-type]
    assert [is_time_left(), is_time_left()] == [True, False]
    is_time_left = share(_LambdaClock(30, 11, 10), is_last=True)  # type: ignore[arg-type]
    assert [is_time_left(), is_time_left()] == [True, False]
    assert not share(_LambdaClock(9), is_last=False)()  # type: ignore[arg-type]


def test_sweeps_run_in_parallel(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each deletion waits for all the others; one that is refused does not affect them."""
    ids = [system.request_report(format="CSV") for _ in range(clear_store.AT_ONCE)]
    admin.execute("UPDATE resma.reports SET status = 'FAILED', attempt = 1, finished_at = '2026-01-01'")
    for report_id in ids:
        _leave(system, report_id, "1.csv")
    s3 = scheduler.app._resources().s3
    remove: Callable[..., Any] = s3.delete_objects
    together = threading.Barrier(len(ids), timeout=PATIENCE_SECONDS)

    def remove_together(**arguments: Any) -> Any:
        together.wait()
        if str(ids[0]) in arguments["Delete"]["Objects"][0]["Key"]:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteObjects")
        return remove(**arguments)

    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_objects", remove_together)
        assert system.run_scheduler()["swept"] == len(ids) - 1
    assert system.objects() == [f"demo/{ids[0]}/1.csv"]
    due = admin.execute("SELECT report_id, swept_at FROM resma.reports WHERE swept_at IS NULL").fetchall()
    assert due == [(ids[0], None)]
