"""Backfill of a schedule: runs of past times are started once, with the periods that they would have had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from api.schedules.models import BackfillRequest
from api.schedules.run import backfill_schedule
from resma.access.caller import SCOPES, Caller
from resma.database.connection import Database
from resma.encryption.deployment_key import DeploymentKey
from resma.jobs.queue import JobQueue
from resma.jobs.report_rows import Report
from resma.requests.report_request import ReportRequest
from resma.requests.submit import StartedRun, request_report
from resma.schedules.schedule_rows import find_schedule
from tests.support.system import ActAs, System

SCHEDULES = "/api/v1/schedules"
MONTHLY = {
    "name": "monthly",
    "request": {"type": "TRANSACTIONS", "format": "CSV", "filters": {"status": ["BOOKED"]}},
    "when": "monthly",
    "at": "22:30",
    "timeZone": "America/Sao_Paulo",
    "period": "last-month",
}
QUARTER = {"from": "2024-01-01", "to": "2024-03-31"}
TIMES = ["2024-01-02T01:30:00Z", "2024-02-02T01:30:00Z", "2024-03-02T01:30:00Z"]


@pytest.fixture(autouse=True)
def _put_back(admin: Connection[TupleRow]) -> Iterator[None]:
    """Restores keys and the limits of the demo tenant."""
    yield
    admin.execute("DELETE FROM resma.api_keys")
    admin.execute("UPDATE resma.tenants SET live_reports = DEFAULT")


def make(system: System, **said: Any) -> Any:
    """Creates a schedule and returns its path."""
    status, _, body = system.call_api("POST", SCHEDULES, {**MONTHLY, **said})
    assert status == 201, body
    return f"{SCHEDULES}/{body['id']}"


def backfill(system: System, path: str, body: Any) -> Any:
    """Starts a backfill and returns its response."""
    status, _, answer = system.call_api("POST", f"{path}/backfill", body)
    assert status == 200, answer
    return answer


def history(system: System, path: str) -> Any:
    """Returns the runs of a schedule, latest first."""
    return system.call_api("GET", f"{path}/runs")[2]["items"]


def test_runs_of_past_times_have_the_periods_that_they_would_have_had(system: System) -> None:
    """22:30 on the first day of a month is the second day in UTC."""
    path = make(system)
    before = system.call_api("GET", path)[2]
    answer = backfill(system, path, QUARTER)
    assert (answer["started"], answer["stopped"]) == (3, None)
    assert [(run["scheduledFor"], run["from"], run["to"], run["outcome"]) for run in answer["runs"]] == [
        (TIMES[0], "2023-12-01", "2023-12-31", "STARTED"),
        (TIMES[1], "2024-01-01", "2024-01-31", "STARTED"),
        (TIMES[2], "2024-02-01", "2024-02-29", "STARTED"),
    ]
    for run in answer["runs"]:
        report = system.show(UUID(run["reportId"]))
        assert report["filters"] == {"status": ["BOOKED"], "from": run["from"], "to": run["to"]}
        assert (report["timeZone"], report["requestedBy"]) == ("America/Sao_Paulo", "loopback")
    assert len(system.receive()) == 3, "each job was sent"
    recorded = history(system, path)
    assert [run["reportId"] for run in recorded] == [run["reportId"] for run in reversed(answer["runs"])]
    assert {(run["trigger"], run["startedBy"], run["outcome"]) for run in recorded} == {
        ("backfill", "loopback", "STARTED")
    }
    assert system.call_api("GET", path)[2] == {**before, "lastRun": recorded[0]}


def test_a_dry_run_starts_nothing(system: System, admin: Connection[TupleRow]) -> None:
    path = make(system)
    answer = backfill(system, path, {**QUARTER, "dryRun": True})
    assert [(run["scheduledFor"], run["outcome"], run["reportId"]) for run in answer["runs"]] == [
        (time, "NOT_STARTED", None) for time in TIMES
    ]
    assert (answer["started"], answer["stopped"], history(system, path)) == (0, None, [])
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (0,)


def test_runs_that_were_started_are_named_and_not_started_again(system: System) -> None:
    path = make(system)
    first = backfill(system, path, {"from": "2024-02-01", "to": "2024-02-01"})
    assert first["started"] == 1
    second = backfill(system, path, QUARTER)
    assert [run["outcome"] for run in second["runs"]] == ["STARTED", "ALREADY_STARTED", "STARTED"]
    assert second["runs"][1]["reportId"] == first["runs"][0]["reportId"]
    assert backfill(system, path, QUARTER)["started"] == 0
    assert len(history(system, path)) == 3


def test_concurrent_backfills_start_each_run_once(system: System, admin: Connection[TupleRow]) -> None:
    path = make(system)
    caller, queue = Caller("demo", "a test", SCOPES), JobQueue(system.sqs, system.queue_url)
    databases = [Database(os.environ["DATABASE_SECRET_ARN"], f"test {number}") for number in range(4)]

    def start(database: Database) -> int:
        def send(caller: Caller, request: ReportRequest, run: StartedRun) -> Report:
            return request_report(database, queue, caller, request, None, sealing=DeploymentKey("unused"), run=run)[0]

        with database.transaction("demo") as connection:
            schedule = find_schedule(connection, "demo", path.rpartition("/")[2])
        return backfill_schedule(database, schedule, caller, BackfillRequest.model_validate(QUARTER), send).started

    with ThreadPoolExecutor(len(databases)) as threads:
        assert sum(threads.map(start, databases)) == 3
    for database in databases:
        database.close()
    assert admin.execute("SELECT count(*) FROM resma.reports").fetchone() == (3,)
    assert len(history(system, path)) == 3


def test_skipped_and_rejected_runs_can_be_backfilled_and_keep_their_detail(
    system: System, admin: Connection[TupleRow]
) -> None:
    path = make(system)
    admin.execute(
        "INSERT INTO resma.schedule_runs (tenant_id, schedule_id, scheduled_for, outcome, detail)"
        " SELECT tenant_id, schedule_id, %s, 'SKIPPED', 'Misfire: 2 runs skipped.' FROM resma.schedules",
        (TIMES[1],),
    )
    assert backfill(system, path, QUARTER)["started"] == 3
    run = history(system, path)[1]
    assert (run["outcome"], run["trigger"]) == ("STARTED", "backfill")
    assert run["detail"] == "Before the backfill: Misfire: 2 runs skipped."


def test_runs_that_the_scheduler_will_start_are_left_to_it(system: System, admin: Connection[TupleRow]) -> None:
    path = make(system)
    admin.execute("UPDATE resma.schedules SET next_run_at = %(at)s, due_at = %(at)s", {"at": TIMES[1]})
    answer = backfill(system, path, QUARTER)
    assert [run["outcome"] for run in answer["runs"]] == ["STARTED", "DUE", "DUE"]
    assert answer["runs"][1]["reportId"] is None


def test_only_past_runs_before_the_end_of_the_schedule_are_started(system: System) -> None:
    now = datetime.now(UTC)
    path = make(system, when=f"{now + timedelta(minutes=30):%M} * * * *", at=None, timeZone="UTC", period=None)
    today = now.date().isoformat()
    runs = backfill(system, path, {"from": today, "to": "2199-01-01", "dryRun": True})["runs"]
    assert all(datetime.fromisoformat(run["scheduledFor"]) <= now for run in runs)
    assert len(runs) in {now.hour, now.hour + 1}
    ended = make(system, endsAt=(now + timedelta(days=400)).isoformat())
    assert len(backfill(system, ended, {**QUARTER, "dryRun": True})["runs"]) == 3


def test_a_quota_that_is_used_up_ends_the_backfill_which_can_be_repeated(
    system: System, admin: Connection[TupleRow]
) -> None:
    path = make(system)
    admin.execute("UPDATE resma.tenants SET live_reports = 2 WHERE tenant_id = 'demo'")
    answer = backfill(system, path, QUARTER)
    assert [run["outcome"] for run in answer["runs"]] == ["STARTED", "STARTED", "NOT_STARTED"]
    assert (answer["started"], answer["stopped"]["code"]) == (2, "live-reports-quota-exceeded")
    assert answer["stopped"]["retryAfterSeconds"] > 0
    assert len(history(system, path)) == 2
    status, headers, problem = system.call_api("POST", f"{path}/backfill", QUARTER)
    assert (status, problem["type"].rpartition(":")[2]) == (429, "live-reports-quota-exceeded")
    assert int(headers["Retry-After"]) > 0
    for record in system.receive():
        assert system.work(record)
    assert backfill(system, path, QUARTER)["started"] == 1


def test_a_backfill_ends_in_time_and_can_be_repeated(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(system)
    with monkeypatch.context() as patch:
        patch.setattr("api.schedules.run.MAX_SECONDS", 0.0)
        answer = backfill(system, path, QUARTER)
    assert [run["outcome"] for run in answer["runs"]] == ["NOT_STARTED"] * 3
    assert (answer["started"], answer["stopped"]["code"]) == (0, "time-limit-reached")
    assert backfill(system, path, QUARTER)["started"] == 3


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"from": "2024-03-01", "to": "2024-02-29"}, ["/to"]),
        ({"from": "2999-01-01", "to": "2998-01-01"}, ["/from", "/to"]),
        ({"from": "0001-01-01", "to": "2024-01-01"}, ["/from"]),
        ({"from": "2024-02-30", "to": 20240101}, ["/from", "/to"]),
        ({"from": "2024-01-01T00:00:00Z"}, ["/from", "/to"]),
        ({"from": "1980-01-01", "to": "2024-01-01"}, ["/to"]),
        ({**QUARTER, "dryRun": "yes"}, ["/dryRun"]),
    ],
)
def test_invalid_ranges_are_rejected(system: System, body: Any, pointers: list[str]) -> None:
    status, _, problem = system.call_api("POST", f"{make(system)}/backfill", body)
    assert (status, sorted(error["pointer"] for error in problem["errors"])) == (422, sorted(pointers))


def test_the_last_day_of_a_calendar_is_no_error(system: System) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    answer = backfill(system, make(system), {"from": yesterday.isoformat(), "to": "9999-12-31"})
    assert answer["started"] <= 1


def test_a_backfill_needs_the_scopes_of_a_run(system: System, as_tenant: ActAs) -> None:
    path = make(system)
    for scopes in (("reports:write",), ("schedules:manage",)):
        assert system.call_with(system.make_key(*scopes), "POST", f"{path}/backfill", QUARTER)[0] == 403
    key = system.make_key("schedules:manage", "reports:write", "reports:read", name="the operator")
    assert system.call_with(key, "POST", f"{path}/backfill", QUARTER)[0] == 200
    assert {run["startedByName"] for run in history(system, path)} == {"the operator"}
    as_tenant("other")
    assert system.call_api("POST", f"{path}/backfill", QUARTER)[0] == 404


def test_a_run_whose_report_is_skipped_is_skipped_in_the_history(system: System, admin: Connection[TupleRow]) -> None:
    request = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}
    path = make(system, period=None, request={**request, "onlyIf": {"rows": {"min": 1}}})
    admin.execute("UPDATE resma.schedules SET next_run_at = %(at)s, due_at = %(at)s", {"at": TIMES[2]})
    assert system.run_scheduler()["started"] == 1
    assert system.work_once()
    run = history(system, path)[0]
    detail = "The data have 0 rows, and `onlyIf` has a minimum of 1."
    assert (run["outcome"], run["trigger"]) == ("SKIPPED", "schedule")
    assert run["detail"].endswith(detail), "after the detail of the misfire"
    assert system.show(UUID(run["reportId"]))["status"] == "SKIPPED"


def test_changes_are_compared_with_the_last_report_of_the_same_schedule(system: System) -> None:
    request = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01", "to": "2024-01-31"}}
    paths = [make(system, period=None, request={**request, "onlyIf": {"changed": True}}) for _ in range(2)]
    statuses = []
    for path in (paths[0], paths[0], paths[1], paths[1]):
        report = system.call_api("POST", f"{path}/run")[2]
        assert system.work_once()
        statuses.append(system.show(UUID(report["id"]))["status"])
    assert statuses == ["READY", "SKIPPED", "READY", "SKIPPED"]
    assert [run["outcome"] for run in history(system, paths[0])] == ["SKIPPED", "STARTED"]
