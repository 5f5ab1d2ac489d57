"""Scenarios in which each function uses each of its permissions, on the whole stack.

A scenario does not depend on what ran before it, and waits until the function has used its permissions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg

from infra.admin.tenants import set_email_domains
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
    """The stack, its fault proxies and a webhook receiver, on which scenarios act."""

    client: Client
    faults: Faults
    webhooks: WebhookReceiver


def download_a_report(world: World) -> None:
    """Requests a report with a callback that contains a download URL, and downloads its file."""
    client = world.client
    report_id = client.request_report("CSV", NONE, callbackUrl=world.webhooks.customer("permissions"))
    client.download(client.wait_for_status(report_id, "READY"))
    eventually("the callback has arrived", lambda: _has_arrived(world, report_id))


def split_a_report(world: World) -> None:
    """Generates a split report of several shards, so that its coordinator sends their messages."""
    client = world.client
    more = {"type": "ACCOUNT_STATEMENT", "splitBy": ["account"]}
    report = client.wait_for_status(client.request_report("CSV", ALL, **more), "READY")
    assert report["split"]["shards"]["total"] > 1


def deliver_to_buckets(world: World) -> None:
    """Delivers a report to a bucket with the identity of the function, and with an assumed role."""
    client = world.client
    client.s3.create_bucket(Bucket="permissions-partner")
    settings = {"bucket": "permissions-partner", "path": "{report}/{file}"}
    role = {**settings, "roleArn": "arn:aws:iam::000000000000:role/resma-delivery"}
    bodies = [{"name": "x", "kind": "S3", "settings": each} for each in (settings, role)]
    made = [client.http("POST", "/api/v1/destinations", json=body).json()["id"] for body in bodies]
    report_id = client.request_report("CSV", NONE, deliverTo=made)
    path = f"/api/v1/reports/{report_id}/file-deliveries"
    eventually(
        "the files are delivered",
        lambda: [each["status"] for each in client.http("GET", path).json()["items"]] == ["DELIVERED"] * 2,
    )


def send_by_email(world: World) -> None:
    """Sends a message about a test to a recipient."""
    client = world.client
    with psycopg.connect(client.stack.up.database_url) as connection:
        set_email_domains(connection, "demo", ["example.com"])
    body = {"name": "x", "kind": "EMAIL", "settings": {"recipients": ["permissions@example.com"]}}
    made = client.http("POST", "/api/v1/destinations", json=body).json()["id"]
    delivery = client.http("POST", f"/api/v1/destinations/{made}/test").json()["id"]
    path = f"/api/v1/file-deliveries/{delivery}"
    eventually("the message is sent", lambda: client.http("GET", path).json()["status"] == "DELIVERED")


def cancel_a_queued_report(world: World) -> None:
    """Cancels a report that no worker has claimed, so that the API itself publishes the event."""
    with world.faults.sqs.failing(Fault("refuse")) as fault:
        report_id = world.client.request_report("CSV", NONE)
        fault.wait_for_fault()
        assert world.client.http("POST", f"/api/v1/reports/{report_id}/cancel").json()["status"] == "CANCELLED"
    eventually("its event is published", lambda: _is_published(world.client, report_id))


def refuse_parts(world: World) -> None:
    """Makes the first attempt abort its upload, and the second one remove what the first may have left."""
    client = world.client
    report_id = client.request_unsent_report(world.faults.sqs, "CSV", ALL)
    with world.faults.s3.failing(Fault("refuse", when=report_id.encode(), then=PART)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
        eventually("the first attempt has failed", lambda: client.show(report_id)["error"])
    client.wait_for_status(report_id, "READY")


def lose_the_response_to_a_completion(world: World) -> None:
    """Makes the worker check in the object store whether the object exists."""
    report_id = world.client.request_unsent_report(world.faults.sqs, "CSV", NONE)
    completion = Fault("cut", when=report_id.encode(), then=b"<CompleteMultipartUpload")
    with world.faults.s3.failing(completion) as fault:
        world.client.send_job_again(report_id)
        fault.wait_for_fault()
    world.client.wait_for_status(report_id, "READY")


def dead_letter_a_report(world: World) -> None:
    """Makes the dead-letter function publish the event."""
    client = world.client
    with world.faults.sqs.failing(Fault("refuse")):
        dead = client.request_report("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", dead)
    body = json.dumps({"tenant_id": "demo", "report_id": dead})
    record = {"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs", "receiptHandle": "1"}
    client.invoke_function("DeadLetterFunction", json.dumps({"Records": [record]}).encode())
    eventually("its event is published", lambda: _is_published(client, dead))


def request_by_event(world: World) -> None:
    """Makes an example's function put `Report Requested` on the bus, which starts a report."""
    client = world.client
    # Another test may have deployed the example.
    deployed = find_outputs(client.stack.endpoint, "resma-example-request-by-event")
    outputs = deployed or deploy_example(client.stack, "request_by_event", {"TenantId": "demo"})
    name = outputs["FunctionName"]
    count = client.count_reports()
    client.aws("lambda").invoke(FunctionName=name)
    _put_request(client)  # the example requests one report per day, which may exist already
    eventually("its report is started", lambda: client.count_reports() > count)
    client.wait_for_empty_queues()


def request_by_event_while_the_bus_is_unavailable(world: World) -> None:
    """Keeps the request in flight, since the intake function cannot put its reply on the bus."""
    world.client.wait_for_handled_events()
    with world.faults.bus.failing(Fault("refuse")) as fault:
        _put_request(world.client)
        fault.wait_for_fault()
        eventually("the event stays in flight", lambda: world.client.backlog("RequestQueueUrl").in_flight == 1)
    eventually("the reply is sent", lambda: world.client.backlog("RequestQueueUrl").in_flight == 0)


