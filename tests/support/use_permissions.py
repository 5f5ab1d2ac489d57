"""What makes each function use each of its permissions, on the whole stack: one scenario for some of them at a time.

Every scenario brings about what it needs by itself, whatever ran before it, and waits until it has happened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.deploy.cloudformation import find_outputs
from infra.examples.deploy_example import deploy_example
from tests.support.client import Client, Json
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults
from tests.support.webhook_receiver import WebhookReceiver

NONE = {"from": "2030-01-01"}
ALL = {"from": "2024-01-01"}
PART = b"partNumber="


@dataclass(frozen=True)
class World:
    """What scenarios act on."""

    client: Client
    faults: Faults
    webhooks: WebhookReceiver


def download_a_report(world: World) -> None:
    """A report from the request to the file, with a callback that carries a link to it."""
    client = world.client
    report_id = client.ask("CSV", NONE, callbackUrl=world.webhooks.customer("permissions"))
    client.download(client.await_status(report_id, "READY"))
    eventually("the callback", lambda: _has_arrived(world, report_id))


def cancel_a_report_that_waits(world: World) -> None:
    """No worker has it, so the API itself announces its end."""
    with world.faults.sqs.failing(Fault("refuse")) as fault:
        report_id = world.client.ask("CSV", NONE)
        fault.wait_for_fault()
        assert world.client.http("POST", f"/api/v1/reports/{report_id}/cancel").json()["status"] == "CANCELLED"
    eventually("it is announced", lambda: _is_announced(world.client, report_id))


def refuse_parts(world: World) -> None:
    """The first attempt aborts its upload, and the second one clears away what the first may have left."""
    client = world.client
    with world.faults.s3.failing(Fault("refuse", when=PART)) as fault:
        report_id = client.ask("CSV", ALL)
        fault.wait_for_fault()
        eventually("the first attempt has failed", lambda: client.show(report_id)["error"])
    client.await_status(report_id, "READY")


def lose_the_answer_to_a_completion(world: World) -> None:
    """The worker asks the store whether the object is there."""
    with world.faults.s3.failing(Fault("cut", when=b"<CompleteMultipartUpload")) as fault:
        report_id = world.client.ask("CSV", NONE)
        fault.wait_for_fault()
    world.client.await_status(report_id, "READY")


def give_up_a_report(world: World) -> None:
    """The function for dead letters announces the end."""
    client = world.client
    with world.faults.sqs.failing(Fault("refuse")):
        dead = client.ask("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", dead)
    body = json.dumps({"tenant_id": "demo", "report_id": dead})
    record = {"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs", "receiptHandle": "1"}
    client.invoke_function("DeadLetterFunction", json.dumps({"Records": [record]}).encode())
    eventually("it is announced", lambda: _is_announced(client, dead))


def request_by_event(world: World) -> None:
    """An example's function puts `Report Requested` on the bus; the report is started from there."""
    client = world.client
    deployed = find_outputs(client.stack.endpoint, "resma-example-request-by-event")  # by another test
    outputs = deployed or deploy_example(client.stack, "request_by_event", {"TenantId": "demo"})
    name = outputs["FunctionName"]
    count = client.count_reports()
    client.aws("lambda").invoke(FunctionName=name)
    _put_request(client)  # the example asks for one report a day, which may be there
    eventually("its report is started", lambda: client.count_reports() > count)
    client.await_empty_queues()


def request_by_event_while_the_bus_is_away(world: World) -> None:
    """The event rests: its answer could not be given."""
    with world.faults.bus.failing(Fault("refuse")) as fault:
        _put_request(world.client)
        fault.wait_for_fault()
        eventually("the event rests", lambda: world.client.backlog("RequestQueueUrl").in_flight == 1)
    eventually("it is answered", lambda: world.client.backlog("RequestQueueUrl").in_flight == 0)


