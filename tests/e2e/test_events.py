"""Events on the whole stack: sent to the subscribers of infra/examples, and received from the bus as requests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infra.admin.tenants import create_tenant
from infra.examples.deploy_example import deploy_example
from infra.paths import ROOT
from tests.support.client import Backlog, Client, Json
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.fault_proxy import Fault
from tests.support.local_stack import STACK, Faults

NONE = {"from": "2030-01-01"}
OTHER = "events-bank"
ADDRESS = "operations@bank.example"


class BusQueue:
    """A queue that receives the events on the bus that match a pattern."""

    def __init__(self, client: Client, name: str, pattern: Json) -> None:
        self._client = client
        sqs, bus = client.aws("sqs"), client.aws("events")
        self.url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bus.put_rule(Name=name, EventBusName=client.stack.up.outputs["EventBusName"], EventPattern=json.dumps(pattern))
        bus.put_targets(Rule=name, Targets=[{"Id": name, "Arn": arn}])
        self._received: list[Json] = []

    def find(self, detail_type: str, **fields: Any) -> list[Json]:
        """Returns the details of the received events that have this type and these fields."""
        self._received += [json.loads(body) for body in take(self._client, self.url)]
        details = [event["detail"] for event in self._received if event["detail-type"] == detail_type]
        return [detail for detail in details if fields.items() <= {**detail.get("data", {}), **detail}.items()]

    def wait_for_event(self, detail_type: str, seconds: float = PATIENCE_SECONDS, **fields: Any) -> Json:
        """Waits for an event with this type and these fields, and returns its detail."""
        return eventually(f"{detail_type} with {fields}", lambda: self.find(detail_type, **fields), seconds)[0]


def take(client: Client, url: str) -> list[str]:
    """Receives and deletes all messages in a queue; returns their bodies."""
    sqs, bodies = client.aws("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        bodies += [message["Body"] for message in messages]
    return bodies


@pytest.fixture(scope="module")
def bus(client: Client) -> BusQueue:
    """A queue with the events that Resma puts on the bus."""
    return BusQueue(client, "test-bus", {"source": ["resma"]})


@pytest.fixture(scope="module")
def examples(client: Client) -> dict[str, Json]:
    """The outputs of all examples, deployed for the tenant `demo`."""
    with psycopg.connect(client.stack.up.database_url) as connection:
        create_tenant(connection, OTHER, "Events Bank", {})
    parameters = {"email_subscriber": {"EmailAddress": ADDRESS}}
    names = ("email_subscriber", "lambda_subscriber", "request_by_event")
    outputs = {
        name: deploy_example(client.stack, name, {"TenantId": "demo", **parameters.get(name, {})}) for name in names
    }
    return {**outputs, "sqs_subscriber": deploy_by_command("sqs_subscriber", "TenantId=demo")}


def deploy_by_command(name: str, *parameters: str) -> Json:
    """Deploys an example with the command in docs/events.md; returns the outputs that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.examples", name, *parameters],
        env={**os.environ, "RESMA_STACK": STACK},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def put_request(client: Client, detail: Any, request_id: str | None = None) -> str:
    """Puts `Report Requested` on the bus, as another system does; returns the event's id."""
    if request_id is not None:
        detail = {**detail, "requestId": request_id}
    entry = {"Source": "bank.reporting", "DetailType": "Report Requested", "Detail": json.dumps(detail)}
    answer = client.aws("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    return str(answer["Entries"][0]["EventId"])


def request_detail(tenant: str = "demo", **request: Any) -> Json:
    """Returns the detail of an event that requests a report without rows."""
    return {"tenantId": tenant, "request": {"type": "TRANSACTIONS", "format": "CSV", "filters": NONE, **request}}


def fail_report(client: Client, faults: Faults) -> str:
    """Makes a report of `demo` fail by dead-lettering it; returns its id."""
    with faults.sqs.failing(Fault("refuse")):
        report_id = client.request_report("CSV", NONE)
        client.sql("UPDATE resma.reports SET attempt = attempts_allowed WHERE report_id = %s", report_id)
    body = json.dumps({"tenant_id": "demo", "report_id": report_id})
    record = {"messageId": "1", "body": body, "attributes": {}, "eventSource": "aws:sqs", "receiptHandle": "1"}
    client.invoke_function("DeadLetterFunction", json.dumps({"Records": [record]}).encode())
    assert client.show(report_id)["status"] == "FAILED"
    return report_id


def logged(client: Client, function_name: str) -> str:
    """Returns the log of a function."""
    logs = (client.stack.folder / "logs").glob(f"*{function_name}*.log")
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)


# ---------------------------------------------------------------- sent events


