"""Runs of schedules: each due run is started once, also by concurrent or interrupted scheduler runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import api.app
import scheduler.app
from resma.access.caller import Caller, Scope
from resma.database.connection import Database
from resma.errors import DatabaseUnavailableError
from resma.schedules.owners import TOKEN_DAYS
from resma.schedules.schedule_rows import record_run
from scheduler import start_due_schedules as task
from scheduler.misfires import LATE, plan_run
from tests.support.embedded_metrics import read_metrics, total_of
from tests.support.system import System

SCHEDULES = "/api/v1/schedules"
REQUEST = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2030-01-01"}}
MINUTE = timedelta(minutes=1)
TIME = datetime.now(UTC).replace(second=0, microsecond=0) - 30 * MINUTE
"""Daily schedule at the time half an hour ago, so that no run becomes due while the tests run."""
WHEN = f"{TIME:%M %H} * * *"
DAILY = {"name": "by the day", "request": REQUEST, "when": WHEN}


@pytest.fixture(autouse=True)
def _put_back(admin: Connection[TupleRow]) -> Iterator[None]:
    """Restores keys and the limits of the demo tenant."""
    yield
    admin.execute("DELETE FROM resma.api_keys")
    admin.execute("DELETE FROM resma.row_counts")
    admin.execute("UPDATE resma.tenants SET live_reports = DEFAULT, rows_per_day = DEFAULT")


def make(system: System, key: str | None = None, **said: Any) -> str:
    """Creates a schedule and returns its id."""
    ask: Callable[..., Any] = system.call_api if key is None else lambda *what: system.call_with(key, *what)
    status, _, body = ask("POST", SCHEDULES, {**DAILY, **said})
    assert status == 201, body
    return str(body["id"])


def show(system: System, schedule_id: str) -> Any:
    """Returns the schedule."""
    status, _, body = system.call_api("GET", f"{SCHEDULES}/{schedule_id}")
    assert status == 200, body
    return body


def change(system: System, schedule_id: str, **said: Any) -> Any:
    """Changes the schedule and returns it."""
    status, _, body = system.call_api("PATCH", f"{SCHEDULES}/{schedule_id}", said)
    assert status == 200, body
    return body


def history(system: System, schedule_id: str) -> Any:
    """Returns the runs of a schedule, latest first."""
    return system.call_api("GET", f"{SCHEDULES}/{schedule_id}/runs")[2]["items"]


def outcomes(system: System, schedule_id: str) -> list[tuple[str, str]]:
    """Returns times and outcomes of the runs, earliest first."""
    return [(run["scheduledFor"], run["outcome"]) for run in reversed(history(system, schedule_id))]


def set_due(admin: Connection[TupleRow], schedule_id: str, at: datetime) -> None:
    """Sets the time of the next run, as if the scheduler had not run since before."""
    admin.execute(
        "UPDATE resma.schedules SET next_run_at = %s, due_at = %s WHERE schedule_id = %s", (at, at, schedule_id)
    )


def last_minute() -> datetime:
    """Returns the previous minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - MINUTE


def last_time(days: int = 0) -> datetime:
    """Returns the last time of `DAILY`, or one that many days earlier; -1 is the next time."""
    return TIME - timedelta(days=days)


def text(timestamp: datetime) -> str:
    """Returns the timestamp in the form of the API."""
    return timestamp.isoformat().replace("+00:00", "Z")


def reports(admin: Connection[TupleRow]) -> int:
    """Returns the number of reports."""
    row = admin.execute("SELECT count(*) FROM resma.reports").fetchone()
    assert row is not None
    return int(row[0])


# ---------------------------------------------------------------- started, once


def test_a_due_run_starts_its_report(system: System, admin: Connection[TupleRow]) -> None:
    make(system)
    assert system.run_scheduler()["started"] == 0, "its time has passed for today"
    schedule_id, at = make(system, when="* * * * *"), last_minute()
    set_due(admin, schedule_id, at)
    started = system.run_scheduler()["started"]
    assert 1 <= started <= 3  # the run of this minute, and that of the next one if it has just started
    shown = show(system, schedule_id)
    first = history(system, schedule_id)[-1]
    assert (first["scheduledFor"], first["outcome"], first["detail"]) == (text(at), "STARTED", None)
    report = system.show(UUID(first["reportId"]))
    assert (report["requestedBy"], report["requestedByName"]) == (f"schedule:{schedule_id}", "by the day")
    assert datetime.fromisoformat(shown["nextRunAt"]) > at
    assert shown["lastRun"] == history(system, schedule_id)[0]
    for record in system.receive():
        assert system.work(record)
    assert system.show(UUID(first["reportId"]))["status"] == "READY"


