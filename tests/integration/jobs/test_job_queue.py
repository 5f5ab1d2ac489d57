"""Every job is sent when its report is requested, in its tenant's message group. Workers send no jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from psycopg import Connection
from psycopg.rows import TupleRow

import api.context
from resma.aws import clients
from resma.jobs.queue import MAX_SENT_AT_ONCE
from scheduler.send_jobs import LOST_SECONDS
from tests.support.system import System

OTHER = "another-bank"
NONE = {"from": "2030-01-01"}
LINEAGE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage={}:a8bf3c2d:0"


@pytest.fixture
def other_tenant(admin: Connection[TupleRow]) -> Iterator[str]:
    """A second tenant."""
    admin.execute("INSERT INTO resma.tenants (tenant_id, name) VALUES (%s, 'Another Bank')", (OTHER,))
    yield OTHER
    admin.execute("DELETE FROM resma.reports WHERE tenant_id = %s", (OTHER,))
    admin.execute("DELETE FROM resma.tenants WHERE tenant_id = %s", (OTHER,))


def _insert(admin: Connection[TupleRow], tenant_id: str, count: int) -> None:
    """Inserts reports whose jobs were not sent, as after a crash."""
    admin.execute(
        "INSERT INTO resma.reports (tenant_id, report_id, type, formats, filters, request_sha256, created_at)"
        " SELECT %s, gen_random_uuid(), 'TRANSACTIONS', '{CSV}', '{}', 'x', clock_timestamp() - interval '6 seconds'"
        " FROM generate_series(1, %s)",
        (tenant_id, count),
    )


def _drain(system: System) -> list[dict[str, Any]]:
    """Receives all messages in the queue, in order."""
    received: list[dict[str, Any]] = []
    while records := system.receive():
        received += records
    return received


def _reports(records: list[dict[str, Any]]) -> list[str]:
    return [json.loads(record["body"])["report_id"] for record in records]


def test_every_job_is_sent_at_once_in_its_tenants_group(system: System) -> None:
    ids = [str(system.request_report(format="CSV", filters=NONE)) for _ in range(25)]
    records = _drain(system)
    assert _reports(records) == ids
    assert {record["attributes"]["MessageGroupId"] for record in records} == {"demo"}


def test_workers_do_not_send_messages_in_a_recursive_loop(
    system: System, monkeypatch: pytest.MonkeyPatch, admin: Connection[TupleRow]
) -> None:
    """In Lambda, messages that a worker sends have the lineage of the message that invoked it, one deeper each time."""
    system.sqs = clients.sqs_client()
    ids = [system.request_report(format="CSV", filters=NONE) for _ in range(5)]
    sent: list[tuple[str, str]] = []

    def record_call(model: Any, **_more: Any) -> None:
        sent.append((model.service_model.service_name, model.name))

    for client in (clients.sqs_client(), clients.sns_client(), clients.events_client()):
        client.meta.events.register("before-call", record_call)
    depths, worked = set(), 0
    while records := system.receive():
        for record in records:
            header = record["attributes"].get("AWSTraceHeader", "")
            depths.add(int(header.rpartition("Lineage=")[2].partition(":")[0] or 0))
            with monkeypatch.context() as patch:
                patch.setenv("AWS_LAMBDA_FUNCTION_NAME", "worker")
                patch.setenv("_X_AMZN_TRACE_ID", LINEAGE.format(max(depths) + 1))
                assert system.work(record)
            worked += 1
            system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=record["receiptHandle"])
    assert worked == len(ids)
    assert depths == {0}, "each was sent by its requester, which was not invoked by a message"
    assert {call for call in sent if call[1].startswith(("Send", "Put", "Publish"))} == {
        ("sns", "Publish"),
        ("events", "PutEvents"),
    }


def test_a_client_in_a_function_carries_the_lineage(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The premise of the test above: if the worker sent a job, its message would be one deeper."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "worker")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", LINEAGE.format(7))
    headers: list[str] = []
    client = clients.sqs_client()
    client.meta.events.register("before-send", lambda request, **_: headers.append(request.headers["X-Amzn-Trace-Id"]))
    client.send_message(QueueUrl=system.queue_url, MessageBody="{}")
    assert "Lineage=7:" in str(headers[0])


def test_the_scheduler_sends_jobs_that_the_queue_did_not_accept(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = api.context.queue()

    def refuse(**_message: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="http://queue")

    with monkeypatch.context() as patch:
        patch.setattr(queue.sqs, "send_message", refuse)
        report_id = system.request_report(format="CSV", filters=NONE)
    assert system.run_scheduler()["sent"] == 0, "the function that wrote the row may still send its message"
    admin.execute("UPDATE resma.reports SET created_at = created_at - interval '6 seconds'")
    assert [system.run_scheduler()["sent"], system.run_scheduler()["sent"]] == [1, 0]
    assert _reports(_drain(system)) == [str(report_id)]


def test_the_scheduler_sends_jobs_of_tenants_in_turn(
    system: System, admin: Connection[TupleRow], other_tenant: str
) -> None:
    for tenant in ("demo", other_tenant):
        _insert(admin, tenant, 15)
    assert system.run_scheduler()["sent"] == 30
    groups = [record["attributes"]["MessageGroupId"] for record in _drain(system)]
    assert {*groups[:2]} == {*groups[2:4]} == {"demo", other_tenant}


def test_a_lost_message_is_sent_again_and_a_long_queue_is_not(system: System, admin: Connection[TupleRow]) -> None:
    """Each scheduler run sends only one of a tenant's jobs that wait for long: the one that was sent first."""
    ids = [str(system.request_report(format="CSV", filters=NONE)) for _ in range(5)]
    _drain(system)
    assert system.run_scheduler()["sent"] == 0
    admin.execute("UPDATE resma.reports SET enqueued_at = enqueued_at - make_interval(secs => %s)", (LOST_SECONDS,))
    assert [system.run_scheduler()["sent"], system.run_scheduler()["sent"]] == [1, 1]
    assert _reports(_drain(system)) == ids[:2]


def test_a_large_redrive_is_sent_by_the_scheduler(system: System, admin: Connection[TupleRow]) -> None:
    """The caller does not wait for a thousand messages."""
    _insert(admin, "demo", MAX_SENT_AT_ONCE + 5)
    admin.execute(
        "UPDATE resma.reports SET status = 'FAILED', attempt = 3, finished_at = clock_timestamp(),"
        " dead_lettered_at = clock_timestamp(), error_code = 'internal', error_detail = 'why'"
    )
    assert system.call_api("POST", "/api/v1/dead-letters/redrive")[2] == {"redriven": MAX_SENT_AT_ONCE + 5}
    admin.execute("UPDATE resma.reports SET redriven_at = redriven_at - interval '6 seconds'")
    assert system.run_scheduler()["sent"] == 5
    assert len({*_reports(_drain(system))}) == MAX_SENT_AT_ONCE + 5