def test_the_queue_sees_its_tenants_ready_reports_and_no_others(
    client: Client, faults: Faults, bus: BusQueue, examples: dict[str, Json]
) -> None:
    url = examples["sqs_subscriber"]["QueueUrl"]
    take(client, url)
    others = bus.wait_for_event("Report Accepted", eventId=put_request(client, request_detail(OTHER)))["reportId"]
    failed = fail_report(client, faults)
    ready = client.request_report("CSV", NONE)
    for report_id, status in ((others, "READY"), (failed, "FAILED"), (ready, "READY")):
        assert bus.wait_for_event("Report Completed", reportId=report_id)["data"]["status"] == status
    eventually(
        "the topic has received all of them",
        lambda: not client.sql("SELECT 1 FROM resma.events WHERE published_at IS NULL"),
    )
    received: list[Json] = []

    def has_arrived() -> bool:
        received.extend(json.loads(body) for body in take(client, url))
        return any(message["data"]["reportId"] == ready for message in received)

    eventually("the event of the READY report has arrived", has_arrived)
    assert {(message["data"]["tenantId"], message["data"]["status"]) for message in received} == {("demo", "READY")}
    assert not {others, failed} & {message["data"]["reportId"] for message in received}
    (message,) = [message for message in received if message["data"]["reportId"] == ready]
    assert message == bus.wait_for_event("Report Completed", reportId=ready), (
        "the event is the same on the topic and on the bus"
    )