def test_the_period_is_relative_to_the_scheduled_time(system: System, admin: Connection[TupleRow]) -> None:
    """The run is days late, on another day in UTC than in the time zone of the schedule."""
    request = {"type": "TRANSACTIONS", "format": "CSV", "filters": {"status": ["BOOKED"]}}
    zone = "America/Sao_Paulo"
    schedule_id = make(system, when="daily", at="22:30", timeZone=zone, period="last-month", request=request)
    # 29 February, 22:30 in the time zone of the schedule, and 1 March, 01:30 in UTC.
    set_due(admin, schedule_id, datetime(2024, 3, 1, 1, 30, tzinfo=UTC))
    change(system, schedule_id, misfirePolicy="run-all")
    assert system.run_scheduler()["started"] == task.RUNS_PER_SCHEDULER_RUN
    first = system.show(UUID(history(system, schedule_id)[-1]["reportId"]))
    assert first["filters"] == {"status": ["BOOKED"], "from": "2024-01-01", "to": "2024-01-31"}
    assert first["timeZone"] == zone, "the request names none"
    second = system.show(UUID(history(system, schedule_id)[-2]["reportId"]))
    assert second["filters"]["from"] == "2024-02-01"


@pytest.mark.parametrize(("week_starts_on", "weekday"), [(None, 6), ("monday", 0), ("saturday", 5)])
def test_a_run_uses_the_first_day_of_the_week_of_its_schedule(
    system: System, admin: Connection[TupleRow], week_starts_on: str | None, weekday: int
) -> None:
    """Sunday by default, because the locale of the request is en-US."""
    request = {"type": "TRANSACTIONS", "format": "CSV"}
    schedule = make(system, when="* * * * *", request=request, period="last-week", weekStartsOn=week_starts_on)
    set_due(admin, schedule, last_minute())
    system.run_scheduler()
    filters = system.show(show(system, schedule)["lastRun"]["reportId"])["filters"]
    first, last = date.fromisoformat(filters["from"]), date.fromisoformat(filters["to"])
    assert (first.weekday(), last - first) == (weekday, timedelta(days=6))


def test_concurrent_scheduler_runs_start_a_run_once(system: System, admin: Connection[TupleRow]) -> None:
    at = last_time()
    ids = [make(system, misfirePolicy="run-all") for _ in range(8)]
    for schedule_id in ids:
        set_due(admin, schedule_id, at)
    resources = scheduler.app._resources()
    secret = os.environ["SYSTEM_SECRET_ARN"]
    several = [replace(resources, system=Database(secret, f"scheduler {n}")) for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(lambda kept: task.start_due_schedules(kept, lambda: True), several))
    for kept in several:
        kept.system.close()
    assert sum(started) == 8
    assert reports(admin) == 8
    assert [outcomes(system, schedule_id) for schedule_id in ids] == [[(text(at), "STARTED")]] * 8


def test_a_time_that_is_due_again_is_not_run_again(system: System, admin: Connection[TupleRow]) -> None:
    """The due time was set back by a wrong clock or an operator."""
    schedule_id = make(system, misfirePolicy="run-all")
    for started in (1, 0):
        set_due(admin, schedule_id, last_time())
        assert system.run_scheduler()["started"] == started
    assert outcomes(system, schedule_id) == [(text(last_time()), "STARTED")]
    assert show(system, schedule_id)["nextRunAt"] == text(last_time(-1))


def test_a_time_that_is_due_again_is_not_skipped_again(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time(1))
    assert system.run_scheduler()["started"] == 2
    admin.execute("DELETE FROM resma.schedule_runs WHERE scheduled_for = %s", (last_time(),))
    change(system, schedule_id, misfirePolicy="run-once")
    set_due(admin, schedule_id, last_time(3))
    assert system.run_scheduler()["started"] == 1
    assert outcomes(system, schedule_id) == [(text(last_time(1)), "STARTED"), (text(last_time()), "STARTED")]


@pytest.mark.parametrize("hours", [-1, 1])
def test_changed_rules_of_a_time_zone_move_the_run(system: System, admin: Connection[TupleRow], hours: int) -> None:
    """The due time was calculated by earlier rules, which differ by an hour."""
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time(1) + timedelta(hours=hours))
    assert system.run_scheduler()["started"] == 2
    assert outcomes(system, schedule_id) == [(text(last_time(days)), "STARTED") for days in (1, 0)]


