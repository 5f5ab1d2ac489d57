"""Metrics of reports, by their outcome, and the cost of a report's attempts."""

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
from resma.retry_pauses import BACKOFF
from resma.snapshot import cursor
from tests.support.embedded_metrics import Measured, read_metrics, total_of
from tests.support.http_receivers import receiver, status
from tests.support.system import ROWS, FunctionContext, System
from worker.time_budget import TimeBudget

Read = Callable[[], list[Measured]]

STAGE = {"Stage": "local"}
BY_TYPE = {**STAGE, "ReportType": "TRANSACTIONS"}


@pytest.fixture
def measured(capsys: pytest.CaptureFixture[str]) -> Read:
    """Returns a function that reads the metrics emitted since its last call."""
    return lambda: read_metrics(capsys.readouterr().out)


def cost_of(report: Any) -> Decimal:
    """Returns a report's total cost from the API's view of it."""
    return Decimal(report["metrics"]["costUsd"]["total"])


def dollars(metrics: list[Measured]) -> Decimal:
    """Returns the sum of the metric CostUsd."""
    return Decimal(str(round(total_of(metrics, "CostUsd", **STAGE) or 0, 10)))


# ---------------------------------------------------------------- the worker


def test_a_request_and_its_report_are_counted_by_stage_and_type(system: System, measured: Read) -> None:
    report_id = system.request_report(format="CSV")
    metrics = measured()
    assert {each.dimensions for each in metrics} == {tuple(STAGE.items()), tuple(BY_TYPE.items())}
    assert total_of(metrics, "ReportsRequested", **STAGE) == total_of(metrics, "ReportsRequested", **BY_TYPE) == 1
    assert system.work_once()
    metrics, report = measured(), system.show(report_id)
    for dimensions in (STAGE, BY_TYPE):
        assert total_of(metrics, "ReportsReady", **dimensions) == 1
        assert total_of(metrics, "ReportsFailed", **dimensions) == 0, "an alarm divides by both"
        assert total_of(metrics, "Rows", **dimensions) == ROWS
        assert total_of(metrics, "GenerateSeconds", **dimensions) == report["metrics"]["seconds"]["generate"]
        assert total_of(metrics, "PeakRssMb", **dimensions) == report["metrics"]["peakRssMb"]
    assert dollars(metrics) == cost_of(report) > 0
    # An invocation takes longer than the generation of its report, and less than a minute.
    generate_milliseconds = int(report["metrics"]["seconds"]["generate"] * 1000)
    min_cost, max_cost = (
        Decimal(price_usage(Usage(mb_milliseconds=256 * milliseconds), read_prices())["lambda"])
        for milliseconds in (generate_milliseconds, 60_000)
    )
    assert min_cost <= Decimal(report["metrics"]["costUsd"]["lambda"]) < max_cost
    ids = {(each.line["report_id"], each.line["tenant_id"], each.line["attempt"]) for each in metrics}
    assert ids == {(str(report_id), "demo", 1)}, "in the log line, not as dimensions"


def test_refused_and_deduplicated_requests_are_not_counted(system: System, measured: Read) -> None:
    system.request_report(format="CSV", deduplicate=True)
    assert total_of(measured(), "ReportsRequested", **STAGE) == 1
    system.request_report(format="CSV", deduplicate=True)
    assert system.call_api("POST", "/api/v1/reports/generate", {"type": "NONE", "format": "CSV"})[0] == 422
    assert measured() == []


def test_a_report_that_fails_by_a_permanent_error(system: System, admin: Connection[TupleRow], measured: Read) -> None:
    system.request_report(format="CSV")
    measured()
    admin.execute("ALTER TABLE bank.transactions RENAME COLUMN counterparty TO other_side")
    try:
        assert system.work_once()
    finally:
        admin.execute("ALTER TABLE bank.transactions RENAME COLUMN other_side TO counterparty")
    metrics = measured()
    for dimensions in (STAGE, BY_TYPE):
        assert (
            total_of(metrics, "ReportsFailed", **dimensions) == total_of(metrics, "AttemptsFailed", **dimensions) == 1
        )
        assert total_of(metrics, "ReportsReady", **dimensions) == 0
    assert total_of(metrics, "ReportsDeadLettered", **STAGE) is None
    row = admin.execute("SELECT usage FROM resma.reports").fetchone()
    assert row is not None
    assert Decimal(price_usage(Usage.from_json(row[0]), read_prices())["total"]) == dollars(metrics) > 0