def test_an_email_is_sent_for_a_failure_and_for_nothing_else(
    client: Client, faults: Faults, bus: BusQueue, examples: dict[str, Json]
) -> None:
    """LocalStack stores emails instead of sending them. Unlike SNS, it does not wait for a confirmation."""
    ready = client.wait_for_status(client.request_report("CSV", NONE), "READY")["id"]
    failed = fail_report(client, faults)

    def inbox() -> list[Json]:
        sent = client.http("GET", f"{client.stack.up.aws_url}/_aws/ses").json()["messages"]
        to_subscriber = [message for message in sent if message.get("Destination", {}).get("ToAddresses") == [ADDRESS]]
        return [json.loads(message["Body"]["text_part"]) for message in to_subscriber]

    eventually("the email is sent", lambda: failed in {message["data"]["reportId"] for message in inbox()})
    bus.wait_for_event("Report Completed", reportId=ready)
    assert {message["data"]["status"] for message in inbox()} == {"FAILED"}
    subscription = client.aws("sns").get_subscription_attributes(
        SubscriptionArn=examples["email_subscriber"]["SubscriptionArn"]
    )["Attributes"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", ADDRESS)
    assert subscription["PendingConfirmation"] == "true", "SNS would wait for the confirmation"


def test_the_function_is_invoked_by_topic_and_by_bus(client: Client, faults: Faults, examples: dict[str, Json]) -> None:
    ready = client.request_report("CSV", {"from": "2024-03-01", "to": "2024-03-02"})
    empty = client.request_report("CSV", NONE)
    for report_id in (ready, empty):
        client.wait_for_status(report_id, "READY")
    failed = fail_report(client, faults)

    def recorded() -> set[tuple[str, str]]:
        lines = [line for line in logged(client, "LogFunction").splitlines() if '"reportId"' in line]
        records = [json.loads(line[line.index("{") :]) for line in lines]
        return {(record["source"], record["reportId"]) for record in records}

    eventually("it was invoked in both ways", lambda: {("bus", ready), ("topic", failed)} <= recorded())
    assert not {("topic", ready), ("bus", failed), ("bus", empty), ("topic", empty)} & recorded()


# ---------------------------------------------------------------- received events


def test_an_event_becomes_a_file(client: Client, bus: BusQueue, examples: dict[str, Json]) -> None:
    name = examples["request_by_event"]["FunctionName"]
    first, second = (
        json.loads(client.aws("lambda").invoke(FunctionName=name)["Payload"].read())["eventId"] for _ in range(2)
    )
    accepted = bus.wait_for_event("Report Accepted", eventId=first)
    assert bus.wait_for_event("Report Accepted", eventId=second)["reportId"] == accepted["reportId"], (
        "the example requests one report per day"
    )
    completed = bus.wait_for_event("Report Completed", reportId=accepted["reportId"])
    assert completed["data"]["status"] == "READY"
    file = client.download(client.show(accepted["reportId"]))
    assert file.sha256 == completed["data"]["sha256"]


def test_the_same_event_twice_makes_one_report(client: Client, bus: BusQueue) -> None:
    """Two events with one requestId make one report, as does one event that the queue delivers twice."""
    count, request_id = client.count_reports(), uuid4().hex
    events = [put_request(client, request_detail(), request_id) for _ in range(2)]
    reports = {bus.wait_for_event("Report Accepted", eventId=event_id)["reportId"] for event_id in events}
    event_id = str(uuid4())
    envelope = {
        "id": event_id,
        "source": "bank.reporting",
        "detail-type": "Report Requested",
        "detail": request_detail(),
    }
    for _ in range(2):
        client.aws("sqs").send_message(
            QueueUrl=client.stack.up.outputs["RequestQueueUrl"], MessageBody=json.dumps(envelope)
        )
    eventually("two replies", lambda: len(bus.find("Report Accepted", eventId=event_id)) == 2)
    reports |= {answer["reportId"] for answer in bus.find("Report Accepted", eventId=event_id)}
    assert (len(reports), client.count_reports()) == (2, count + 2)


@pytest.mark.parametrize(
    ("detail", "pointer"),
    [
        (request_detail("nobody"), "/tenantId"),
        (request_detail(format="DOCX"), "/request/format"),
        (request_detail(filters={"from": "tomorrow"}), "/request/filters/from"),
        ({**request_detail(), "scopes": ["personal:read"]}, "/scopes"),
    ],
)
def test_an_invalid_event_is_rejected_with_a_pointer(client: Client, bus: BusQueue, detail: Any, pointer: str) -> None:
    count = client.count_reports()
    rejected = bus.wait_for_event("Report Rejected", eventId=put_request(client, detail))
    assert rejected["code"] == "request-invalid"
    assert [error["pointer"] for error in rejected["errors"]] == [pointer]
    assert client.count_reports() == count
    eventually("it is not tried again", lambda: client.backlog("RequestQueueUrl") == Backlog(0, 0))
    assert client.backlog("FailedRequestQueueUrl") == Backlog(0, 0)


def test_an_unavailable_bus_delays_nothing_and_gets_its_events_later(
    client: Client, faults: Faults, bus: BusQueue
) -> None:
    client.wait_for_handled_events()
    with faults.bus.failing(Fault("refuse")) as fault:
        unannounced = client.request_report("CSV", NONE)
        client.wait_for_status(unannounced, "READY")
        fault.wait_for_fault()
        count = client.count_reports()
        event_id = put_request(client, request_detail())
        eventually("its report is started", lambda: client.count_reports() == count + 1)
        eventually("the event stays in flight", lambda: client.backlog("RequestQueueUrl").in_flight == 1)
        eventually(
            "the event is published to the topic nevertheless",
            lambda: (
                client.sql(
                    "SELECT published_at IS NULL, published_to_bus_at IS NULL FROM resma.events WHERE report_id = %s",
                    unannounced,
                )
                == [(False, True)]
            ),
        )
    client.sql(
        "UPDATE resma.events SET created_at = created_at - interval '6 seconds' WHERE published_to_bus_at IS NULL"
    )
    client.invoke_function("SchedulerFunction")
    bus.wait_for_event("Report Completed", reportId=unannounced)
    bus.wait_for_event("Report Accepted", eventId=event_id)
    assert client.count_reports() == count + 1


def test_the_entry_in_the_docs_works_unchanged(client: Client, bus: BusQueue) -> None:
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    found = re.search(r"```json entries\.json\n(.*?)```", text, re.DOTALL)
    assert found is not None
    answer = client.aws("events").put_events(Entries=json.loads(found[1]))
    accepted = bus.wait_for_event("Report Accepted", eventId=answer["Entries"][0]["EventId"])
    assert bus.wait_for_event("Report Completed", reportId=accepted["reportId"])["data"]["status"] == "READY"


def test_a_dead_lettered_request_can_be_redriven(client: Client, faults: Faults, bus: BusQueue) -> None:
    """The queue is set to dead-letter at the first failure, so that the test does not take three hours."""
    sqs, outputs = client.aws("sqs"), client.stack.up.outputs
    url, failed = outputs["RequestQueueUrl"], outputs["FailedRequestQueueUrl"]
    arns = [
        sqs.get_queue_attributes(QueueUrl=each, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for each in (url, failed)
    ]
    original = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    policy = json.dumps({"deadLetterTargetArn": arns[1], "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    try:
        with faults.database.failing(Fault("refuse")):
            event_id = put_request(client, request_detail())
            eventually("it is dead-lettered", lambda: client.backlog("FailedRequestQueueUrl").waiting == 1)
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": original})
    assert bus.find("Report Accepted", eventId=event_id) == []
    sqs.start_message_move_task(SourceArn=arns[1], DestinationArn=arns[0])
    bus.wait_for_event("Report Accepted", eventId=event_id)
    assert client.backlog("FailedRequestQueueUrl") == Backlog(0, 0)
