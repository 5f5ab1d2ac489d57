"""Reports wait for unavailable dependencies: they are READY after the outage, and it uses up no attempt."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import boto3
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import scheduler.requeue_orphaned_jobs
import worker.app
from infra.servers.ports import free_port
from resma.jobs.claim import MAX_ATTEMPTS
from resma.jobs.outages import STALE_SECONDS
from resma.jobs.outcome import UNNOTICED_LEASE_SECONDS
from resma.snapshot import cursor
from tests.support.embedded_metrics import read_metrics, total_of
from tests.support.system import System
from worker import attempt, database_retry, time_budget
from worker.heartbeat import VISIBILITY_SECONDS

NONE = {"from": "2030-01-01"}
HOURS = 6


def _change_secret(arn: str, **changes: Any) -> dict[str, Any]:
    """Changes fields of a secret; returns its previous value."""
    secrets = boto3.client("secretsmanager")
    before: dict[str, Any] = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({**before, **changes}))
    return before


@contextlib.contextmanager
def _store_unavailable(system: System) -> Iterator[None]:
    """Deletes the bucket for the block."""
    for key in system.objects():
        system.s3.delete_object(Bucket=system.bucket, Key=key)
    system.s3.delete_bucket(Bucket=system.bucket)
    yield
    system.s3.create_bucket(Bucket=system.bucket)


@contextlib.contextmanager
def _source_unavailable(system: System) -> Iterator[None]:
    """Changes the source database's port for the block to one that no server listens on."""
    worker.app._resources().source.close()
    arn = worker.app._settings().source_secret_arn
    before = _change_secret(arn, port=free_port())
    yield
    _change_secret(arn, **before)


@contextlib.contextmanager
def _secret_invalid(system: System) -> Iterator[None]:
    """Replaces the source database's secret for the block by one that is invalid."""
    worker.app._resources().source.close()
    arn = worker.app._settings().source_secret_arn
    secrets = boto3.client("secretsmanager")
    before = secrets.get_secret_value(SecretId=arn)["SecretString"]
    secrets.put_secret_value(SecretId=arn, SecretString='{"host": "nowhere"}')
    yield
    secrets.put_secret_value(SecretId=arn, SecretString=before)


@contextlib.contextmanager
def _login_refused(system: System) -> Iterator[None]:
    """Makes the source database refuse the login of the secret for the block."""
    worker.app._resources().source.close()
    arn = worker.app._settings().source_secret_arn
    before = _change_secret(arn, username="somebody")
    yield
    _change_secret(arn, **before)


OUTAGES = {
    "object-store": ("object-store", _store_unavailable),
    "source-database": ("source-database", _source_unavailable),
    "password": ("source-database", _login_refused),
    "secrets": ("secrets", _secret_invalid),
}


def _probe_now(admin: Connection[TupleRow]) -> None:
    admin.execute("UPDATE resma.outages SET probe_at = clock_timestamp()")


def _outages(admin: Connection[TupleRow]) -> list[tuple[Any, ...]]:
    return admin.execute("SELECT dependency, failures FROM resma.outages ORDER BY 1").fetchall()


def _request(system: System) -> tuple[UUID, dict[str, Any]]:
    """Requests a report; returns its id and its message."""
    report_id = system.request_report(format="CSV", filters=NONE)
    (record,) = [each for each in system.receive() if str(report_id) in each["body"]]
    return report_id, record


@pytest.mark.parametrize("what", OUTAGES)
def test_a_report_waits_and_is_ready_after_the_outage(system: System, admin: Connection[TupleRow], what: str) -> None:
    dependency, outage = OUTAGES[what]
    report_id, record = _request(system)
    tries = MAX_ATTEMPTS + 2
    with outage(system):
        for number in range(tries):
            assert not system.work(record), "the message must be delivered again"
            view = system.show(report_id)
            assert (view["status"], view["attempt"]) == ("PENDING", number + 1)
            assert view["waitingFor"]["dependency"] == dependency
            assert view["waitingFor"]["detail"] == view["error"]["detail"].split(": ", 1)[1]
            assert view["progress"]["etaSeconds"] is None
            assert _outages(admin) == [(dependency, number + 1)], "each was a probe"
            _probe_now(admin)
    since = datetime.fromisoformat(view["waitingFor"]["since"])
    assert since < datetime.fromisoformat(view["waitingFor"]["nextAttemptAt"])
    assert system.work(record)
    view = system.show(report_id)
    assert (view["status"], view["attempt"], view["waitingFor"], view["error"]) == ("READY", tries + 1, None, None)
    assert _outages(admin) == []
    assert admin.execute("SELECT waiting_for, waits, attempts_allowed FROM resma.reports").fetchone() == (
        None,
        0,
        MAX_ATTEMPTS + tries,
    )