def test_the_cost_of_a_report_includes_all_its_attempts(
    system: System, admin: Connection[TupleRow], measured: Read
) -> None:
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
    # Each attempt's cost is rounded separately, in three parts.
    assert abs(dollars(first) + dollars(second) - cost_of(report)) <= Decimal("0.0000000003")
    assert dollars(first) > 0
    # The first attempt waited for the lock for five seconds, which are charged too.
    min_cost = price_usage(Usage(mb_milliseconds=256 * 5000), read_prices())["lambda"]
    assert Decimal(report["metrics"]["costUsd"]["lambda"]) > Decimal(min_cost)


def test_the_cost_of_a_report_includes_the_usage_of_a_dead_worker(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    usage = Usage(mb_milliseconds=256 * 60_000, invocations=1, store_writes=100)
    with worker.app._resources().system.transaction("demo") as connection:
        claim = claim_job(connection, "demo", report_id)
        assert claim is not None
        record_usage(connection, claim, usage)
    admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second'")
    assert system.work(record)
    cost, before = system.show(report_id)["metrics"]["costUsd"], price_usage(usage, read_prices())
    for part in ("lambda", "s3", "requests", "total"):
        assert Decimal(cost[part]) > Decimal(before[part])


def test_the_heartbeat_records_usage(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usage is recorded while a report is generated, so that a dead worker's is lost for about a second only."""
    seen: list[Any] = []

    def is_time_up(_budget: TimeBudget) -> bool:
        if not seen:
            deadline = 200
            while not (row := admin.execute("SELECT usage FROM resma.reports").fetchone()) or row[0] is None:
                deadline -= 1
                assert deadline, "no heartbeat has recorded usage"
                admin.execute("SELECT pg_sleep(0.1)")
            seen.append(row[0])
        return False

    monkeypatch.setattr(TimeBudget, "is_time_up", is_time_up)
    system.request_report(format="CSV")
    assert system.work_once()
    assert Usage.from_json(seen[0]).mb_milliseconds >= 256 * 900
    assert Usage.from_json(seen[0]).store_writes >= 1


def test_a_continuation_is_not_a_failure(system: System, monkeypatch: pytest.MonkeyPatch, measured: Read) -> None:
    monkeypatch.setattr(cursor, "BATCH_ROWS", 1000)
    report_id = system.request_report(format="CSV")
    measured()
    with monkeypatch.context() as patched:
        patched.setattr(TimeBudget, "is_time_up", lambda _: True)
        assert not system.work_once(), "its message is delivered again"
    first = measured()
    assert total_of(first, "AttemptsContinued", **BY_TYPE) == 1
    assert total_of(first, "AttemptsFailed", **STAGE) is None
    assert system.work_once()
    second, report = measured(), system.show(report_id)
    assert report["continuations"] == 1
    assert abs(dollars(first) + dollars(second) - cost_of(report)) <= Decimal("0.0000000003")


def test_the_attempt_of_a_cancelled_report_counts_as_a_lost_lease_with_its_cost(
    system: System, monkeypatch: pytest.MonkeyPatch, measured: Read
) -> None:
    report_id = system.request_report(format="CSV")
    measured()

    def cancel(_budget: TimeBudget) -> bool:
        system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")
        return True

    monkeypatch.setattr(TimeBudget, "is_time_up", cancel)
    system.work_once()
    metrics = measured()
    assert total_of(metrics, "LeasesLost", **STAGE) == 1
    assert (total_of(metrics, "ReportsFailed", **STAGE), total_of(metrics, "AttemptsFailed", **STAGE)) == (0, None)
    assert dollars(metrics) > 0


# ---------------------------------------------------------------- dead letters


def test_a_dead_letter_is_a_failed_report(system: System, admin: Connection[TupleRow], measured: Read) -> None:
    system.request_report(format="CSV")
    (record,) = system.receive()
    measured()
    assert system.abandon(record), "it has attempts left, and is requeued"
    assert measured() == []
    admin.execute("UPDATE resma.reports SET attempt = 3, error_code = 'database-busy', error_detail = 'why'")
    assert system.abandon(record)
    metrics = measured()
    assert total_of(metrics, "ReportsFailed", **STAGE) == total_of(metrics, "ReportsDeadLettered", **STAGE) == 1
    assert total_of(metrics, "ReportsReady", **STAGE) == 0
    assert system.abandon(record), "a duplicate changes nothing"
    assert measured() == []


@pytest.mark.parametrize(("attempt", "dead_lettered"), [(1, None), (3, 1)])
def test_the_scheduler_counts_orphaned_jobs_and_dead_letters(
    system: System, admin: Connection[TupleRow], measured: Read, attempt: int, dead_lettered: int | None
) -> None:
    system.request_report(format="CSV")
    system.receive()
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = %s, lease_until = clock_timestamp() - interval '1m'",
        (attempt,),
    )
    measured()
    system.run_scheduler()
    metrics = measured()
    assert total_of(metrics, "JobsRequeued", **STAGE) == 1
    assert (
        total_of(metrics, "ReportsDeadLettered", **STAGE)
        == total_of(metrics, "ReportsFailed", **STAGE)
        == dead_lettered
    )


# ---------------------------------------------------------------- the scheduler


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
def test_a_report_waits_since_its_last_request_redrive_start_or_checkpoint(
    system: System, admin: Connection[TupleRow], measured: Read, state: str, seconds: int, waiting: int
) -> None:
    system.request_report(format="CSV")
    admin.execute(f"UPDATE resma.reports SET enqueued_at = clock_timestamp(), {state}".encode())
    measured()
    system.run_scheduler()
    metrics = measured()
    assert total_of(metrics, "OldestWaitingSeconds", **STAGE) == pytest.approx(seconds, abs=3)
    assert total_of(metrics, "ReportsWaiting", **STAGE) == waiting


def test_an_idle_scheduler_run_emits_zeros(system: System, measured: Read) -> None:
    system.run_scheduler()
    metrics = measured()
    assert {each.name: each.values for each in metrics} == {
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
        "ExpiringCertificates": (0.0,),
    }


# ---------------------------------------------------------------- webhooks


def test_webhooks_are_counted_as_delivered_failed_and_abandoned(
    system: System, admin: Connection[TupleRow], measured: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
    with receiver(status(204)) as accepting, receiver(status(500)) as failing:
        for server in (accepting, failing):
            system.request_report(format="CSV", callbackUrl=server.url, filters={"from": "2030-01-01"})
            assert system.work_once()
        measured()
        for envelope in system.events():
            system.deliver(envelope)
        metrics = measured()
        assert (
            total_of(metrics, "WebhooksDelivered", **STAGE) == total_of(metrics, "WebhookAttemptsFailed", **STAGE) == 1
        )
        assert total_of(metrics, "WebhooksAbandoned", **STAGE) == 0
        assert len([v for each in metrics if each.name == "WebhookSeconds" for v in each.values]) == 2
        admin.execute(
            "UPDATE resma.webhook_deliveries SET attempts = %s, next_attempt_at = clock_timestamp()"
            " WHERE status = 'PENDING'",
            (len(BACKOFF),),
        )
        webhook.app.handler({}, FunctionContext())  # type: ignore[arg-type]
    metrics = measured()
    assert total_of(metrics, "WebhooksAbandoned", **STAGE) == total_of(metrics, "WebhookAttemptsFailed", **STAGE) == 1
    webhook.app.handler({}, FunctionContext())  # type: ignore[arg-type]
    assert measured() == [], "without webhooks no line is written"
