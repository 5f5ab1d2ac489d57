"""The scheduler, invoked by EventBridge's rule, sends what was committed while queue or topic were unavailable."""

from __future__ import annotations

from tests.support.client import GENERATE, Client, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults
from tests.support.webhook_receiver import WebhookReceiver

NONE = {"from": "2030-01-01"}


def test_the_scheduler_sends_what_could_not_be_sent(client: Client, faults: Faults, webhooks: WebhookReceiver) -> None:
    with faults.sqs.failing(Fault("refuse")) as fault:
        body = {"type": "TRANSACTIONS", "format": "CSV", "filters": NONE}
        answer = client.http("POST", GENERATE, json=body)
        fault.wait_for_fault()
        assert answer.status == 202, "an unavailable queue does not affect the caller"
        unsent = answer.json()["id"]
        assert client.row(unsent)["enqueued_at"] is None
    with faults.sns.failing(Fault("refuse")) as fault:
        unannounced = client.request_report("PDF", NONE, callbackUrl=webhooks.customer("unannounced"))
        client.wait_for_status(unannounced, "READY")
        fault.wait_for_fault()
    # The rule invokes the scheduler every minute; the first run can be too early for these rows.
    report = client.wait_for_status(unsent, "READY")
    assert report["attempt"] == 1
    require_one_whole_file(client, report)
    (webhook,) = webhooks.wait_for_webhooks("unannounced")
    assert webhook.message["data"]["reportId"] == unannounced
    eventually(
        "both were sent",
        lambda: (
            not client.sql("SELECT event_id FROM resma.events WHERE published_at IS NULL")
            and not client.sql("SELECT report_id FROM resma.reports WHERE enqueued_at IS NULL AND status = 'PENDING'")
        ),
    )
