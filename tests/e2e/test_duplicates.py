"""A job's message delivered twice, even at the same time, causes one attempt, one object, one event and one webhook."""

from __future__ import annotations

from tests.support.client import Backlog, Client, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults
from tests.support.webhook_receiver import WebhookReceiver

ALL = {"from": "2024-01-01"}
PART = b"partNumber="


def test_a_duplicate_while_the_job_runs_changes_nothing(
    client: Client, faults: Faults, webhooks: WebhookReceiver
) -> None:
    client.wait_for_empty_queues()
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL, callbackUrl=webhooks.customer("duplicate-late"))
    with faults.s3.failing(Fault("stall", when=report_id.encode(), then=PART)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
        client.send_job_again(report_id)
        eventually("both messages are in flight", lambda: client.backlog() == Backlog(0, 2))
        eventually("the second one was rejected", lambda: is_rejected(client, report_id))
    require_done_once(client, webhooks, report_id, "duplicate-late")


def test_two_messages_at_once_make_one_report(client: Client, faults: Faults, webhooks: WebhookReceiver) -> None:
    client.wait_for_empty_queues()
    report_id = client.request_unsent_report(faults.sqs, "PDF", ALL, callbackUrl=webhooks.customer("duplicate-at-once"))
    with faults.s3.failing(Fault("stall", when=report_id.encode(), then=PART)) as fault:
        client.send_job_again(report_id, times=2)
        fault.wait_for_fault()
        eventually("one of them was rejected", lambda: is_rejected(client, report_id))
    require_done_once(client, webhooks, report_id, "duplicate-at-once")


def is_rejected(client: Client, report_id: str) -> bool:
    """Returns whether a worker has logged that another worker has the job."""
    logs = (client.stack.folder / "logs").glob("*WorkerFunction*.log")
    return any(
        report_id in line and "another worker has the job" in line
        for log in logs
        for line in log.read_text(encoding="utf-8").splitlines()
    )


def require_done_once(client: Client, webhooks: WebhookReceiver, report_id: str, customer: str) -> None:
    """Asserts that a report became READY in one attempt, and that the duplicate changed nothing."""
    report = client.wait_for_status(report_id, "READY")
    assert report["attempt"] == 1
    webhooks.wait_for_webhooks(customer)
    client.wait_for_empty_queues()  # the duplicate has been delivered again and deleted
    assert client.show(report_id) == report
    require_one_whole_file(client, report)
    assert [webhook.status for webhook in webhooks.received(customer)] == [204]
    assert client.sql("SELECT count(*) FROM resma.webhook_attempts JOIN resma.events USING (event_id)"
                      " WHERE report_id = %s", report_id) == [(1,)]  # fmt: skip
