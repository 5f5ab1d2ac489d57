"""The database is down, busy or refuses a query: reports are retried if that can help, and otherwise FAILED at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from uuid import UUID

import psycopg

from tests.support.client import GENERATE, Client, require_no_file, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults
from tests.support.problems import require_problem
from tests.support.webhook_receiver import WebhookReceiver

ALL = {"from": "2024-01-01"}


@contextlib.contextmanager
def stopped_postgres(client: Client) -> Iterator[None]:
    """Stops the server immediately, as in a crash, and starts it again at the end of the block."""
    # The embedded server confirms commits before they are written to disk, so they are written here.
    client.sql("CHECKPOINT")
    server = client.stack.postgres()
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_a_database_restart_during_a_report_costs_one_attempt_and_nothing_else(client: Client, faults: Faults) -> None:
    # Only the connection that reads the rows carries a megabyte, so only it stalls, in the middle of the rows.
    with faults.database.failing(Fault("stall", after_bytes=1_000_000)) as fault:
        report_id = client.request_report("CSV", ALL)
        fault.wait_for_fault()
        with stopped_postgres(client):
            assert client.objects(report_id) == []
    report = client.wait_for_status(report_id, "READY")
    assert report["attempt"] == 2
    require_one_whole_file(client, report)


def test_a_request_while_the_database_is_down_is_refused_completely(client: Client) -> None:
    before = client.count_reports()
    with stopped_postgres(client):
        answer = client.http("POST", GENERATE, json={"type": "TRANSACTIONS", "format": "CSV", "filters": ALL})
        status = client.http("GET", "/api/v1/reports/00000000-0000-4000-8000-000000000000")
    for refused in (answer, status):
        assert refused.status == 503
        assert require_problem(refused)["type"] == "urn:resma:problem:database-unavailable"
        assert int(refused.headers["Retry-After"]) > 0
    assert client.count_reports() == before
    report = client.wait_for_status(client.request_report("CSV", {"from": "2030-01-01"}), "READY")
    assert report["attempt"] == 1, "the next request succeeds at the first attempt"


def test_a_database_that_is_unavailable_to_workers_counts_no_attempt(client: Client, faults: Faults) -> None:
    # The statement with which a worker claims a job: no attempt starts, and the message is delivered again later.
    claim = b"attempt = attempt + 1"
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL)
    with faults.database.failing(Fault("refuse", when=claim, then=UUID(report_id).bytes)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
    with faults.database.failing(Fault("refuse", when=claim, then=UUID(report_id).bytes)) as fault:
        fault.wait_for_fault()
        assert client.show(report_id)["status"] == "PENDING"
    report = client.wait_for_status(report_id, "READY")
    assert report["attempt"] == 1
    require_one_whole_file(client, report)


def test_a_report_is_dead_lettered_after_three_attempts(client: Client, webhooks: WebhookReceiver) -> None:
    with psycopg.connect(client.stack.up.database_url) as locker:
        locker.execute("LOCK TABLE bank.transactions IN ACCESS EXCLUSIVE MODE")
        report_id = client.request_report("CSV", ALL, callbackUrl=webhooks.customer("poison"))
        report = client.wait_for_status(report_id, "FAILED")
    assert (report["attempt"], report["error"]["code"]) == (3, "database-busy")
    assert report["links"]["download"] is None
    require_no_file(client, report_id)
    client.wait_for_empty_queues()
    (webhook,) = webhooks.wait_for_webhooks("poison")
    assert webhook.message["type"] == "report.failed"
    assert webhook.message["data"]["error"] == report["error"]
    assert "downloadUrl" not in webhook.message["data"]


def test_an_invalid_query_fails_at_once(client: Client, webhooks: WebhookReceiver) -> None:
    client.sql("ALTER TABLE bank.transactions RENAME COLUMN counterparty TO other_side")
    try:
        report_id = client.request_report("PDF", ALL, callbackUrl=webhooks.customer("refused"))
        report = client.wait_for_status(report_id, "FAILED")
    finally:
        client.sql("ALTER TABLE bank.transactions RENAME COLUMN other_side TO counterparty")
    assert (report["attempt"], report["error"]["code"]) == (1, "query-invalid")
    require_no_file(client, report_id)
    client.wait_for_empty_queues()
    assert webhooks.wait_for_webhooks("refused")[0].message["type"] == "report.failed"
    eventually("the repaired report works", lambda: client.wait_for_status(client.request_report("CSV", ALL), "READY"))
