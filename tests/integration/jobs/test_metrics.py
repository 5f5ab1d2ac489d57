"""What is counted, for each way that a report can go, and what a report's attempts have cost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import webhook.app
import worker.app
from resma.aws.cost import Usage, price_usage, read_prices
from resma.jobs.claim import claim_job, record_usage
from resma.snapshot import cursor
from tests.support.embedded_metrics import Measured, read_metrics, total_of
from tests.support.http_receivers import receiver, status
from tests.support.system import ROWS, FunctionContext, System
from webhook.attempts import BACKOFF
from worker.time_budget import Pace

Read = Callable[[], list[Measured]]

STAGE = {"Stage": "local"}
BY_TYPE = {**STAGE, "ReportType": "TRANSACTIONS"}


@pytest.fixture
def measured(capsys: pytest.CaptureFixture[str]) -> Read:
    """What was measured since it was read last."""
    return lambda: read_metrics(capsys.readouterr().out)


def cost_of(report: Any) -> Decimal:
    """A report's whole cost, as the API shows it."""
    return Decimal(report["metrics"]["costUsd"]["total"])


def dollars(found: list[Measured]) -> Decimal:
    """What was counted as spent."""
    return Decimal(str(round(total_of(found, "CostUsd", **STAGE) or 0, 10)))


# ---------------------------------------------------------------- the worker


def test_a_request_and_its_report_are_counted_by_stage_and_type(system: System, measured: Read) -> None:
    report_id = system.request_report(format="CSV")
    found = measured()
    assert {each.dimensions for each in found} == {tuple(STAGE.items()), tuple(BY_TYPE.items())}
    assert total_of(found, "ReportsRequested", **STAGE) == total_of(found, "ReportsRequested", **BY_TYPE) == 1
    assert system.work_once()
    found, report = measured(), system.show(report_id)
    for dimensions in (STAGE, BY_TYPE):
        assert total_of(found, "ReportsReady", **dimensions) == 1
        assert total_of(found, "ReportsFailed", **dimensions) == 0, "an alarm divides by both"
        assert total_of(found, "Rows", **dimensions) == ROWS
        assert total_of(found, "GenerateSeconds", **dimensions) == report["metrics"]["seconds"]["generate"]
        assert total_of(found, "PeakRssMb", **dimensions) == report["metrics"]["peakRssMb"]
    assert dollars(found) == cost_of(report) > 0
    # An invocation takes longer than the making of the report in it, and no minute.
    at_work = int(report["metrics"]["seconds"]["generate"] * 1000)
    least, most = (
        Decimal(price_usage(Usage(mb_milliseconds=256 * milliseconds), read_prices())["lambda"])
        for milliseconds in (at_work, 60_000)
    )
    assert least <= Decimal(report["metrics"]["costUsd"]["lambda"]) < most
    ids = {(each.line["report_id"], each.line["tenant_id"], each.line["attempt"]) for each in found}
    assert ids == {(str(report_id), "demo", 1)}, "in the line, and no dimension"


def test_what_was_refused_or_joined_is_no_report(system: System, measured: Read) -> None:
    system.request_report(format="CSV", deduplicate=True)
    assert total_of(measured(), "ReportsRequested", **STAGE) == 1
    system.request_report(format="CSV", deduplicate=True)
    assert system.call_api("POST", "/api/v1/reports/generate", {"type": "NONE", "format": "CSV"})[0] == 422
    assert measured() == []


def test_a_report_that_fails_for_good(system: System, admin: Connection[TupleRow], measured: Read) -> None:
    system.request_report(format="CSV")
    measured()
    admin.execute("ALTER TABLE bank.transactions RENAME COLUMN counterparty TO other_side")
    try:
        assert system.work_once()
    finally:
        admin.execute("ALTER TABLE bank.transactions RENAME COLUMN other_side TO counterparty")
    found = measured()
    for dimensions in (STAGE, BY_TYPE):
        assert total_of(found, "ReportsFailed", **dimensions) == total_of(found, "AttemptsFailed", **dimensions) == 1
        assert total_of(found, "ReportsReady", **dimensions) == 0
    assert total_of(found, "ReportsDeadLettered", **STAGE) is None
    row = admin.execute("SELECT usage FROM resma.reports").fetchone()
    assert row is not None
    assert Decimal(price_usage(Usage.from_json(row[0]), read_prices())["total"]) == dollars(found) > 0


