"""What the tick and the dead letters' function do in quieter hours, on the whole stack."""

from __future__ import annotations

import json

from tests.e2e.client import Client
from tests.e2e.conftest import Faults
from tests.e2e.eventually import eventually
from tests.e2e.fault_proxy import Fault

NONE = {"from": "2030-01-01"}


def test_an_expired_reports_file_and_what_a_dead_worker_left_are_removed(client: Client) -> None:
    report_id = client.ask("CSV", NONE)
    report = client.await_status(report_id, "READY")
    bucket = client.stack.up.outputs["BucketName"]
    left = f"demo/{report_id}/1.rest.csv"
    client.s3.create_multipart_upload(Bucket=bucket, Key=left)
    client.sql(
        "UPDATE resma.reports SET expires_at = clock_timestamp(), finished_at = clock_timestamp() - interval '1 hour'"
        " WHERE report_id = %s",
        report_id,
    )
    client.invoke_function("SchedulerFunction")
    eventually("the file is gone", lambda: client.objects(report_id) == [])
    assert client.s3.list_multipart_uploads(Bucket=bucket, Prefix=left).get("Uploads", []) == []
    assert client.show(report_id)["status"] == "EXPIRED"
    # The link that was given out before.
    assert client.http("GET", report["links"]["download"]).status == 410


def test_a_job_that_is_given_up_makes_room_for_the_next(client: Client, faults: Faults) -> None:
    client.await_empty_queues()
    with faults.sqs.failing(Fault("refuse")):
        dead, next_one = client.ask("CSV", NONE), client.ask("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", dead)
        client.sql("UPDATE resma.reports SET slot_at = NULL WHERE report_id = %s", next_one)  # it waits for its turn
    give_up(client, dead)
    client.await_status(next_one, "READY")


def give_up(client: Client, report_id: str) -> None:
    """Has the dead letters' function find a report's message, as after its last attempt."""
    body = json.dumps({"tenant_id": "demo", "report_id": report_id})
    record = {"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs", "receiptHandle": "1"}
    client.invoke_function("DeadLetterFunction", json.dumps({"Records": [record]}).encode())
    assert client.show(report_id)["status"] == "FAILED"