def leave_an_event_and_a_job_unsent(world: World) -> None:
    """The scheduler's function sends what was committed longer ago than its grace and is not sent."""
    client = world.client
    announced = client.await_status(client.ask("CSV", NONE), "READY")["id"]
    with world.faults.sqs.failing(Fault("refuse")):
        unsent = client.ask("CSV", NONE)
        client.sql(
            "UPDATE resma.reports SET created_at = created_at - interval '1 hour', enqueued_at = NULL"
            " WHERE report_id = %s",
            unsent,
        )
    eventually("it is announced", lambda: _is_announced(client, announced))
    client.sql(
        "UPDATE resma.events SET published_at = NULL, published_to_bus_at = NULL,"
        " created_at = created_at - interval '1 hour'"
        " WHERE report_id = %s",
        announced,
    )
    client.invoke_function("SchedulerFunction")
    eventually("it is announced again", lambda: _is_announced(client, announced))
    client.await_status(unsent, "READY")


def expire_a_report(world: World) -> None:
    """The scheduler's function removes its file, and the upload that a dead worker left."""
    make_expired_report(world.client)


def make_expired_report(client: Client) -> Json:
    """Returns a report as it was when READY. Its file has expired since, and an upload of a dead worker is removed."""
    report = client.await_status(client.ask("CSV", NONE), "READY")
    report_id = report["id"]
    bucket, left = client.stack.up.outputs["BucketName"], f"demo/{report_id}/1.rest.csv"
    client.s3.create_multipart_upload(Bucket=bucket, Key=left)
    client.sql(
        "UPDATE resma.reports SET expires_at = clock_timestamp(), finished_at = clock_timestamp() - interval '1 hour'"
        " WHERE report_id = %s",
        report_id,
    )
    client.invoke_function("SchedulerFunction")
    eventually("the file is gone", lambda: client.objects(report_id) == [])
    assert client.s3.list_multipart_uploads(Bucket=bucket, Prefix=left).get("Uploads", []) == []
    return report


Scenario = Callable[[World], None]

_GENERATE = {
    "secretsmanager:GetSecretValue",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "s3:PutObject",
    "sns:Publish",
    "events:PutEvents",
    "sqs:ChangeMessageVisibility",
}

USES: Mapping[Scenario, Mapping[str, set[str]]] = {
    download_a_report: {
        "ApiFunction": {"sqs:SendMessage", "s3:GetObject"},
        "WorkerFunction": _GENERATE - {"secretsmanager:GetSecretValue"},
        "WebhookFunction": {"s3:GetObject"},
    },
    cancel_a_report_that_waits: {"ApiFunction": {"sns:Publish", "events:PutEvents"}},
    refuse_parts: {
        "WorkerFunction": {
            "s3:AbortMultipartUpload",
            "s3:ListBucketMultipartUploads",
            "s3:DeleteObject",
            "dynamodb:DeleteItem",
        }
    },
    lose_the_answer_to_a_completion: {"WorkerFunction": {"s3:GetObject"}},
    give_up_a_report: {"DeadLetterFunction": {"sns:Publish", "events:PutEvents"}},
    request_by_event: {
        "RequestFunction": {"events:PutEvents"},
        "IntakeFunction": {"sqs:SendMessage", "events:PutEvents"},
    },
    request_by_event_while_the_bus_is_away: {"IntakeFunction": {"sqs:ChangeMessageVisibility"}},
    leave_an_event_and_a_job_unsent: {"SchedulerFunction": {"sns:Publish", "events:PutEvents", "sqs:SendMessage"}},
    expire_a_report: {
        "SchedulerFunction": {
            "s3:ListBucket",
            "s3:ListBucketMultipartUploads",
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
        }
    },
}
"""What each scenario makes functions do, by their logical names."""

ON_START = {"secretsmanager:GetSecretValue"}
"""What a function does once in the life of its process, before anything else."""


def _put_request(client: Client) -> None:
    detail: Json = {"tenantId": "demo", "request": {"type": "TRANSACTIONS", "format": "CSV", "filters": NONE}}
    entry = {"Source": "bank.reporting", "DetailType": "Report Requested", "Detail": json.dumps(detail)}
    assert client.aws("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def _is_announced(client: Client, report_id: str) -> bool:
    sent = "SELECT published_at IS NOT NULL AND published_to_bus_at IS NOT NULL FROM resma.events WHERE report_id = %s"
    return client.sql(sent, report_id) == [(True,)]


def _has_arrived(world: World, report_id: str) -> bool:
    arrivals = world.webhooks.arrivals("permissions")
    return report_id in {arrival.message["data"]["reportId"] for arrival in arrivals}