def leave_an_event_and_a_job_unsent(world: World) -> None:
    """Makes the scheduler send an event and a job that were committed some time ago but not sent."""
    client = world.client
    announced = client.wait_for_status(client.request_report("CSV", NONE), "READY")["id"]
    with world.faults.sqs.failing(Fault("refuse")):
        unsent = client.request_report("CSV", NONE)
        client.sql(
            "UPDATE resma.reports SET created_at = created_at - interval '1 hour', enqueued_at = NULL"
            " WHERE report_id = %s",
            unsent,
        )
    eventually("its event is published", lambda: _is_published(client, announced))
    client.sql(
        "UPDATE resma.events SET published_at = NULL, published_to_bus_at = NULL,"
        " created_at = created_at - interval '1 hour'"
        " WHERE report_id = %s",
        announced,
    )
    client.invoke_function("SchedulerFunction")
    eventually("its event is published again", lambda: _is_published(client, announced))
    client.wait_for_status(unsent, "READY")


def expire_a_report(world: World) -> None:
    """Makes the scheduler remove a report's file, and the open upload of a crashed worker."""
    make_expired_report(world.client)


def make_expired_report(client: Client) -> Json:
    """Makes a report expire, and the scheduler remove its file and the open upload of a crashed worker.

    Returns the report as it was when READY.
    """
    report = client.wait_for_status(client.request_report("CSV", NONE), "READY")
    report_id = report["id"]
    bucket, key = client.stack.up.outputs["BucketName"], f"demo/{report_id}/1.rest.csv"
    client.s3.create_multipart_upload(Bucket=bucket, Key=key)
    client.sql(
        "UPDATE resma.reports SET expires_at = clock_timestamp(), finished_at = clock_timestamp() - interval '1 hour'"
        " WHERE report_id = %s",
        report_id,
    )
    client.invoke_function("SchedulerFunction")
    eventually("the file is gone", lambda: client.objects(report_id) == [])
    assert client.s3.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", []) == []
    return report


def hold_a_report(world: World) -> None:
    """Makes the scheduler check whether the bucket has Object Lock, to give objects a legal hold."""
    client = world.client
    report_id = client.wait_for_status(client.request_report("CSV", NONE), "READY")["id"]
    held = client.http("PUT", f"/api/v1/reports/{report_id}/hold", json={"reason": "Case 1"}).json()
    assert held["held"]
    client.invoke_function("SchedulerFunction")
    assert client.http("DELETE", f"/api/v1/reports/{report_id}/hold").json()["held"] is False


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
    split_a_report: {"WorkerFunction": {"sqs:SendMessage"}},
    deliver_to_buckets: {
        "WorkerFunction": {"sqs:SendMessage"},
        "DeliveryFunction": {"s3:GetObject", "s3:PutObject", "sts:AssumeRole"},
    },
    send_by_email: {"DeliveryFunction": {"ses:SendRawEmail"}},
    cancel_a_queued_report: {"ApiFunction": {"sns:Publish", "events:PutEvents"}},
    refuse_parts: {
        "WorkerFunction": {
            "s3:AbortMultipartUpload",
            "s3:ListBucketMultipartUploads",
            "s3:DeleteObject",
            "dynamodb:DeleteItem",
        }
    },
    lose_the_response_to_a_completion: {"WorkerFunction": {"s3:GetObject"}},
    dead_letter_a_report: {"DeadLetterFunction": {"sns:Publish", "events:PutEvents"}},
    request_by_event: {
        "RequestFunction": {"events:PutEvents"},
        "IntakeFunction": {"sqs:SendMessage", "events:PutEvents"},
    },
    request_by_event_while_the_bus_is_unavailable: {"IntakeFunction": {"sqs:ChangeMessageVisibility"}},
    leave_an_event_and_a_job_unsent: {"SchedulerFunction": {"sns:Publish", "events:PutEvents", "sqs:SendMessage"}},
    expire_a_report: {
        "SchedulerFunction": {
            "s3:ListBucket",
            "s3:ListBucketMultipartUploads",
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
        }
    },
    hold_a_report: {"SchedulerFunction": {"s3:GetBucketObjectLockConfiguration"}},
}
"""The permissions that each scenario makes functions use, by the functions' logical names."""

NEEDS_OBJECT_LOCK = {"s3:PutObjectLegalHold"}
"""Permissions for buckets with Object Lock, which that of the stack does not have (test_hold_objects.py)."""

ON_START = {"secretsmanager:GetSecretValue"}
"""Permissions that a function uses only when its process starts."""


def _put_request(client: Client) -> None:
    detail: Json = {"tenantId": "demo", "request": {"type": "TRANSACTIONS", "format": "CSV", "filters": NONE}}
    entry = {"Source": "bank.reporting", "DetailType": "Report Requested", "Detail": json.dumps(detail)}
    assert client.aws("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def _is_published(client: Client, report_id: str) -> bool:
    sent = "SELECT published_at IS NOT NULL AND published_to_bus_at IS NOT NULL FROM resma.events WHERE report_id = %s"
    return client.sql(sent, report_id) == [(True,)]


def _has_arrived(world: World, report_id: str) -> bool:
    received = world.webhooks.received("permissions")
    return report_id in {webhook.message["data"]["reportId"] for webhook in received}