def test_a_run_that_would_be_early_waits(system: System, admin: Connection[TupleRow]) -> None:
    coming = datetime.now(UTC).replace(second=0, microsecond=0) + 30 * MINUTE
    schedule_id = make(system, when=f"{coming:%M %H} * * *")
    set_due(admin, schedule_id, coming - timedelta(hours=1))
    assert (system.run_scheduler()["started"], show(system, schedule_id)["nextRunAt"]) == (0, text(coming))
    assert history(system, schedule_id) == []


class KilledError(BaseException):
    """Exception that no code catches, like a kill signal."""


@pytest.mark.parametrize("where", ["admit_report", "record_run", "update_schedule", "send_jobs"])
def test_the_next_scheduler_run_completes_one_that_was_killed(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    schedule_id, at = make(system, misfirePolicy="run-all"), last_time()
    set_due(admin, schedule_id, at)
    step = getattr(task, where)

    def die(*arguments: Any, **named: Any) -> Any:
        step(*arguments, **named) if where != "send_jobs" else None
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(task, where, die)
        with pytest.raises(KilledError):
            system.run_scheduler()
    is_written = where == "send_jobs"
    assert reports(admin) == is_written
    assert len(history(system, schedule_id)) == is_written
    admin.execute("UPDATE resma.reports SET created_at = created_at - interval '1 minute'")
    system.run_scheduler()
    assert outcomes(system, schedule_id) == [(text(at), "STARTED")]
    assert (reports(admin), len(system.receive())) == (1, 1)


def test_a_connection_that_is_lost_in_a_transaction_stores_nothing(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time())
    step = record_run

    def cut_off(connection: Connection[TupleRow], *arguments: Any) -> None:
        step(connection, *arguments)
        admin.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))

    with monkeypatch.context() as patch:
        patch.setattr(task, "record_run", cut_off)
        with pytest.raises(DatabaseUnavailableError):
            task.start_due_schedules(scheduler.app._resources(), lambda: True)
    assert (reports(admin), history(system, schedule_id)) == (0, [])
    assert system.run_scheduler()["started"] == 1


