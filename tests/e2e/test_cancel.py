"""Cancelling a report stops its query, its upload and its message, and sends a webhook."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from tests.support.client import Client, require_no_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults
from tests.support.webhook_receiver import WebhookReceiver

ALL = {"from": "2024-01-01"}


@contextlib.contextmanager
def slow_rows(client: Client) -> Iterator[None]:
    """Delays every row that a report reads, but not the totals before: the upload is open during the delay."""
    client.sql(
        "CREATE POLICY slow ON bank.transactions AS RESTRICTIVE FOR SELECT TO resma_reader USING"
        " (CASE WHEN current_query() LIKE 'FETCH%' THEN pg_sleep(0.002) IS NOT NULL ELSE true END)"
    )
    try:
        yield
    finally:
        client.sql("DROP POLICY slow ON bank.transactions")


def running_queries(client: Client) -> int:
    """Returns the number of workers' queries that the database is running."""
    return int(
        client.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = 'resma-worker-source'"
        )[0][0]
    )


def test_cancelling_a_running_report_stops_it_and_leaves_nothing(client: Client, webhooks: WebhookReceiver) -> None:
    with slow_rows(client):
        report_id = client.request_report("CSV", ALL, callbackUrl=webhooks.customer("cancelled"))
        client.wait_for_status(report_id, "GENERATING")
        eventually("its query runs", lambda: running_queries(client) == 1)
        eventually("its upload is open", lambda: client.open_uploads(report_id))
        answer = client.http("POST", f"/api/v1/reports/{report_id}/cancel")
        answered_at = time.monotonic()
        assert (answer.status, answer.json()["status"]) == (200, "CANCELLED")
        eventually("its query has stopped", lambda: running_queries(client) == 0)
        eventually("its upload is aborted", lambda: not client.open_uploads(report_id))
        print(f"stopped {time.monotonic() - answered_at:.2f} s after the response")
    require_no_file(client, report_id)
    assert client.show(report_id)["status"] == "CANCELLED"
    (webhook,) = webhooks.wait_for_webhooks("cancelled")
    assert (webhook.message["type"], webhook.message["data"]["status"]) == ("report.cancelled", "CANCELLED")
    assert client.http("POST", f"/api/v1/reports/{report_id}/cancel").status == 200, "cancelling twice is allowed"
    client.wait_for_empty_queues()
    assert client.sql("SELECT count(*) FROM resma.events WHERE report_id = %s", report_id) == [(1,)]


def test_a_report_cancelled_in_the_queue_is_never_started(client: Client, faults: Faults) -> None:
    with faults.sqs.failing(Fault("refuse")) as fault:
        report_id = client.request_report("CSV", ALL)
        fault.wait_for_fault()
        assert client.http("POST", f"/api/v1/reports/{report_id}/cancel").status == 200
    client.send_job_again(report_id)  # as if the first message had been sent
    client.wait_for_empty_queues()
    row = client.row(report_id)
    assert (row["status"], row["attempt"], row["started_at"]) == ("CANCELLED", 0, None)
    require_no_file(client, report_id)