def test_a_report_costs_what_all_its_attempts_cost(system: System, admin: Connection[TupleRow], measured: Read) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    measured()
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as blocker:
        blocker.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        assert not system.work(record)
    first = measured()
    assert total_of(first, "AttemptsFailed", **STAGE) == 1
    assert (total_of(first, "ReportsFailed", **STAGE), total_of(first, "ReportsReady", **STAGE)) == (0, 0)
    assert system.work(record)
    second, report = measured(), system.show(report_id)
    assert total_of(second, "AttemptsFailed", **STAGE) is None
    # Each attempt's amount was rounded by itself, in three parts.
    assert abs(dollars(first) + dollars(second) - cost_of(report)) <= Decimal("0.0000000003")
    assert dollars(first) > 0
    # The first attempt has waited for the lock for five seconds, and those are paid for too.
    least = price_usage(Usage(mb_milliseconds=256 * 5000), read_prices())["lambda"]
    assert Decimal(report["metrics"]["costUsd"]["lambda"]) > Decimal(least)


def test_what_a_dead_worker_had_spent_is_not_forgotten(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    spent = Usage(mb_milliseconds=256 * 60_000, invocations=1, store_writes=100)
    with worker.app._resources().system.transaction("demo") as connection:
        claim = claim_job(connection, "demo", report_id)
        assert claim is not None
        record_usage(connection, claim, spent)
    admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second'")
    assert system.work(record)
    cost, before = system.show(report_id)["metrics"]["costUsd"], price_usage(spent, read_prices())
    for part in ("lambda", "s3", "requests", "total"):
        assert Decimal(cost[part]) > Decimal(before[part])


def test_the_heartbeat_says_what_was_spent(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a report is being made, so that a worker that dies takes no more than a second's worth with it."""
    seen: list[Any] = []

    def is_time_up(_pace: Pace) -> bool:
        if not seen:
            deadline = 200
            while not (row := admin.execute("SELECT usage FROM resma.reports").fetchone()) or row[0] is None:
                deadline -= 1
                assert deadline, "no heartbeat has said anything"
                admin.execute("SELECT pg_sleep(0.1)")
            seen.append(row[0])
        return False

    monkeypatch.setattr(Pace, "is_time_up", is_time_up)
    system.request_report(format="CSV")
    assert system.work_once()
    assert Usage.from_json(seen[0]).mb_milliseconds >= 256 * 900
    assert Usage.from_json(seen[0]).store_writes >= 1


def test_a_hand_over_is_no_failure(system: System, monkeypatch: pytest.MonkeyPatch, measured: Read) -> None:
    monkeypatch.setattr(cursor, "BATCH_ROWS", 1000)
    report_id = system.request_report(format="CSV")
    measured()
    with monkeypatch.context() as patched:
        patched.setattr(Pace, "is_time_up", lambda _: True)
        assert not system.work_once(), "its message comes again"
    first = measured()
    assert total_of(first, "AttemptsContinued", **BY_TYPE) == 1
    assert total_of(first, "AttemptsFailed", **STAGE) is None
    assert system.work_once()
    second, report = measured(), system.show(report_id)
    assert report["continuations"] == 1
    assert abs(dollars(first) + dollars(second) - cost_of(report)) <= Decimal("0.0000000003")


def test_a_cancelled_reports_attempt_is_lost_and_paid_for(
    system: System, monkeypatch: pytest.MonkeyPatch, measured: Read
) -> None:
    report_id = system.request_report(format="CSV")
    measured()

    def cancel(_pace: Pace) -> bool:
        system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")
        return True

    monkeypatch.setattr(Pace, "is_time_up", cancel)
    system.work_once()
    found = measured()
    assert total_of(found, "LeasesLost", **STAGE) == 1
    assert (total_of(found, "ReportsFailed", **STAGE), total_of(found, "AttemptsFailed", **STAGE)) == (0, None)
    assert dollars(found) > 0


# ---------------------------------------------------------------- who gives up


def test_a_dead_letter_is_a_failed_report(system: System, admin: Connection[TupleRow], measured: Read) -> None:
    system.request_report(format="CSV")
    (record,) = system.receive()
    measured()
    assert system.abandon(record), "it has attempts left, and is revived"
    assert measured() == []
    admin.execute("UPDATE resma.reports SET attempt = 3, error_code = 'database-busy', error_detail = 'why'")
    assert system.abandon(record)
    found = measured()
    assert total_of(found, "ReportsFailed", **STAGE) == total_of(found, "ReportsDeadLettered", **STAGE) == 1
    assert total_of(found, "ReportsReady", **STAGE) == 0
    assert system.abandon(record), "twice is once"
    assert measured() == []


@pytest.mark.parametrize(("attempt", "given_up"), [(1, None), (3, 1)])
def test_the_scheduler_counts_what_it_frees_and_gives_up(
    system: System, admin: Connection[TupleRow], measured: Read, attempt: int, given_up: int | None
) -> None:
    system.request_report(format="CSV")
    system.receive()
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = %s, lease_until = clock_timestamp() - interval '1m'",
        (attempt,),
    )
    measured()
    system.run_scheduler()
    found = measured()
    assert total_of(found, "JobsRequeued", **STAGE) == 1
    assert total_of(found, "ReportsDeadLettered", **STAGE) == total_of(found, "ReportsFailed", **STAGE) == given_up


# ---------------------------------------------------------------- the tick


@pytest.mark.parametrize(
    ("state", "seconds", "waiting"),
    [
        ("created_at = clock_timestamp() - interval '700s'", 700, 1),
        ("created_at = clock_timestamp() - interval '9h', redriven_at = clock_timestamp() - interval '60s'", 60, 1),
        ("created_at = clock_timestamp() - interval '9h', started_at = clock_timestamp() - interval '30s'", 30, 1),
        (
            "created_at = clock_timestamp() - interval '9h', started_at = clock_timestamp() - interval '15m',"
            " checkpoint = jsonb_build_object('at', clock_timestamp() - interval '5s')",
            5,
            1,
        ),
        (
            "created_at = clock_timestamp() - interval '9h', status = 'GENERATING',"
            " lease_until = clock_timestamp() + interval '9s'",
            0,
            0,
        ),
    ],
)
def test_the_oldest_waits_since_it_was_last_anybodys(
    system: System, admin: Connection[TupleRow], measured: Read, state: str, seconds: int, waiting: int
) -> None:
    system.request_report(format="CSV")
    admin.execute(f"UPDATE resma.reports SET enqueued_at = clock_timestamp(), {state}".encode())
    measured()
    system.run_scheduler()
    found = measured()
    assert total_of(found, "OldestWaitingSeconds", **STAGE) == pytest.approx(seconds, abs=3)
    assert total_of(found, "ReportsWaiting", **STAGE) == waiting


def test_an_idle_run_measures_that_nothing_waits(system: System, measured: Read) -> None:
    system.run_scheduler()
    found = measured()
    assert {each.name: each.values for each in found} == {
        "OldestWaitingSeconds": (0.0,),
        "ReportsWaiting": (0.0,),
        "BlockedSchedules": (0.0,),
        "ScheduledRunsStarted": (0.0,),
        "JobsRequeued": (0.0,),
        "JobsSentLate": (0.0,),
        "EventsSentLate": (0.0,),
        "AbandonedEvents": (0.0,),
        "ReportsExpired": (0.0,),
        "OpenOutages": (0.0,),
    }


# ---------------------------------------------------------------- webhooks


def test_webhooks_are_counted_as_taken_refused_and_given_up(
    system: System, admin: Connection[TupleRow], measured: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
    with receiver(status(204)) as well, receiver(status(500)) as badly:
        for place in (well, badly):
            system.request_report(format="CSV", callbackUrl=place.url, filters={"from": "2030-01-01"})
            assert system.work_once()
        measured()
        for envelope in system.events():
            system.deliver(envelope)
        found = measured()
        assert total_of(found, "WebhooksDelivered", **STAGE) == total_of(found, "WebhookAttemptsFailed", **STAGE) == 1
        assert total_of(found, "WebhooksAbandoned", **STAGE) == 0
        assert len([v for each in found if each.name == "WebhookSeconds" for v in each.values]) == 2
        admin.execute(
            "UPDATE resma.webhook_deliveries SET attempts = %s, next_attempt_at = clock_timestamp()"
            " WHERE status = 'PENDING'",
            (len(BACKOFF),),
        )
        webhook.app.handler({}, FunctionContext())  # type: ignore[arg-type]
    found = measured()
    assert total_of(found, "WebhooksAbandoned", **STAGE) == total_of(found, "WebhookAttemptsFailed", **STAGE) == 1
    webhook.app.handler({}, FunctionContext())  # type: ignore[arg-type]
    assert measured() == [], "no webhooks are no line"