def test_a_schedule_with_an_error_does_not_delay_others(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, good = make(system, misfirePolicy="run-all"), make(system, misfirePolicy="run-all")
    set_due(admin, poison, last_time(1))
    set_due(admin, good, last_time())
    plan = plan_run

    def stumble(schedule: Any, now: datetime) -> Any:
        if schedule.schedule_id == poison:
            raise RuntimeError("of our own making")
        return plan(schedule, now)

    monkeypatch.setattr(task, "plan_run", stumble)
    assert system.run_scheduler()["started"] == 1
    assert outcomes(system, good) == [(text(last_time()), "STARTED")]
    assert show(system, poison)["status"] == "ACTIVE"
    assert system.run_scheduler()["started"] == 0, "and it is not looked at again for a while"


def test_without_remaining_time_no_run_is_started(system: System, admin: Connection[TupleRow]) -> None:
    set_due(admin, make(system), last_time())
    assert task.start_due_schedules(scheduler.app._resources(), lambda: False) == 0
    assert reports(admin) == 0


# ---------------------------------------------------------------- misfires


def test_skip_does_not_start_misfires(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, misfirePolicy="skip")
    set_due(admin, schedule_id, last_time(5))
    assert system.run_scheduler()["started"] == 0
    (skipped,) = history(system, schedule_id)
    assert (skipped["outcome"], skipped["scheduledFor"]) == ("SKIPPED", text(last_time()))
    assert skipped["detail"].startswith(f"Misfire: 6 runs from {last_time(5):%Y-%m-%d %H:%M} UTC")
    assert show(system, schedule_id)["nextRunAt"] == text(last_time(-1))


def test_skip_starts_runs_that_are_a_few_minutes_late(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id, at = make(system, when="* * * * *", misfirePolicy="skip"), last_minute()
    set_due(admin, schedule_id, at)
    system.run_scheduler()
    assert outcomes(system, schedule_id)[0] == (text(at), "STARTED")


def test_run_once_runs_only_the_latest_misfire(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, misfirePolicy="run-once")
    set_due(admin, schedule_id, last_time(5))
    assert system.run_scheduler()["started"] == 1
    assert outcomes(system, schedule_id) == [(text(last_time(1)), "SKIPPED"), (text(last_time()), "STARTED")]
    assert history(system, schedule_id)[1]["detail"].startswith(f"Misfire: 5 runs from {last_time(5):%Y-%m-%d %H:%M}")
    assert system.run_scheduler()["started"] == 0


def test_run_all_runs_each_misfire_in_order_in_several_scheduler_runs(
    system: System, admin: Connection[TupleRow]
) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time(13))
    assert system.run_scheduler()["started"] == task.RUNS_PER_SCHEDULER_RUN
    assert system.run_scheduler()["started"] == 0, "the next scheduler run is at another time"
    admin.execute("UPDATE resma.schedules SET due_at = next_run_at")
    assert system.run_scheduler()["started"] == 14 - task.RUNS_PER_SCHEDULER_RUN
    assert outcomes(system, schedule_id) == [(text(last_time(13 - n)), "STARTED") for n in range(14)]
    assert history(system, schedule_id)[-1]["detail"].startswith("Misfire: the run started late, at ")


@pytest.mark.parametrize(("policy", "max_started"), [("skip", 12), ("run-once", 2), ("run-all", 10)])
def test_a_million_misfires_cause_little_load(
    system: System, admin: Connection[TupleRow], policy: str, max_started: int
) -> None:
    """A million misfires are neither started nor counted one by one."""
    schedule_id = make(system, when="* * * * *", misfirePolicy=policy)
    set_due(admin, schedule_id, datetime(2024, 1, 1, tzinfo=UTC))
    assert 1 <= system.run_scheduler()["started"] <= max_started
    shown = history(system, schedule_id)
    assert len(shown) <= max_started + 1
    if policy != "run-all":
        assert "more than 1000 runs from 2024-01-01 00:00 UTC" in shown[-1]["detail"]
        assert datetime.fromisoformat(show(system, schedule_id)["nextRunAt"]) > datetime.now(UTC) - LATE


def test_many_schedules_are_all_started_and_tenants_take_turns(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time())
    admin.execute("INSERT INTO resma.tenants VALUES ('other', 'Other Bank') ON CONFLICT DO NOTHING")
    copy = (
        "INSERT INTO resma.schedules SELECT (jsonb_populate_record(s, jsonb_build_object('tenant_id', %s::text,"
        " 'schedule_id', 'sch_' || lpad(to_hex(n), 32, '0')))).* FROM resma.schedules AS s,"
        " generate_series(1, %s) AS n WHERE s.schedule_id = %s"
    )
    admin.execute(copy, ("demo", 59, schedule_id))
    admin.execute(copy, ("other", 1, schedule_id))
    monkeypatch.setattr(task, "MAX_STARTS", 2)
    assert system.run_scheduler()["started"] == 2
    started = admin.execute("SELECT tenant_id FROM resma.schedule_runs ORDER BY 1").fetchall()
    assert started == [("demo",), ("other",)]
    monkeypatch.setattr(task, "MAX_STARTS", 1000)
    monkeypatch.setattr(task, "BATCH", 7)
    assert system.run_scheduler()["started"] == 59
    for table in ("reports", "schedules", "tenants"):
        admin.execute(f"DELETE FROM resma.{table} WHERE tenant_id = 'other'".encode())


# ---------------------------------------------------------------- paused, ended, changed, deleted


def test_runs_during_a_pause_are_not_caught_up(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time(3))
    change(system, schedule_id, paused=True)
    assert system.run_scheduler()["started"] == 0
    assert change(system, schedule_id, paused=False)["nextRunAt"] == text(last_time(-1))
    assert system.run_scheduler()["started"] == 0
    assert history(system, schedule_id) == []


def test_a_schedule_ends_with_its_last_run(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, endsAt="2150-01-01T00:00:00Z")
    set_due(admin, schedule_id, last_time(4))
    admin.execute("UPDATE resma.schedules SET ends_at = %s", (last_time(2),))
    assert system.run_scheduler()["started"] == 1
    assert outcomes(system, schedule_id)[-1] == (text(last_time(2)), "STARTED"), "the last one before its end"
    shown = show(system, schedule_id)
    assert (shown["status"], shown["nextRunAt"]) == ("ENDED", None)
    assert "endsAt" in shown["statusDetail"]
    assert system.run_scheduler()["started"] == 0
    assert system.call_api("GET", f"{SCHEDULES}/{schedule_id}/preview")[2] == {"runs": []}


def test_a_change_of_a_due_schedule(system: System, admin: Connection[TupleRow]) -> None:
    """A new name keeps the run due. A new time replaces it."""
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time())
    assert change(system, schedule_id, name="another", when=WHEN)["nextRunAt"] == text(last_time())
    assert change(system, schedule_id, when="30 4 1 1 *")["nextRunAt"] > text(datetime.now(UTC))
    assert system.run_scheduler()["started"] == 0