def test_one_of_many_jobs_probes_and_the_others_do_not_start(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resma.jobs.outages.FIRST_PROBE_SECONDS", 3600)  # so that no probe is due on a slow machine
    monkeypatch.setattr("resma.jobs.outages.MAX_PROBE_SECONDS", 3600)
    requested = [_request(system) for _ in range(6)]
    with _store_unavailable(system):
        for _, record in requested:
            assert not system.work(record)
        attempts = admin.execute("SELECT attempt, count(*) FROM resma.reports GROUP BY 1 ORDER BY 1").fetchall()
        assert attempts == [(0, 5), (1, 1)], "the circuit was open for the later ones"
        assert {system.show(report_id)["waitingFor"]["dependency"] for report_id, _ in requested} == {"object-store"}
        _probe_now(admin)
        for _, record in requested:
            assert not system.work(record)
        (attempted,) = admin.execute("SELECT sum(attempt) FROM resma.reports").fetchall()
        assert attempted == (2,), "one probe"
    _probe_now(admin)
    for _, record in requested:
        assert system.work(record)
    assert admin.execute("SELECT DISTINCT status FROM resma.reports").fetchall() == [("READY",)]


def _read_pause(admin: Connection[TupleRow]) -> tuple[float, float, float]:
    """Returns the last pause, and at its start: how long the report had waited, and the time until the next probe."""
    row = admin.execute(
        "SELECT extract(epoch FROM r.next_attempt_at - r.enqueued_at)::float8,"
        " extract(epoch FROM r.enqueued_at - r.waiting_since)::float8,"
        " extract(epoch FROM o.probe_at - r.enqueued_at)::float8"
        " FROM resma.reports AS r JOIN resma.outages AS o ON o.dependency = r.waiting_for"
    ).fetchone()
    assert row is not None
    return row


def _assert_pause(pause: float, waited: float, until_probe: float) -> None:
    """Asserts that a pause is as long as the wait so far, plus up to 25 % jitter, or up to 3 s after the next probe.

    A statement reads the clock more than once, so the assertion allows for a second.
    """
    by_wait = min(150, max(5, waited))
    assert max(by_wait, until_probe) - 1 <= pause <= max(by_wait * 1.25, until_probe + 3) + 1, (waited, until_probe)


def test_pauses_grow_with_the_wait_to_minutes_with_jitter(system: System, admin: Connection[TupleRow]) -> None:
    report_id, record = _request(system)
    pauses = []
    with _store_unavailable(system):
        for waited in (0, 1, 20, 80, 400, 4000):
            admin.execute(
                "UPDATE resma.reports SET waiting_since = clock_timestamp() - make_interval(secs => %s)"
                " WHERE waiting_since IS NOT NULL",
                (waited,),
            )
            assert not system.work(record)
            pause, waited_by_then, until_probe = _read_pause(admin)
            _assert_pause(pause, waited_by_then, until_probe)
            pauses.append(pause)
            _probe_now(admin)
    assert [pause >= min_pause - 1 for pause, min_pause in zip(pauses, (5, 5, 20, 80, 150, 150), strict=True)] == [
        True
    ] * 6
    assert system.show(report_id)["status"] == "PENDING"


def test_duplicates_of_a_message_do_not_make_the_pause_longer(system: System, admin: Connection[TupleRow]) -> None:
    _, record = _request(system)
    with _store_unavailable(system):
        for _ in range(10):
            assert not system.work(record)
    assert admin.execute("SELECT waits FROM resma.reports").fetchone() == (10,)
    _assert_pause(*_read_pause(admin))


def test_waiting_ends_at_the_deadline(system: System, admin: Connection[TupleRow]) -> None:
    """A worker ends it, or the scheduler if no message is delivered. In both cases the report can be redriven."""
    by_worker, record = _request(system)
    by_scheduler, other = _request(system)
    with _store_unavailable(system):
        for each in (record, other):
            assert not system.work(each)
        admin.execute("UPDATE resma.reports SET waiting_since = waiting_since - make_interval(hours => %s)", (HOURS,))
        assert system.work(record), "the report has ended"
        assert [system.show(report_id)["status"] for report_id in (by_worker, by_scheduler)] == ["FAILED", "PENDING"]
        assert system.run_scheduler()["ended"] == 1
    for report_id in (by_worker, by_scheduler):
        view = system.show(report_id)
        assert (view["status"], view["waitingFor"]) == ("FAILED", None)
        assert view["error"]["code"] == "dependency-unavailable"
        assert view["error"]["detail"].startswith("The object store was unavailable since ")
    admin.execute("UPDATE resma.events SET created_at = created_at - interval '6 seconds'")
    system.run_scheduler()
    messages = [json.loads(event["Message"]) for event in system.events()]
    assert {message["data"]["reportId"] for message in messages} == {str(by_worker), str(by_scheduler)}
    assert system.call_api("POST", "/api/v1/dead-letters/redrive")[2] == {"redriven": 2}
    _probe_now(admin)
    for each in system.receive():
        assert system.work(each)
    assert system.show(by_worker)["status"] == system.show(by_scheduler)["status"] == "READY"


def test_another_failure_ends_the_wait(system: System, admin: Connection[TupleRow]) -> None:
    """The deadline counts only waits in a row, so an attempt that fails for another reason resets it."""
    _, record = _request(system)
    with _store_unavailable(system):
        assert not system.work(record)
    _probe_now(admin)
    with psycopg.connect(system.database_url) as locker:
        locker.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        assert not system.work(record)
    row = admin.execute(
        "SELECT status, error_code, waiting_since, waits, attempt, attempts_allowed FROM resma.reports"
    ).fetchone()
    assert row == ("PENDING", "database-busy", None, 0, 2, MAX_ATTEMPTS + 1)


def test_a_cancelled_report_stops_waiting(system: System) -> None:
    report_id, record = _request(system)
    with _store_unavailable(system):
        assert not system.work(record)
        assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[2]["waitingFor"] is None
        assert system.work(record)
    assert system.show(report_id)["status"] == "CANCELLED"


def test_reports_are_generated_without_the_idempotency_table(system: System) -> None:
    """The table is only a first filter; the lease in the row prevents duplicates."""
    table = boto3.client("dynamodb")
    table.delete_table(TableName="idempotency")
    report_id, record = _request(system)
    assert system.work(record)
    view = system.show(report_id)
    assert (view["status"], view["attempt"]) == ("READY", 1)
    assert system.work(record), "a duplicate does nothing"
    assert system.show(report_id) == view


def test_a_job_whose_message_cannot_be_made_visible_is_sent_again(system: System, admin: Connection[TupleRow]) -> None:
    """The queue and the store are unavailable: the message stays hidden for the queue's 90 minutes."""
    report_id, record = _request(system)
    with _store_unavailable(system):
        system.sqs.delete_queue(QueueUrl=system.queue_url)
        assert not system.work(record)
    system.sqs.create_queue(QueueName="report-jobs")
    admin.execute("UPDATE resma.reports SET created_at = created_at - interval '6 seconds'")
    assert system.run_scheduler()["sent"] == 1
    _probe_now(admin)
    assert system.work_once()
    assert system.show(report_id)["status"] == "READY"


def test_a_job_that_cannot_be_claimed_is_delivered_again_without_using_up_attempts(
    system: System, admin: Connection[TupleRow]
) -> None:
    report_id, record = _request(system)
    worker.app._resources().system.close()
    arn = worker.app._settings().database_secret_arn
    before = _change_secret(arn, port=free_port())
    for _ in range(MAX_ATTEMPTS + 1):
        assert not system.work(record)
    _change_secret(arn, **before)
    row = admin.execute("SELECT status, attempt, attempts_allowed FROM resma.reports").fetchone()
    assert row == ("PENDING", 0, MAX_ATTEMPTS)
    assert system.work(record)
    assert system.show(report_id)["status"] == "READY"


def test_a_failover_during_a_report_uses_up_no_attempt(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's database becomes unavailable before a checkpoint, and is available again two seconds later."""
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    resources, arn = worker.app._resources(), worker.app._settings().database_secret_arn
    calls: list[threading.Timer] = []

    def fail_over(_budget: time_budget.TimeBudget) -> bool:
        if calls:
            return False
        before = _change_secret(arn, port=free_port())
        resources.system.close()
        calls.append(threading.Timer(2, lambda: _change_secret(arn, **before)))
        calls[0].start()
        return True

    monkeypatch.setattr(time_budget.TimeBudget, "is_checkpoint_due", fail_over)
    assert system.work(record)
    calls[0].join()
    view = system.show(report_id)
    assert (view["status"], view["attempt"], view["metrics"]["snapshots"]) == ("READY", 1, 1)


def _start_attempt(admin: Connection[TupleRow], lease_over_seconds: float) -> None:
    """Makes the report look as if a worker had claimed it and died: its lease expired that many seconds ago."""
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = attempt + 1,"
        " lease_until = clock_timestamp() - make_interval(secs => %s), created_at = created_at - interval '1 minute'",
        (lease_over_seconds,),
    )


@pytest.mark.parametrize("by_scheduler", [False, True], ids=["by a worker", "by the scheduler"])
def test_attempts_that_an_outage_of_the_system_database_ended_do_not_count(
    system: System, admin: Connection[TupleRow], by_scheduler: bool
) -> None:
    report_id, record = _request(system)
    for _ in range(MAX_ATTEMPTS + 2):
        _start_attempt(admin, UNNOTICED_LEASE_SECONDS + 1)
        if by_scheduler:
            assert system.run_scheduler()["requeued"] == 1
            (record,) = system.receive()
        else:
            with _store_unavailable(system):
                assert not system.work(record)
            _probe_now(admin)
    assert system.work(record)
    view = system.show(report_id)
    row = admin.execute("SELECT attempts_allowed - attempt FROM resma.reports").fetchone()
    assert (view["status"], row) == ("READY", (MAX_ATTEMPTS - 1,)), "only the last attempt counts"


def test_an_attempt_that_an_outage_ended_does_not_count_for_a_dead_letter(
    system: System, admin: Connection[TupleRow]
) -> None:
    report_id, record = _request(system)
    admin.execute("UPDATE resma.reports SET attempt = attempts_allowed - 1")
    _start_attempt(admin, UNNOTICED_LEASE_SECONDS + 1)
    assert system.abandon(record)
    assert system.run_scheduler()["sent"] == 1
    assert system.work_once()
    assert system.show(report_id)["status"] == "READY"


@pytest.mark.parametrize("by_scheduler", [False, True], ids=["by a worker", "by the scheduler"])
def test_a_report_that_kills_its_worker_each_time_is_a_dead_letter_after_three(
    system: System, admin: Connection[TupleRow], by_scheduler: bool
) -> None:
    """The number of attempts does not depend on when the scheduler runs: here one of its runs has failed."""
    report_id, record = _request(system)
    for number in range(1, MAX_ATTEMPTS + 1):
        _start_attempt(admin, 120 if by_scheduler else 5)
        assert system.show(report_id)["attempt"] == number
        if by_scheduler:
            assert system.run_scheduler()["requeued"] == 1
        elif number == MAX_ATTEMPTS:
            assert system.work(record), "the report has ended"
    view = system.show(report_id)
    assert (view["status"], view["attempt"], view["error"]["code"]) == ("FAILED", MAX_ATTEMPTS, "worker-died")
    assert len(system.call_api("GET", "/api/v1/dead-letters")[2]["items"]) == 1


def test_the_scheduler_lets_a_worker_renew_its_lease_after_an_outage_of_the_database(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler may be the first to connect again; the worker's heartbeat follows seconds later."""
    report_id, _ = _request(system)
    _start_attempt(admin, 100)
    waited: list[float] = []

    def beat(seconds: float) -> None:
        waited.append(seconds)
        admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp() + interval '15 seconds'")

    monkeypatch.setattr(scheduler.requeue_orphaned_jobs, "LOOK_AGAIN_SECONDS", 8)
    monkeypatch.setattr(time, "sleep", beat)
    assert system.run_scheduler()["requeued"] == 0
    assert waited == [8]
    assert system.show(report_id)["status"] == "GENERATING"


def test_an_outage_longer_than_a_worker_retries_uses_up_no_attempt(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's database becomes unavailable during a report, for longer than a worker retries."""
    monkeypatch.setattr(cursor, "BATCH_ROWS", 100)
    monkeypatch.setattr(database_retry, "MAX_RETRY_SECONDS", 1)
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    resources, arn = worker.app._resources(), worker.app._settings().database_secret_arn
    before: list[dict[str, Any]] = []

    def start_outage(_budget: time_budget.TimeBudget) -> bool:
        if not before:
            before.append(_change_secret(arn, port=free_port()))
            resources.system.close()
        return True

    monkeypatch.setattr(time_budget.TimeBudget, "is_checkpoint_due", start_outage)
    assert not system.work(record)
    assert not system.work(record), "no worker can claim it"
    _change_secret(arn, **before[0])
    assert system.show(report_id)["status"] == "GENERATING"
    admin.execute(
        "UPDATE resma.reports SET lease_until = lease_until - make_interval(secs => %s)",
        (UNNOTICED_LEASE_SECONDS + 15,),
    )  # the outage
    assert system.work(record)
    row = admin.execute("SELECT status, attempt, attempts_allowed FROM resma.reports").fetchone()
    assert row == ("READY", 2, MAX_ATTEMPTS + 1)


def test_the_message_stays_hidden_while_the_end_of_an_attempt_waits_for_the_database(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both databases fail at once, as they are often on one server. The heartbeat ends with the attempt."""
    _, record = _request(system)
    resources, settings = worker.app._resources(), worker.app._settings()
    arns = (settings.database_secret_arn, settings.source_secret_arn)
    before: list[dict[str, Any]] = []
    hidden: list[float] = []

    def start_outage() -> None:
        before.extend(_change_secret(arn, port=free_port()) for arn in arns)
        resources.system.close()
        resources.source.close()
        hidden.clear()

    def hide(_record: object, seconds: float) -> bool:
        hidden.append(seconds)
        return True

    monkeypatch.setattr(attempt, "reset_peak", start_outage)
    monkeypatch.setattr(database_retry, "MAX_RETRY_SECONDS", 1)
    monkeypatch.setattr(worker.app, "_set_visibility", hide)
    assert not system.work(record)
    for arn, secret in zip(arns, before, strict=True):
        _change_secret(arn, **secret)
    *extensions, last = hidden
    assert VISIBILITY_SECONDS in extensions
    assert last < VISIBILITY_SECONDS, "it is delivered again after the pause of an outage"


def test_pauses_in_a_second_outage_do_not_depend_on_the_first(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was received a hundred times in the first outage is not hidden for minutes in the second."""
    _, record = _request(system)
    record["attributes"]["ApproximateReceiveCount"] = "100"
    hidden: list[float] = []

    def hide(_record: object, seconds: float) -> bool:
        hidden.append(seconds)
        return True

    monkeypatch.setattr(worker.app, "_set_visibility", hide)
    arn = worker.app._settings().database_secret_arn
    resources = worker.app._resources()
    resources.system.close()
    before = _change_secret(arn, port=free_port())
    assert not system.work(record)
    _change_secret(arn, **before)
    assert hidden[-1] <= 10


def test_a_circuit_that_no_report_waits_for_is_closed(system: System, admin: Connection[TupleRow]) -> None:
    report_id, record = _request(system)
    with _store_unavailable(system):
        assert not system.work(record)
        admin.execute("UPDATE resma.outages SET failed_at = failed_at - make_interval(secs => %s)", (STALE_SECONDS,))
        system.run_scheduler()
        assert _outages(admin) == [("object-store", 1)], "a report waits"
        assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
        system.run_scheduler()
    assert _outages(admin) == []


def test_the_scheduler_counts_open_circuits(
    system: System, admin: Connection[TupleRow], capsys: pytest.CaptureFixture[str]
) -> None:
    _, record = _request(system)
    with _store_unavailable(system):
        assert not system.work(record)
        capsys.readouterr()
        system.run_scheduler()
    assert total_of(read_metrics(capsys.readouterr().out), "OpenOutages", Stage="local") == 1
