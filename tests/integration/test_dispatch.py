"""Fair order: a tenant has some places in the queue, and what ends gives its place to what waits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from botocore.exceptions import EndpointConnectionError
from psycopg import Connection
from psycopg.rows import TupleRow

import api.context
from resma.database import Database
from resma.dispatch import DISPATCH_WINDOW, dispatch_next
from resma.job_queue import Queue
from tests.integration.conftest import System

OTHER = "another-bank"


@pytest.fixture
def other_tenant(admin: Connection[TupleRow]) -> Iterator[str]:
    """A second tenant."""
    admin.execute("INSERT INTO resma.tenants (tenant_id, name) VALUES (%s, 'Another Bank')", (OTHER,))
    yield OTHER
    admin.execute("DELETE FROM resma.reports WHERE tenant_id = %s", (OTHER,))
    admin.execute("DELETE FROM resma.tenants WHERE tenant_id = %s", (OTHER,))


def _insert(admin: Connection[TupleRow], tenant_id: str, count: int, filters: str = "{}") -> None:
    admin.execute(
        "INSERT INTO resma.reports (tenant_id, report_id, type, formats, filters, request_sha256)"
        " SELECT %s, gen_random_uuid(), 'TRANSACTIONS', '{CSV}', %s, 'x' FROM generate_series(1, %s)",
        (tenant_id, filters, count),
    )


def _queue(system: System) -> Queue:
    return Queue(system.sqs, system.queue_url)


def _sent(system: System) -> list[tuple[str, str]]:
    """Tenant and report of every message that is in the queue, in the order in which they come."""
    found: list[tuple[str, str]] = []
    while records := system.receive():
        bodies = [json.loads(record["body"]) for record in records]
        found += [(body["tenant_id"], body["report_id"]) for body in bodies]
    return found


def test_one_tenants_thousand_jobs_do_not_hold_up_anothers_one(
    system: System, admin: Connection[TupleRow], other_tenant: str
) -> None:
    _insert(admin, "demo", 1000)
    database = api.context.database()
    dispatch_next(database, _queue(system), "demo")
    _insert(admin, other_tenant, 1)
    dispatch_next(database, _queue(system), other_tenant)
    tenants = [tenant for tenant, _ in _sent(system)]
    assert tenants == ["demo"] * DISPATCH_WINDOW + [other_tenant]


def test_everything_drains_without_the_tick_oldest_first(system: System, admin: Connection[TupleRow]) -> None:
    """Workers, cancellations and dead letters: whoever ends a job sends the next."""
    ids = [system.request_report(format="CSV", filters={"from": "2030-01-01"}) for _ in range(3 * DISPATCH_WINDOW)]
    order: list[UUID] = []
    while records := system.receive():
        for number, record in enumerate(records):
            report_id = UUID(json.loads(record["body"])["report_id"])
            order.append(report_id)
            if number == 1:
                assert system.call_api("POST", f"/api/v1/reports/{report_id}/cancel")[0] == 200
            elif number == 2:
                admin.execute("UPDATE resma.reports SET attempt = 3 WHERE report_id = %s", (report_id,))
                assert system.give_up(record)
                system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=record["receiptHandle"])
                continue
            assert system.work(record)
            system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=record["receiptHandle"])
    assert order == ids, "each once, in the order in which they were asked for"
    counted = admin.execute("SELECT status, count(*) FROM resma.reports GROUP BY 1").fetchall()
    assert {"PENDING", "GENERATING"}.isdisjoint(dict(counted))


def test_never_more_than_the_window_however_many_ask_at_once(system: System, admin: Connection[TupleRow]) -> None:
    _insert(admin, "demo", 40)

    def dispatch(_number: int) -> int:
        database = Database(os.environ["DATABASE_SECRET_ARN"], "test")
        try:
            return dispatch_next(database, _queue(system), "demo", 3)
        finally:
            database.close()

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(dispatch, range(12))) == DISPATCH_WINDOW
    sent = _sent(system)
    assert len(sent) == len(set(sent)) == DISPATCH_WINDOW


def test_what_the_queue_did_not_take_is_sent_by_the_tick(
    system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    _insert(admin, "demo", 2 * DISPATCH_WINDOW)
    send = system.sqs.send_message
    sent: list[object] = []

    def refuse_after_three(**message: str) -> object:
        if len(sent) == 3:
            raise EndpointConnectionError(endpoint_url="http://queue")
        sent.append(message)
        return send(**message)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(system.sqs, "send_message", refuse_after_three)
        assert dispatch_next(api.context.database(), _queue(system), "demo") == 3
    assert len(_sent(system)) == 3
    assert system.tick()["sent"] == 0, "whoever took the places still has time"
    admin.execute("UPDATE resma.reports SET slot_at = slot_at - interval '6 seconds', created_at = '2026-01-01'")
    done = system.tick()
    assert (done["sent"], done["dispatched"]) == (DISPATCH_WINDOW - 3, 0), "and no more than the tenant's places"
    assert len(_sent(system)) == DISPATCH_WINDOW - 3


def test_the_tick_goes_round_the_tenants(system: System, admin: Connection[TupleRow], other_tenant: str) -> None:
    for tenant in ("demo", other_tenant):
        _insert(admin, tenant, DISPATCH_WINDOW + 5)
    admin.execute("UPDATE resma.reports SET created_at = created_at - interval '6 seconds'")
    assert system.tick()["dispatched"] == 2 * DISPATCH_WINDOW
    tenants = [tenant for tenant, _ in _sent(system)]
    assert tenants == ["demo", other_tenant] * DISPATCH_WINDOW
