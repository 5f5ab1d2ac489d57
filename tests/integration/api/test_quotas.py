"""Quotas of a tenant: requests per second, reports in progress, rows and files per day, also of concurrent requests."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.quotas import consume_request, count_files, count_rows, release_unused_quota, require_quota
from resma.database.connection import Database
from resma.errors import FilesQuotaExceededError, FormatLimitError, LeaseLostError
from resma.jobs.claim import claim_job
from resma.jobs.report_rows import NewReport, insert_report
from resma.request_errors import QuotaExceededError
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.system import ROWS, System

GENERATE = "/api/v1/reports/generate"
GOOD = {"type": "TRANSACTIONS", "format": "CSV"}


@pytest.fixture(autouse=True)
def tenant(admin: Connection[TupleRow]) -> Iterator[None]:
    """Restores the limits of the demo tenant after a test."""
    yield
    admin.execute(
        "UPDATE resma.tenants SET requests_per_second = DEFAULT, requests_burst = DEFAULT, live_reports = DEFAULT,"
        " rows_per_day = DEFAULT, files_per_day = DEFAULT"
    )
    admin.execute("DELETE FROM resma.request_buckets")
    admin.execute("DELETE FROM resma.row_counts")
    admin.execute("DELETE FROM resma.api_keys")


def set_seconds_until_full(admin: Connection[TupleRow], seconds: int) -> None:
    """Sets how long a bucket takes until it is full again, so that it does not matter how long the test takes."""
    admin.execute("UPDATE resma.request_buckets SET full_at = clock_timestamp() + make_interval(secs => %s)", [seconds])


def list_reports(system: System) -> int:
    """Sends a request and returns the status of the response."""
    return system.call_api("GET", "/api/v1/reports")[0]


def test_requests_are_limited_by_a_token_bucket(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("UPDATE resma.tenants SET requests_per_second = 1, requests_burst = 3")
    assert [list_reports(system) for _ in range(3)] == [200, 200, 200]
    set_seconds_until_full(admin, 1000)
    status, headers, problem = system.call_api("GET", "/api/v1/reports")
    assert (status, problem["type"]) == (429, "urn:resma:problem:requests-quota-exceeded")
    assert 900 < int(headers["Retry-After"]) <= 1000 + 1 - 3, "until there is room for one more"
    set_seconds_until_full(admin, 2)
    assert list_reports(system) == 200, "one of three is left"


def test_a_bucket_allows_one_burst(system: System, admin: Connection[TupleRow]) -> None:
    """All requests are in one statement, so that the bucket is not refilled in between."""
    admin.execute("UPDATE resma.tenants SET requests_per_second = 1, requests_burst = 3")
    waits = admin.execute("SELECT resma.take_request('demo') FROM generate_series(1, 5)").fetchall()
    assert [wait == 0 for (wait,) in waits] == [True, True, True, False, False]
    assert 0 < waits[-1][0] <= 1


def test_only_valid_keys_use_up_the_bucket(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("UPDATE resma.tenants SET requests_per_second = 1, requests_burst = 2")
    key = system.make_key("reports:read")
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert {system.call_with(wrong, "GET", "/api/v1/reports")[0] for _ in range(5)} == {401}
    assert [system.call_with(key, "GET", "/api/v1/reports")[0] for _ in range(2)] == [200, 200]
    set_seconds_until_full(admin, 1000)
    assert system.call_with(key, "GET", "/api/v1/reports")[0] == 429


def test_buckets_limit_concurrent_requests(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("UPDATE resma.tenants SET requests_per_second = 1, requests_burst = 10")
    databases = [Database(_secret(), f"test-{number}") for number in range(8)]
    started = time.monotonic()
    try:
        with ThreadPoolExecutor(len(databases)) as pool:
            waits = list(pool.map(lambda n: consume_request(databases[n % 8], "demo"), range(80)))
    finally:
        for database in databases:
            database.close()
    seconds = math.ceil(time.monotonic() - started)
    assert 10 <= waits.count(0) <= 10 + seconds, "ten, and one more for each second that this took"


def test_each_tenant_has_its_own_bucket(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("INSERT INTO resma.tenants (tenant_id, name) VALUES ('other', 'Other') ON CONFLICT DO NOTHING")
    admin.execute("UPDATE resma.tenants SET requests_per_second = 1, requests_burst = 1")
    key = system.make_key("reports:read", tenant="other")
    assert list_reports(system) == 200
    set_seconds_until_full(admin, 1000)
    assert list_reports(system) == 429
    assert system.call_with(key, "GET", "/api/v1/reports")[0] == 200


def test_reports_in_progress_are_limited_and_rejected_requests_store_nothing(
    system: System, admin: Connection[TupleRow]
) -> None:
    admin.execute("UPDATE resma.tenants SET live_reports = 2")
    keys = [{"Idempotency-Key": f"k{number}"} for number in range(3)]
    answers = [system.call_api("POST", GENERATE, GOOD, headers) for headers in keys]
    assert [status for status, _, _ in answers] == [202, 202, 429]
    _, headers, problem = answers[2]
    assert problem["type"] == "urn:resma:problem:live-reports-quota-exceeded"
    assert int(headers["Retry-After"]) > 0
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchall() == [(2,)]
    # An accepted request is answered again, and a report that has ended does not count.
    assert system.call_api("POST", GENERATE, GOOD, keys[0])[0] == 202
    assert system.work(system.receive()[0])
    assert system.call_api("POST", GENERATE, GOOD, keys[2])[0] == 202


def test_fifty_concurrent_requests_do_not_exceed_the_limit(system: System, admin: Connection[TupleRow]) -> None:
    """All transactions are open before the first one counts the reports."""
    from uuid import uuid4

    admin.execute("UPDATE resma.tenants SET live_reports = 7")
    databases = [Database(_secret(), f"test-{number}") for number in range(50)]
    ready = threading.Barrier(50, timeout=PATIENCE_SECONDS)

    def ask(database: Database) -> str:
        new = NewReport(
            tenant_id="demo",
            report_id=uuid4(),
            type="TRANSACTIONS",
            formats=["CSV"],
            filters={},
            columns=None,
            locale="en-US",
            time_zone="UTC",
            title=None,
            options={},
            personal_masked=True,
            callback_url=None,
            request_sha256="x",
            requested_by="loopback",
        )
        try:
            with database.transaction("demo") as connection:
                insert_report(connection, new)
                ready.wait()
                require_quota(connection, "demo")
        except QuotaExceededError as error:
            return error.code
        return "accepted"

    try:
        with ThreadPoolExecutor(50) as pool:
            outcomes = Counter(pool.map(ask, databases))
    finally:
        for database in databases:
            database.close()
    assert outcomes == {"accepted": 7, "live-reports-quota-exceeded": 43}
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchall() == [(7,)]


def seconds_until_midnight(admin: Connection[TupleRow]) -> float:
    """Returns the seconds until the next midnight of the database in UTC."""
    ((seconds,),) = admin.execute(
        "SELECT extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day'"
        " - now() AT TIME ZONE 'UTC')::float8"
    ).fetchall()
    return float(seconds)


@pytest.mark.usefixtures("far_from_midnight")
def test_rows_per_day_fail_a_report_permanently_and_reject_later_ones(
    system: System, admin: Connection[TupleRow]
) -> None:
    admin.execute("UPDATE resma.tenants SET rows_per_day = %s", [ROWS + 10])
    first, second = system.request_report(format="CSV"), system.request_report(format="CSV")
    while records := system.receive():
        assert [system.work(record) for record in records] == [True] * len(records)
    assert (system.show(first)["status"], system.show(second)["status"]) == ("READY", "FAILED")
    error = system.show(second)["error"]
    assert error["code"] == "rows-quota-exceeded"
    assert "midnight" in error["detail"]
    assert len(system.objects()) == 1
    assert system.open_uploads() == []
    # Ten more rows are allowed, so a small report is generated. After that, all are rejected.
    small = system.request_report(
        type="ACCOUNT_STATEMENT", format="CSV", filters={"account": "nobody", "from": "2024-01-01"}
    )
    assert system.work_once()
    assert system.show(small)["status"] == "READY"
    admin.execute("UPDATE resma.row_counts SET rows = %s", [ROWS + 10])
    before = seconds_until_midnight(admin)
    status, headers, problem = system.call_api("POST", GENERATE, GOOD)
    assert (status, problem["type"]) == (429, "urn:resma:problem:rows-quota-exceeded")
    assert seconds_until_midnight(admin) - 1 < int(headers["Retry-After"]) < before + 1
    # Rows of yesterday do not count.
    admin.execute("UPDATE resma.row_counts SET day = day - 1")
    assert system.call_api("POST", GENERATE, GOOD)[0] == 202


def test_rows_of_a_retried_report_count_once(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.file_set import FilesInProgress

    def break_off(*_: object) -> int:
        raise psycopg.errors.LockNotAvailable("lost")

    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    with monkeypatch.context() as broken:
        broken.setattr(FilesInProgress, "write_rows", break_off)
        assert not system.work(record)
    assert system.work(record)
    assert system.show(report_id)["attempt"] == 2
    assert admin.execute("SELECT rows FROM resma.row_counts").fetchall() == [(ROWS,)]


def _counted(admin: Connection[TupleRow]) -> int:
    ((rows,),) = admin.execute("SELECT coalesce(sum(rows), 0)::int FROM resma.row_counts").fetchall()
    return int(rows)


def test_rows_that_a_cancelled_report_has_read_count(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _counted(admin)
    report_id = system.request_report(format="CSV")
    during: list[int] = []

    def cancel(*_: object) -> bool:
        during.append(_counted(admin) - before)
        code, _headers, body = system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")
        assert (code, body["status"]) == (200, "CANCELLED")
        raise LeaseLostError("cancelled")

    monkeypatch.setattr("worker.attempt._Supervisor.__call__", cancel)
    (record,) = system.receive()
    system.work(record)
    assert system.show(report_id)["status"] == "CANCELLED"
    assert during == [ROWS], "the quota holds before a row is read"
    assert _counted(admin) == before, "no progress was recorded: none was read"


def test_rows_that_a_failed_report_has_read_count(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _counted(admin)
    report_id = system.request_report(format="CSV")

    def fail(supervisor: Any, rows: int) -> bool:
        admin.execute("UPDATE resma.reports SET rows_done = %s", [rows])
        raise FormatLimitError("no")

    monkeypatch.setattr("worker.attempt._Supervisor.__call__", fail)
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["progress"]["rowsDone"]) == ("FAILED", 100)
    assert _counted(admin) == before + 100


def test_a_report_that_the_scheduler_fails_releases_its_rows_once(system: System, admin: Connection[TupleRow]) -> None:
    before = _counted(admin)
    report_id = system.request_report(format="CSV")
    assert system.work_once()
    assert _counted(admin) == before + ROWS
    admin.execute("UPDATE resma.reports SET status = 'FAILED', error_code = 'internal', rows_done = 40, files = NULL")
    database = Database(os.environ["SYSTEM_SECRET_ARN"], "test")
    for _ in range(2):
        with database.transaction(None) as connection:
            release_unused_quota(connection, "demo", report_id)
    database.close()
    assert _counted(admin) == before + 40


SPLIT = {"type": "ACCOUNT_STATEMENT", "formats": ["CSV", "PDF"], "splitBy": ["account"]}


def _files(admin: Connection[TupleRow]) -> int:
    ((files,),) = admin.execute("SELECT coalesce(sum(files), 0)::int FROM resma.row_counts").fetchall()
    return int(files)


@pytest.mark.usefixtures("far_from_midnight")
def test_files_per_day_reject_split_reports_only(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("UPDATE resma.tenants SET files_per_day = 10")
    admin.execute("INSERT INTO resma.row_counts VALUES ('demo', (clock_timestamp() AT TIME ZONE 'UTC')::date, 0, 9)")
    assert system.call_api("POST", GENERATE, SPLIT)[0] == 202
    admin.execute("UPDATE resma.row_counts SET files = 10")
    before = seconds_until_midnight(admin)
    status, headers, problem = system.call_api("POST", GENERATE, SPLIT)
    assert (status, problem["type"]) == (429, "urn:resma:problem:files-quota-exceeded")
    assert problem["detail"] == (
        "Today's split reports have 10 files, and your limit is 10 per day. Try again after midnight UTC."
    )
    assert seconds_until_midnight(admin) - 1 < int(headers["Retry-After"]) < before + 1
    assert system.call_api("POST", GENERATE, GOOD)[0] == 202
    admin.execute("UPDATE resma.row_counts SET day = day - 1")
    assert system.call_api("POST", GENERATE, SPLIT)[0] == 202


@pytest.mark.usefixtures("far_from_midnight")
def test_files_of_a_split_report_count_once_and_are_released_if_they_are_not_made(
    system: System, admin: Connection[TupleRow]
) -> None:
    admin.execute("UPDATE resma.tenants SET files_per_day = 100")
    report_id = UUID(system.call_api("POST", GENERATE, SPLIT)[2]["id"])
    database = Database(_secret(), "test")
    with database.transaction("demo") as connection:
        claim = claim_job(connection, "demo", report_id)
        assert claim is not None
        count_files(connection, claim, 60)
        count_rows(connection, claim, 1000)
    with database.transaction("demo") as connection:
        count_files(connection, claim, 60)
    assert (_files(admin), _counted(admin)) == (60, 1000)
    with (
        pytest.raises(FilesQuotaExceededError, match=r"has 101 files, .* of your limit of 100 files per day"),
        database.transaction("demo") as connection,
    ):
        count_files(connection, claim, 101)
    assert _files(admin) == 60
    admin.execute("UPDATE resma.reports SET keys_done = 20, rows_done = 300")
    for _ in range(2):
        with database.transaction("demo") as connection:
            release_unused_quota(connection, "demo", report_id)
    assert (_files(admin), _counted(admin)) == (40, 300)
    # The rest of the report is counted if it is retried.
    with database.transaction("demo") as connection:
        count_files(connection, claim, 60)
    assert _files(admin) == 60
    database.close()


def _secret() -> str:
    import os

    return os.environ["DATABASE_SECRET_ARN"]
