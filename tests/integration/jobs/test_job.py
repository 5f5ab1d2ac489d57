"""Jobs from request to end: every write is fenced, errors requeue a job, and only a complete file is published."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import threading
from collections.abc import Callable
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError
from psycopg import Connection
from psycopg.rows import TupleRow

import webhook.deliver
import worker.app
from infra.servers.postgres import PostgresServer
from resma.aws.cost import Usage
from resma.database.connection import Database
from resma.errors import DatabaseUnavailableError, LeaseHeldError, LeaseLostError
from resma.jobs.claim import claim_job, finish_job, keep_alive, release_job
from resma.jobs.report_rows import ReportFiles
from resma.storage.multipart import MultipartUpload
from resma.webhooks.signing_secrets import derive_secret
from tests.support.records import METRICS
from tests.support.system import PASSWORD, ROWS, WEBHOOK_SECRET, System
from webhook.post_signed import AttemptResult
from worker.attempt import ClaimedJob, Invocation, make_files
from worker.checkpoints.store import Checkpoints
from worker.time_budget import TimeBudget
from worker.usage import UsageMeter


def _status(admin: Connection[TupleRow]) -> tuple[Any, ...]:
    row = admin.execute("SELECT status, attempt, error_code FROM resma.reports").fetchone()
    assert row is not None
    return row


def test_a_report_is_complete_and_announced(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV", filters={"from": "2024-01-01"})
    assert system.work_once()
    report = system.show(report_id)
    data = system.content(report_id)
    assert report["status"] == "READY"
    assert report["attempt"] == 1
    assert report["rows"] == report["progress"]["rowsDone"] == report["progress"]["rowsExpected"] == ROWS
    assert report["bytes"] == len(data)
    assert report["sha256"] == hashlib.sha256(data).hexdigest()
    assert report["metrics"]["peakRssMb"] > 0
    read = list(csv.reader(io.StringIO(data.decode(), newline="")))
    rows = admin.execute(
        "SELECT transaction_id::text, booked_at::text, account_id, type, status, description,"
        " coalesce(counterparty, ''), currency, amount::text FROM bank.transactions ORDER BY booked_at, transaction_id"
    ).fetchall()
    assert [tuple(row) for row in read[1:]] == rows
    (event,) = system.events()
    assert '"report.ready"' in event["Message"]
    assert report["sha256"] in event["Message"]
    assert event["MessageAttributes"]["status"]["Value"] == "READY"
    assert system.open_uploads() == []


def test_totals_agree_with_the_rows(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    assert system.work_once()
    expected = admin.execute(
        "SELECT currency, count(*), sum(amount)::text FROM bank.transactions GROUP BY 1 ORDER BY 2 DESC"
    ).fetchall()
    assert [(t["currency"], t["rows"], t["amounts"]["amount"]) for t in system.show(report_id)["totals"]] == expected


@pytest.mark.parametrize(
    ("filters", "where"),
    [
        ({"from": "2024-06-01", "to": "2024-06-30"}, "booked_at >= '2024-06-01' AND booked_at < '2024-07-01'"),
        ({"type": ["PIX", "FEE"]}, "type IN ('PIX', 'FEE')"),
        ({"status": ["DECLINED"], "currency": ["USD"]}, "status = 'DECLINED' AND currency = 'USD'"),
        ({"account": "'; DROP TABLE bank.transactions; --"}, "false"),
        ({"from": "9999-12-31"}, "false"),
        ({"to": "0001-01-01"}, "false"),
    ],
)
def test_filters_select_rows(system: System, admin: Connection[TupleRow], filters: dict[str, Any], where: str) -> None:
    report_id = system.request_report(format="CSV", filters=filters)
    assert system.work_once()
    row = admin.execute(f"SELECT count(*) FROM bank.transactions WHERE {where}").fetchone()
    assert row is not None
    assert system.show(report_id)["rows"] == row[0]
    assert system.content(report_id).count(b"\r\n") == row[0] + 1


def test_all_values_that_postgres_can_store_are_written_unchanged(system: System, admin: Connection[TupleRow]) -> None:
    nasty = 'a "quote", a comma,\r\na line, 🧾, עברית, \x01'
    amounts = ["1234567890123456789012345678901234567890.123456789", "Infinity", "-Infinity", "NaN", "0.000", "-0.5"]
    with admin.transaction(force_rollback=False):
        for i, amount in enumerate(amounts):
            admin.execute(
                "INSERT INTO bank.transactions VALUES ('demo', %s, '', %s, 'T', '', %s, %s, '', %s::numeric)",
                (-1 - i, ["infinity", "-infinity", "0044-03-15 BC"][i % 3], nasty, None if i % 2 else "", amount),
            )
    try:
        report_id = system.request_report(format="CSV", filters={"account": "nope"})
        assert system.work_once()
        report_id = system.request_report(format="CSV")
        assert system.work_once()
        assert system.show(report_id)["status"] == "READY"
        lines = system.content(report_id).decode()
        read = {row[0]: row for row in csv.reader(io.StringIO(lines, newline=""))}
        for i, amount in enumerate(amounts):
            row = read[str(-1 - i)]
            assert row[5] == nasty
            assert row[8] == amount
        assert ',"",' in lines, "an empty string is quoted, NULL is not"
        assert read["-3"][1] == "0044-03-15 00:00:00+00 BC"
    finally:
        admin.execute("DELETE FROM bank.transactions WHERE transaction_id < 0")


def test_a_report_without_rows_is_a_file_with_a_header(system: System) -> None:
    report_id = system.request_report(format="CSV", filters={"account": "nobody's"})
    assert system.work_once()
    report = system.show(report_id)
    assert (report["status"], report["rows"], report["totals"]) == ("READY", 0, [])
    assert system.content(report_id).startswith(b"id,booked_at,")
    pdf = system.request_report(format="PDF", filters={"account": "nobody's"})
    assert system.work_once()
    assert system.show(pdf)["status"] == "READY"
    assert system.content(pdf).startswith(b"%PDF-")


def test_a_duplicate_does_nothing(system: System) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    assert system.work(record)
    sha256 = system.show(report_id)["sha256"]
    assert system.work(record)
    assert system.show(report_id)["sha256"] == sha256
    assert system.show(report_id)["attempt"] == 1
    assert len(system.events()) == 1
    assert len(system.objects()) == 1


def test_a_concurrent_duplicate_waits_for_the_lease(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    at_write, may_write = threading.Event(), threading.Event()
    write = MultipartUpload.write

    def slow_write(self: MultipartUpload, data: bytes) -> None:
        at_write.set()
        assert may_write.wait(120)
        write(self, data)

    monkeypatch.setattr(MultipartUpload, "write", slow_write)
    results: list[bool] = []
    first = threading.Thread(target=lambda: results.append(system.work(record)))
    first.start()
    assert at_write.wait(120)
    resources = worker.app._resources()
    with pytest.raises(LeaseHeldError), resources.system.transaction("demo") as connection:
        claim_job(connection, "demo", report_id)
    may_write.set()
    first.join()
    assert results == [True]
    assert system.show(report_id)["status"] == "READY"


def test_a_worker_that_lost_its_lease_cannot_write(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    database = worker.app._resources().system
    with database.transaction("demo") as connection:
        stale = claim_job(connection, "demo", report_id)
    admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second'")
    with database.transaction("demo") as connection:
        owner = claim_job(connection, "demo", report_id)
    assert stale is not None
    assert owner is not None
    assert (stale.attempt, owner.attempt) == (1, 2)
    writes: tuple[Callable[[Connection[TupleRow]], None], ...] = (
        lambda c: keep_alive(c, stale, 5, Usage()),
        lambda c: release_job(c, stale, ValueError()),
        lambda c: finish_job(c, stale, ReportFiles([]), 1, METRICS, 30),
    )
    for write in writes:
        with pytest.raises(LeaseLostError), database.transaction("demo") as connection:
            write(connection)
    assert _status(admin) == ("GENERATING", 2, None)
    assert admin.execute("SELECT count(*) FROM resma.events").fetchone() == (0,)


def test_the_next_attempt_first_removes_the_leftovers_of_dead_workers(
    system: System, admin: Connection[TupleRow]
) -> None:
    """Workers died before they recorded an upload, during one, and after completing one without recording that."""
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    key = f"demo/{report_id}/1.csv"
    system.s3.create_multipart_upload(Bucket=system.bucket, Key=key)
    system.s3.create_multipart_upload(Bucket=system.bucket, Key=key)
    system.s3.put_object(Bucket=system.bucket, Key=key, Body=b"half a story")
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = 1,"
        " lease_until = clock_timestamp() - interval '1 second'"
    )
    assert system.work(record)
    assert _status(admin)[:2] == ("READY", 2)
    assert system.open_uploads() == []
    assert system.objects() == [f"demo/{report_id}/2.csv"]
    assert hashlib.sha256(system.content(report_id)).hexdigest() == system.show(report_id)["sha256"]


def test_a_permanent_error_fails_at_once(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    admin.execute("ALTER TABLE bank.transactions RENAME COLUMN counterparty TO other_side")
    try:
        assert system.work_once(), "the message is deleted: another attempt could not help"
    finally:
        admin.execute("ALTER TABLE bank.transactions RENAME COLUMN other_side TO counterparty")
    report = system.show(report_id)
    assert report["status"] == "FAILED"
    assert report["error"]["code"] == "query-invalid"
    assert "counterparty" in report["error"]["detail"]
    assert system.objects() == []
    assert system.open_uploads() == []
    assert '"report.failed"' in system.events()[0]["Message"]


def test_a_transient_error_requeues_the_job(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    with psycopg.connect(admin.info.dsn, password=admin.info.password) as blocker:
        blocker.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        assert not system.work(record)
    assert _status(admin) == ("PENDING", 1, "database-busy")
    assert system.objects() == []
    assert system.open_uploads() == []
    assert system.events() == []
    assert system.work(record), "the next attempt can start"
    report = system.show(report_id)
    assert (report["status"], report["attempt"], report["error"]) == ("READY", 2, None)


@pytest.mark.parametrize("operation", ["create_multipart_upload", "upload_part", "complete_multipart_upload"])
def test_an_unavailable_store_leaves_no_leftovers(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    system.request_report(format="CSV")
    (record,) = system.receive()
    resources = worker.app._resources()
    client = resources.s3_asking_once if operation == "complete_multipart_upload" else resources.s3
    monkeypatch.setattr("resma.storage.object_store.APPEAR_SECONDS", 0)

    def refuse(**_arguments: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="http://store")

    with monkeypatch.context() as patch:
        patch.setattr(client, operation, refuse)
        assert not system.work(record)
    assert _status(admin) == ("PENDING", 1, "object-store-unavailable")
    assert system.objects() == []
    assert system.open_uploads() == []
    admin.execute("UPDATE resma.outages SET probe_at = clock_timestamp()")
    assert system.work(record)
    assert _status(admin)[0] == "READY"


def test_fewer_rows_than_counted_are_not_published(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    from resma.snapshot.snapshot import Snapshot

    batches = Snapshot.batches

    def lose_one(self: Snapshot, columns: Any, after: Any, *, personal_masked: bool) -> Any:
        for number, batch in enumerate(batches(self, columns, after, personal_masked=personal_masked)):
            if number:
                yield batch

    monkeypatch.setattr(Snapshot, "batches", lose_one)
    system.request_report(format="CSV")
    assert system.work_once()
    assert _status(admin) == ("FAILED", 1, "row-count-mismatch")
    assert system.objects() == []
    assert system.open_uploads() == []


def test_a_dead_letter_is_failed_with_the_last_error(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    admin.execute("UPDATE resma.reports SET error_code = 'database-busy', error_detail = 'why', attempt = 3")
    assert system.abandon(record)
    report = system.show(report_id)
    assert (report["status"], report["error"]["code"]) == ("FAILED", "database-busy")
    assert report["error"]["detail"].startswith(
        "why. Dead-lettered after 3 attempts. Fix the cause, then redrive the report"
    )
    assert len(system.events()) == 1
    assert system.abandon(record), "a duplicate changes nothing"
    assert system.events() == []


def test_a_dead_letter_with_attempts_left_is_requeued(system: System, admin: Connection[TupleRow]) -> None:
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    assert system.abandon(record)
    assert admin.execute("SELECT status, attempt, enqueued_at FROM resma.reports").fetchone() == ("PENDING", 0, None)
    assert system.events() == []
    admin.execute("UPDATE resma.reports SET created_at = created_at - interval '7 hours', attempt = attempts_allowed")
    assert system.abandon(record)
    assert system.show(report_id)["status"] == "FAILED", "after all its attempts"


def test_a_dead_letter_of_a_running_job_changes_nothing(system: System, admin: Connection[TupleRow]) -> None:
    system.request_report(format="CSV")
    (record,) = system.receive()
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = 1,"
        " lease_until = clock_timestamp() + interval '10 seconds'"
    )
    assert system.abandon(record)
    assert _status(admin)[0] == "GENERATING"


@pytest.mark.parametrize(
    "body",
    [
        "nonsense",
        "{}",
        '{"tenant_id":"demo","report_id":"x"}',
        '{"tenant_id":"demo\\u0000","report_id":"0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10"}',
        '{"tenant_id":"Demo Bank","report_id":"0199f1c2-7b1e-7c3a-9f57-2b8f6a4d9e10"}',
    ],
)
def test_a_message_that_is_not_a_job_is_discarded(system: System, body: str) -> None:
    system.sqs.send_message(QueueUrl=system.queue_url, MessageBody=body)
    (record,) = system.receive()
    assert system.work(record)
    assert system.abandon(record)


@pytest.mark.parametrize(("attempt", "status"), [(1, "PENDING"), (3, "FAILED")])
def test_the_scheduler_requeues_orphaned_jobs(
    system: System, admin: Connection[TupleRow], attempt: int, status: str
) -> None:
    system.request_report(format="CSV")
    system.receive()
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = %s, created_at = created_at - interval '1 hour',"
        " lease_until = clock_timestamp() - interval '61 seconds'",
        (attempt,),
    )
    assert system.run_scheduler()["requeued"] == 1
    assert _status(admin)[0] == status
    assert len(system.receive()) == (1 if status == "PENDING" else 0)


def test_events_wait_for_the_topic(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    system.request_report(format="CSV")
    system.sns.delete_topic(TopicArn=system.topic_arn)
    assert system.work_once(), "the report is READY even if the topic does not exist"
    assert _status(admin)[0] == "READY"
    topic = system.sns.create_topic(Name="report-events")["TopicArn"]
    arn = system.sqs.get_queue_attributes(QueueUrl=system.events_url, AttributeNames=["QueueArn"])
    system.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
    admin.execute("UPDATE resma.events SET created_at = created_at - interval '6 seconds'")
    assert system.run_scheduler()["published"] == 1
    assert system.run_scheduler()["published"] == 0
    assert len(system.events()) == 1


def test_a_webhook_is_signed_and_sent_until_it_is_accepted(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    posts: list[tuple[str, str, str, list[str]]] = []
    answers = [AttemptResult(500, None, 3), AttemptResult(None, "no answer", 20000), AttemptResult(204, None, 5)]

    def post(url: str, event_id: str, body: str, secrets: list[str], _network: object) -> AttemptResult:
        posts.append((url, event_id, body, secrets))
        return answers[len(posts) - 1]

    monkeypatch.setattr(webhook.deliver, "post_signed", post)
    system.request_report(format="CSV", callbackUrl="https://customer.example/hook")
    assert system.work_once()
    (envelope,) = system.events()
    system.deliver(envelope)
    system.deliver(envelope)
    assert len(posts) == 1, "the first attempt is made once, even if the event is delivered twice"
    for expected in (2, 3):
        webhook.app.handler({}, _context())
        assert len(posts) == expected - 1, "it is not sent before it is due"
        admin.execute("UPDATE resma.webhook_deliveries SET next_attempt_at = clock_timestamp()")
        webhook.app.handler({}, _context())
        assert len(posts) == expected
    webhook.app.handler({}, _context())
    assert len(posts) == 3
    assert len({event_id for _, event_id, _, _ in posts}) == 1
    master = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
    assert all(secrets == [derive_secret(master, "demo", "callback", 1)] for *_, secrets in posts)
    assert admin.execute("SELECT status, attempts FROM resma.webhook_deliveries").fetchall() == [("DELIVERED", 3)]
    assert admin.execute(
        "SELECT attempt, status_code, error FROM resma.webhook_attempts ORDER BY attempt"
    ).fetchall() == [(1, 500, None), (2, None, "no answer"), (3, 204, None)]


def test_status_410_ends_the_delivery_of_a_webhook(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook.deliver, "post_signed", lambda *_: AttemptResult(410, None, 1))
    system.request_report(format="CSV", callbackUrl="https://customer.example/hook")
    assert system.work_once()
    system.deliver(system.events()[0])
    assert admin.execute("SELECT status, attempts FROM resma.webhook_deliveries").fetchall() == [("FAILED", 1)]


def _context() -> Any:
    from tests.support.system import FunctionContext

    return FunctionContext()


def test_a_delayed_worker_cannot_change_the_file_of_a_later_attempt(
    system: System, admin: Connection[TupleRow]
) -> None:
    """Attempt 2 hangs before it removes leftovers, attempt 3 makes the report READY, then attempt 2 continues."""
    report_id = system.request_report(format="CSV")
    (record,) = system.receive()
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = 1,"
        " lease_until = clock_timestamp() - interval '1 second'"
    )
    resources = worker.app._resources()
    with resources.system.transaction("demo") as connection:
        late = claim_job(connection, "demo", report_id)
    assert late is not None
    assert late.attempt == 2
    admin.execute("UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second'")
    assert system.work(record)
    assert _status(admin)[:2] == ("READY", 3)
    with pytest.raises(LeaseLostError):
        make_files(
            ClaimedJob(resources, late, Checkpoints(resources, late)),
            Invocation(TimeBudget(60_000), lambda: None, UsageMeter(256)),
        )
    assert _status(admin)[:2] == ("READY", 3)
    assert system.open_uploads() == []
    assert hashlib.sha256(system.content(report_id)).hexdigest() == system.show(report_id)["sha256"]


def test_no_job_gets_a_fourth_attempt(system: System, admin: Connection[TupleRow]) -> None:
    system.request_report(format="CSV")
    (record,) = system.receive()
    admin.execute("UPDATE resma.reports SET attempt = 3, error_code = 'database-busy', error_detail = 'why'")
    assert system.work(record)
    assert _status(admin) == ("FAILED", 3, "database-busy")
    assert len(system.events()) == 1


def test_a_webhook_that_cannot_be_signed_does_not_block_others(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    posts: list[str] = []

    def post(url: str, *_: object) -> AttemptResult:
        if url.endswith("/bad"):
            raise ValueError("the secret is invalid")
        posts.append(url)
        return AttemptResult(204, None, 1)

    monkeypatch.setattr(webhook.deliver, "post_signed", post)
    for name in ("bad", "good"):
        system.request_report(format="CSV", callbackUrl=f"https://customer.example/{name}")
        assert system.work_once()
    admin.execute("UPDATE resma.webhook_deliveries SET next_attempt_at = clock_timestamp()")
    webhook.app.handler({}, _context())
    assert posts == ["https://customer.example/good"]
    assert admin.execute(
        "SELECT status, attempts, next_attempt_at > clock_timestamp() + interval '20 seconds'"
        " FROM resma.webhook_deliveries WHERE url LIKE '%/bad'"
    ).fetchall() == [("PENDING", 1, True)]
    assert admin.execute("SELECT error FROM resma.webhook_attempts WHERE error IS NOT NULL").fetchall() == [
        ("Not sent: internal error (ValueError).",)
    ]


def test_connections_are_encrypted_unless_the_secret_says_otherwise(system: System, postgres: PostgresServer) -> None:
    server = {"host": "127.0.0.1", "port": postgres.port, "dbname": "postgres"}
    secret = {**server, "username": "resma_app", "password": PASSWORD}
    arn = boto3.client("secretsmanager").create_secret(Name="encrypted", SecretString=json.dumps(secret))["ARN"]
    # The tests' server has no certificate, so no connection is made.
    with pytest.raises(DatabaseUnavailableError), Database(arn, "test").transaction("demo"):
        pass
