"""What is committed but not sent, because queue or topic are away, is sent by the tick of EventBridge's own rule."""

from __future__ import annotations

from tests.e2e.client import GENERATE, Client, require_one_whole_file
from tests.e2e.conftest import Faults
from tests.e2e.eventually import eventually
from tests.e2e.fault_proxy import Fault
from tests.e2e.webhook_receiver import WebhookReceiver

NONE = {"from": "2030-01-01"}
TICK_SECONDS = 60


def test_the_tick_sends_what_could_not_be_sent(client: Client, faults: Faults, webhooks: WebhookReceiver) -> None:
    with faults.sqs.failing(Fault("refuse")) as fault:
        body = {"type": "TRANSACTIONS", "format": "CSV", "filters": NONE}
        answer = client.http("POST", GENERATE, json=body)
        fault.await_strike()
    assert answer.status == 202, "the caller need not know that the queue is away"
    unsent = answer.json()["id"]
    assert client.row(unsent)["enqueued_at"] is None
    with faults.sns.failing(Fault("refuse")) as fault:
        untold = client.ask("PDF", NONE, callbackUrl=webhooks.customer("untold"))
        client.await_status(untold, "READY")
        fault.await_strike()
    # By the tick, whose rule fires once a minute; twice, should the first have come just now.
    report = client.await_status(unsent, "READY", seconds=2 * TICK_SECONDS)
    assert report["attempt"] == 1
    require_one_whole_file(client, report)
    (arrival,) = webhooks.await_arrivals("untold", seconds=2 * TICK_SECONDS)
    assert arrival.message["data"]["reportId"] == untold
    eventually(
        "both are out of the outbox",
        lambda: (
            not client.sql("SELECT event_id FROM resma.events WHERE published_at IS NULL")
            and not client.sql("SELECT report_id FROM resma.reports WHERE enqueued_at IS NULL AND status = 'PENDING'")
        ),
    )
