"""The database goes away, is busy, or refuses: late but whole where another attempt helps, FAILED at once where not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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
    """Stops the server at once, as a crash would, and starts it again."""
    # The embedded server answers a commit before it is written; on one that is durable, none would be lost.
    client.sql("CHECKPOINT")
    server = client.stack.postgres()
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_a_database_restart_during_a_report_costs_one_attempt_and_nothing_else(client: Client, faults: Faults) -> None:
    # Only a snapshot carries a megabyte: all others pass, and the reader hangs in the middle of its rows.
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
    assert report["attempt"] == 1, "the next request finds all mended"


def test_a_database_that_is_unavailable_to_workers_counts_no_attempt(client: Client, faults: Faults) -> None:
    # The statement by which a worker claims a job: no attempt is made, and the message comes again after a pause.
    claim = b"attempt = attempt + 1"
    with faults.database.failing(Fault("refuse", when=claim)) as fault:
        report_id = client.request_report("CSV", ALL)
        fault.wait_for_fault()
    with faults.database.failing(Fault("refuse", when=claim)) as fault:
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
    (arrival,) = webhooks.wait_for_webhooks("poison")
    assert arrival.message["type"] == "report.failed"
    assert arrival.message["data"]["error"] == report["error"]
    assert "downloadUrl" not in arrival.message["data"]


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