def test_a_schedule_that_is_deleted_while_it_is_due_is_not_run(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = make(system)
    set_due(admin, schedule_id, last_time())
    lock = task._lock_due

    def delete_first(*arguments: Any) -> Any:
        admin.execute("DELETE FROM resma.schedules WHERE schedule_id = %s", (schedule_id,))
        return lock(*arguments)

    monkeypatch.setattr(task, "_lock_due", delete_first)
    assert system.run_scheduler()["started"] == 0
    assert reports(admin) == 0


def test_a_change_waits_for_a_concurrent_scheduler_run(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change waits while the scheduler has locked the row, and is then applied to the result of the scheduler."""
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time())
    step, answers = record_run, []
    with ThreadPoolExecutor(1) as threads:

        def change_meanwhile(connection: Connection[TupleRow], *arguments: Any) -> None:
            step(connection, *arguments)
            answers.append(threads.submit(change, system, schedule_id, name="at once"))
            _await_waiter(admin)

        monkeypatch.setattr(task, "record_run", change_meanwhile)
        assert system.run_scheduler()["started"] == 1
        shown = answers[0].result(120)
    assert (shown["name"], shown["nextRunAt"]) == ("at once", text(last_time(-1)))
    assert outcomes(system, schedule_id) == [(text(last_time()), "STARTED")]
    assert system.run_scheduler()["started"] == 0


def _await_waiter(admin: Connection[TupleRow]) -> None:
    """Waits until a session waits for a lock."""
    deadline = datetime.now(UTC) + timedelta(seconds=120)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    while admin.execute(waiting).fetchone() == (0,):
        assert datetime.now(UTC) < deadline, "nobody waits"


def test_a_scheduler_run_skips_a_schedule_that_is_being_changed(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time())
    with admin.transaction():
        admin.execute("SELECT FROM resma.schedules FOR UPDATE")
        assert system.run_scheduler()["started"] == 0
    assert system.run_scheduler()["started"] == 1


# ---------------------------------------------------------------- scopes of the owner


def make_due(system: System, admin: Connection[TupleRow], key: str, **said: Any) -> str:
    """Creates a due schedule that is owned by a key, and returns its id."""
    schedule_id = make(system, key, misfirePolicy="run-all", **said)
    set_due(admin, schedule_id, last_time())
    return schedule_id


def set_key(admin: Connection[TupleRow], key: str, change_: str) -> None:
    """Updates the row of a key."""
    admin.execute(f"UPDATE resma.api_keys SET {change_} WHERE key_id = %s".encode(), (key.split("_")[1],))


@pytest.mark.parametrize(
    ("change_", "says"),
    [
        ("revoked_at = clock_timestamp()", "was revoked"),
        ("expires_at = clock_timestamp()", "has expired"),
        ("scopes = '{schedules:manage}'", "reports:write"),
    ],
)
def test_an_owner_without_the_scope_blocks_the_schedule(
    system: System, admin: Connection[TupleRow], change_: str, says: str
) -> None:
    key = system.make_key("schedules:manage", "reports:write")
    schedule_id = make_due(system, admin, key)
    set_key(admin, key, change_)
    assert system.run_scheduler()["started"] == 0
    shown = show(system, schedule_id)
    assert (shown["status"], shown["nextRunAt"]) == ("BLOCKED", None)
    assert says in shown["statusDetail"]
    assert "PATCH" in shown["statusDetail"]
    (run,) = history(system, schedule_id)
    assert (run["outcome"], run["reportId"], run["detail"]) == ("REFUSED", None, shown["statusDetail"])
    assert reports(admin) == 0
    assert system.run_scheduler()["started"] == 0
    # Another caller becomes the owner.
    taken = change(system, schedule_id, paused=False)
    assert (taken["status"], taken["owner"], taken["statusDetail"]) == ("ACTIVE", "loopback", None)
    assert taken["nextRunAt"] == text(last_time(-1))


def test_blocked_schedules_are_counted_for_the_operator(
    system: System, admin: Connection[TupleRow], capsys: pytest.CaptureFixture[str]
) -> None:
    key = system.make_key("schedules:manage", "reports:write")
    blocked = [make_due(system, admin, key) for _ in "12"]
    set_key(admin, key, "expires_at = clock_timestamp()")
    capsys.readouterr()
    system.run_scheduler()
    found = read_metrics(capsys.readouterr().out)
    assert total_of(found, "SchedulesBlocked", Stage="local") == total_of(found, "BlockedSchedules", Stage="local") == 2
    rung = [(each.line["schedule_id"], each.line["tenant_id"]) for each in found if each.name == "SchedulesBlocked"]
    assert sorted(rung) == sorted((schedule_id, "demo") for schedule_id in blocked)
    change(system, blocked[0], paused=False)
    system.run_scheduler()
    found = read_metrics(capsys.readouterr().out)
    assert total_of(found, "SchedulesBlocked", Stage="local") is None, "each is counted once"
    assert total_of(found, "BlockedSchedules", Stage="local") == 1


def test_a_paused_schedule_still_shows_that_it_is_blocked(system: System, admin: Connection[TupleRow]) -> None:
    key = system.make_key("schedules:manage", "reports:write")
    schedule_id = make_due(system, admin, key)
    set_key(admin, key, "revoked_at = clock_timestamp()")
    system.run_scheduler()
    paused = change(system, schedule_id, paused=True)
    assert (paused["status"], "was revoked" in paused["statusDetail"]) == ("PAUSED", True)
    manager = system.make_key("schedules:manage")
    path = f"{SCHEDULES}/{schedule_id}"
    assert system.call_with(manager, "PATCH", path, {"paused": False})[0] == 403, "resuming it is taking it over"
    assert change(system, schedule_id, paused=False)["owner"] == "loopback"


def test_a_schedule_of_a_rotated_key_runs_with_the_new_key(system: System, admin: Connection[TupleRow]) -> None:
    key = system.make_key("schedules:manage", "reports:write", "keys:manage")
    schedule_id = make_due(system, admin, key)
    for _ in range(2):
        key_id = key.split("_")[1]
        status, _, rotated = system.call_with(key, "POST", f"/api/v1/api-keys/{key_id}/rotate", {"graceSeconds": 0})
        assert status in {200, 201}, rotated
        key = rotated["key"]
    assert system.run_scheduler()["started"] == 1
    set_key(admin, key, "revoked_at = clock_timestamp()")
    set_due(admin, schedule_id, last_time())
    admin.execute("DELETE FROM resma.schedule_runs")
    assert system.run_scheduler()["started"] == 0
    assert show(system, schedule_id)["status"] == "BLOCKED"


def test_a_schedule_shows_when_the_access_of_its_owner_expires(system: System, admin: Connection[TupleRow]) -> None:
    key, other = (system.make_key("schedules:manage", "reports:write", "keys:manage") for _ in "12")
    rotated, revoked, mine, token, nobody = (make(system, made_with) for made_with in (key, other, None, None, None))
    key_id = key.split("_")[1]
    path = f"/api/v1/api-keys/{key_id}/rotate"
    successor = system.call_with(key, "POST", path, {"graceSeconds": 0})[2]["key"]
    set_key(admin, successor, "expires_at = '2031-01-01'")
    set_key(admin, other, "expires_at = '2031-01-01', revoked_at = '2030-01-01'")
    for schedule_id, owner in ((token, "token:maria@bank.example"), (nobody, "key:aaaaaaaaaaaaaaaa")):
        admin.execute("UPDATE resma.schedules SET owner = %s WHERE schedule_id = %s", (owner, schedule_id))
    admin.execute("UPDATE resma.schedules SET written_at = '2030-01-01' WHERE schedule_id = %s", (token,))
    ends = {item["id"]: item["ownerExpiresAt"] for item in system.call_api("GET", SCHEDULES)[2]["items"]}
    assert ends == {
        rotated: "2031-01-01T00:00:00Z",
        revoked: "2030-01-01T00:00:00Z",
        token: "2030-04-01T00:00:00Z",
        mine: None,
        nobody: None,
    }
    assert {schedule_id: show(system, schedule_id)["ownerExpiresAt"] for schedule_id in ends} == ends


def test_a_scope_that_the_owner_loses_is_effective_immediately(system: System, admin: Connection[TupleRow]) -> None:
    key = system.make_key("schedules:manage", "reports:write", "personal:read")
    schedule_id = make_due(system, admin, key)
    filtered = make_due(system, admin, key, request={**REQUEST, "type": "AUDIT_TRAIL"})
    assert system.run_scheduler()["started"] == 2
    shows = admin.execute("SELECT DISTINCT personal_masked FROM resma.reports").fetchall()
    assert shows == [(False,)]
    admin.execute("DELETE FROM resma.schedule_runs")
    admin.execute("DELETE FROM resma.reports")
    set_key(admin, key, "scopes = array_remove(scopes, 'personal:read')")
    for due in (schedule_id, filtered):
        set_due(admin, due, last_time())
    assert system.run_scheduler()["started"] == 2
    shows = admin.execute("SELECT DISTINCT personal_masked FROM resma.reports").fetchall()
    assert shows == [(True,)]


_TO_CALLBACK = {"type": "AUDIT_TRAIL", "format": "CSV", "callbackUrl": "https://customer.example/hook"}


@pytest.mark.parametrize(
    ("said", "is_masked"), [({"name": "mine"}, True), ({}, True), ({"request": _TO_CALLBACK}, False)]
)
def test_a_callback_gets_no_data_that_its_owner_was_not_allowed_to_see(
    system: System, admin: Connection[TupleRow], said: dict[str, Any], is_masked: bool
) -> None:
    scopes = ("schedules:manage", "reports:write")
    first, second = system.make_key(*scopes), system.make_key(*scopes, "personal:read")
    schedule_id = make(system, first, request=_TO_CALLBACK)
    for _ in "12":
        assert system.call_with(second, "PATCH", f"{SCHEDULES}/{schedule_id}", said)[0] == 200
    set_due(admin, schedule_id, last_time())
    assert system.run_scheduler()["started"] == 1
    assert admin.execute("SELECT personal_masked FROM resma.reports").fetchall() == [(is_masked,)]


def test_scopes_of_a_token_are_valid_for_a_limited_time(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes: frozenset[Scope] = frozenset({"schedules:manage", "reports:write"})
    caller = Caller("demo", "token:maria@bank.example", scopes)
    monkeypatch.setattr(api.app, "authenticate", lambda *_: caller)
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time(1))
    assert system.run_scheduler()["started"] == 2
    assert admin.execute("SELECT DISTINCT personal_masked FROM resma.reports").fetchall() == [(True,)]
    admin.execute("DELETE FROM resma.schedule_runs")
    admin.execute("UPDATE resma.schedules SET written_at = written_at - make_interval(days => %s)", (TOKEN_DAYS,))
    set_due(admin, schedule_id, last_time())
    assert system.run_scheduler()["started"] == 0
    shown = show(system, schedule_id)
    assert (shown["status"], f"{TOKEN_DAYS} or more days ago" in shown["statusDetail"]) == ("BLOCKED", True)
    assert change(system, schedule_id)["status"] == "ACTIVE", "a PATCH that says nothing writes it again"


@pytest.mark.parametrize("owner", ["loopback", "key:aaaaaaaaaaaaaaaa", "nobody", "key:", ""])
def test_unknown_owners_block_the_schedule(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    schedule_id = make(system)
    set_due(admin, schedule_id, last_time())
    admin.execute("UPDATE resma.schedules SET owner = %s", (owner,))
    monkeypatch.setenv("STAGE", "prod")
    assert system.run_scheduler()["started"] == 0
    assert reports(admin) == 0
    assert admin.execute("SELECT status FROM resma.schedules").fetchone() == ("BLOCKED",)


def test_a_key_of_another_tenant_is_not_an_owner(system: System, admin: Connection[TupleRow]) -> None:
    admin.execute("INSERT INTO resma.tenants VALUES ('other', 'Other Bank') ON CONFLICT DO NOTHING")
    key = system.make_key("reports:write", tenant="other")
    schedule_id = make(system)
    set_due(admin, schedule_id, last_time())
    admin.execute("UPDATE resma.schedules SET owner = %s", (f"key:{key.split('_')[1]}",))
    assert system.run_scheduler()["started"] == 0
    assert show(system, schedule_id)["status"] == "BLOCKED"
    admin.execute("DELETE FROM resma.api_keys")
    admin.execute("DELETE FROM resma.tenants WHERE tenant_id = 'other'")


@pytest.mark.parametrize(
    ("column", "wanted", "property_"),
    [("time_zone", {}, "timeZone"), ("calendar", {"when": "first-business-day"}, "calendar")],
)
def test_an_unknown_time_zone_or_country_blocks_the_schedule(
    system: System, admin: Connection[TupleRow], column: str, wanted: dict[str, Any], property_: str
) -> None:
    schedule_id = make(system, **wanted)
    admin.execute(f"UPDATE resma.schedules SET {column} = 'XX', status = 'PAUSED', next_run_at = NULL, due_at = NULL")
    path = f"{SCHEDULES}/{schedule_id}"
    for method, where, body in (("GET", f"{path}/preview", None), ("PATCH", path, {"paused": False})):
        status, _, problem = system.call_api(method, where, body)
        assert (status, problem["errors"][0]["pointer"]) == (422, f"/{property_}")
    admin.execute("UPDATE resma.schedules SET status = 'ACTIVE', next_run_at = now(), due_at = now()")
    assert system.run_scheduler()["started"] == 0
    shown = show(system, schedule_id)
    assert (shown["status"], shown["lastRun"]["outcome"]) == ("BLOCKED", "REFUSED")
    assert shown["statusDetail"].startswith(f"/{property_}: ")
    assert (
        change(system, schedule_id, **{property_: "America/Sao_Paulo" if property_ == "timeZone" else "BR"})["status"]
        == "ACTIVE"
    )


def test_a_request_that_is_no_longer_valid_blocks_the_schedule(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system)
    set_due(admin, schedule_id, last_time())
    admin.execute("UPDATE resma.schedules SET request = jsonb_set(request, '{columns}', '[\"gone\"]')")
    assert system.run_scheduler()["started"] == 0
    shown = show(system, schedule_id)
    assert (shown["status"], "/columns/0" in shown["statusDetail"]) == ("BLOCKED", True)


# ---------------------------------------------------------------- quotas


def test_a_run_waits_until_the_limit_allows_it(system: System, admin: Connection[TupleRow]) -> None:
    first, second = make(system, misfirePolicy="run-all"), make(system, misfirePolicy="run-all")
    set_due(admin, first, last_time())
    set_due(admin, second, last_time())
    admin.execute("UPDATE resma.tenants SET live_reports = 1")
    assert system.run_scheduler()["started"] == 1
    assert system.work_once()
    admin.execute("UPDATE resma.schedules SET due_at = clock_timestamp() WHERE held_since IS NOT NULL")
    assert system.run_scheduler()["started"] == 1
    assert outcomes(system, first) == outcomes(system, second) == [(text(last_time()), "STARTED")]
    details = {history(system, schedule_id)[0]["detail"] for schedule_id in (first, second)}
    assert any(detail and detail.startswith("The run was delayed by a quota since") for detail in details)


def test_a_run_that_waits_too_long_is_rejected(system: System, admin: Connection[TupleRow]) -> None:
    system.request_report(format="CSV")
    admin.execute("UPDATE resma.tenants SET live_reports = 1")
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time())
    assert system.run_scheduler()["started"] == 0
    assert history(system, schedule_id) == []
    assert show(system, schedule_id)["nextRunAt"] == text(last_time())
    admin.execute(
        "UPDATE resma.schedules SET due_at = clock_timestamp(), held_since = held_since - %s::interval", (task.HOLD,)
    )
    assert system.run_scheduler()["started"] == 0
    (run,) = history(system, schedule_id)
    assert (run["outcome"], run["scheduledFor"]) == ("REFUSED", text(last_time()))
    assert "which is your limit" in run["detail"]
    shown = show(system, schedule_id)
    assert (shown["status"], shown["nextRunAt"]) == ("ACTIVE", text(last_time(-1)))


@pytest.mark.usefixtures("far_from_midnight")
def test_a_run_does_not_wait_for_the_row_limit_of_the_next_day(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time())
    admin.execute("INSERT INTO resma.row_counts VALUES ('demo', (clock_timestamp() AT TIME ZONE 'UTC')::date, 5)")
    admin.execute("UPDATE resma.tenants SET rows_per_day = 5")
    is_midnight_near = (datetime.now(UTC) + task.HOLD).date() > datetime.now(UTC).date()
    assert system.run_scheduler()["started"] == 0
    assert [run["outcome"] for run in history(system, schedule_id)] == ([] if is_midnight_near else ["REFUSED"])


# ---------------------------------------------------------------- history


def test_pages_of_runs_and_the_deletion_of_old_runs(system: System, admin: Connection[TupleRow]) -> None:
    schedule_id = make(system, misfirePolicy="run-all")
    set_due(admin, schedule_id, last_time(6))
    assert system.run_scheduler()["started"] == 7
    found, query = [], {"limit": "3"}
    while True:
        _, _, page = system.call_api("GET", f"{SCHEDULES}/{schedule_id}/runs", query=query)
        found += page["items"]
        if page["next"] is None:
            break
        query = dict(part.split("=") for part in page["next"].split("?")[1].split("&"))
    assert found == history(system, schedule_id)
    assert len(found) == 7
    admin.execute("UPDATE resma.schedule_runs SET started_at = '2020-01-01' WHERE scheduled_for < %s", (last_time(1),))
    assert system.run_scheduler()["purged"] == 5
    assert len(history(system, schedule_id)) == 2
