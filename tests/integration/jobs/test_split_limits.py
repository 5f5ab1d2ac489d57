"""Shards in flight are limited by report and by tenant, so that a split report does not delay single reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

import worker.app
from infra.paths import ROOT
from resma.jobs.messages import JobMessage
from resma.shards.claim import ShardClaim, claim_next_shard
from resma.shards.queue import mark_sent
from tests.support.split_files import SplitReport, insert_split
from tests.support.split_jobs import REPORT_ID, SplitReports, close, new_resources
from tests.support.system import ActAs, System
from worker.split import shard_loop

PER_REPORT, PER_TENANT = 4, 8
SPLIT = SplitReport(keys=[(f"A{number:03}",) for number in range(100)], made=0)
"""A report of ten shards."""


@dataclass(frozen=True)
class _Coordinator:
    """Identifies the attempt of a report."""

    report_id: UUID
    tenant_id: str = "demo"
    attempt: int = 1


def _begin(system: System, admin: Connection[TupleRow]) -> _Coordinator:
    """Inserts a split report whose coordinator has divided its keys."""
    report_id = system.request_report(format="CSV")
    insert_split(admin, report_id, SPLIT)
    admin.execute(
        "UPDATE resma.reports SET status = 'GENERATING', attempt = 1, lease_until = clock_timestamp() + interval '1 h'"
        " WHERE report_id = %s",
        (report_id,),
    )
    return _Coordinator(report_id)


def _step(admin: Connection[TupleRow], coordinator: _Coordinator) -> tuple[int | None, list[int]]:
    """Makes a step of a coordinator; returns the shard that it generates, and those whose messages it sends."""
    with admin.transaction():
        own = claim_next_shard(admin, coordinator, "worker")
        return (None if own is None else own.shard), mark_sent(admin, coordinator, PER_REPORT, PER_TENANT)


def _end_shard(admin: Connection[TupleRow], coordinator: _Coordinator, shard: int) -> None:
    admin.execute(
        "UPDATE resma.shards SET status = 'DONE', keys_done = keys, rows_done = rows, lease_until = NULL"
        " WHERE report_id = %s AND shard = %s",
        (coordinator.report_id, shard),
    )


def test_reports_of_a_tenant_share_its_limit(system: System, admin: Connection[TupleRow]) -> None:
    """Each coordinator generates one shard itself, also beyond the limit, because it occupies its worker anyway."""
    first, second, third = (_begin(system, admin) for _ in range(3))
    assert _step(admin, first) == (1, [2, 3, 4])
    assert _step(admin, second) == (1, [2, 3, 4])
    assert _step(admin, third) == (1, [])
    _end_shard(admin, first, 2)
    assert _mark(admin, third) == []  # nine were in flight, and eight still are
    _end_shard(admin, first, 3)
    assert _mark(admin, third) == [2]
    assert _mark(admin, second) == []
    _end_shard(admin, third, 1)
    assert _step(admin, third) == (3, [])


def _mark(admin: Connection[TupleRow], coordinator: _Coordinator) -> list[int]:
    """Sends further messages, as a coordinator does while it generates its own shard."""
    with admin.transaction():
        return mark_sent(admin, coordinator, PER_REPORT, PER_TENANT)


@pytest.fixture
def splits(system: System, admin: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch) -> Iterator[SplitReports]:
    """A split report of several shards, two of which may be in flight."""
    monkeypatch.setenv("RESMA_CATALOG", str(ROOT / "tests" / "support" / "report_types"))
    monkeypatch.setenv("SHARDS_IN_FLIGHT_PER_REPORT", "2")
    monkeypatch.setattr("worker.split.plan.SHARD_COST", 700)
    monkeypatch.setattr(shard_loop, "POLL_SECONDS", 0.05)
    monkeypatch.setattr("resma.shards.claim.UNCLAIMED_SECONDS", 0.2)
    yield SplitReports(system, admin)
    admin.execute("DELETE FROM resma.reports")


def test_single_reports_do_not_wait_for_the_shards_of_a_split_report(
    splits: SplitReports, as_tenant: ActAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker finds a single shard in the queue, and then the reports that were requested meanwhile."""
    system, generate = splits.system, shard_loop.ShardLoop._generate
    handled: list[str | int] = []
    unsent: list[int] = []

    def request_others(self: shard_loop.ShardLoop, claim: ShardClaim) -> None:
        if not handled:
            for tenant in ("demo", "other"):
                as_tenant(tenant)
                system.request_report(type="BRANCH_TRANSACTIONS", format="CSV", filters={"branch": "1", "account": "1"})
            handled.extend(_work_through_queue(splits))
            unsent.extend(shard for shard, sent_at in splits.shards("shard, sent_at") if sent_at is None)
        generate(self, claim)

    monkeypatch.setattr(shard_loop.ShardLoop, "_generate", request_others)
    splits.request_report(format="CSV")
    assert splits.coordinate() == "READY", splits.errors()
    assert handled == [2, "demo", "other"]
    assert len(unsent) == len(splits.shards()) - 2 > 0
    statuses = splits.admin.execute("SELECT status, count(*) FROM resma.reports GROUP BY status").fetchall()
    assert statuses == [("READY", 3)]


def _work_through_queue(splits: SplitReports) -> list[str | int]:
    """Handles all messages by another worker, in their order; returns their shards, or tenants of single reports."""
    system, own, handled = splits.system, worker.app._resources(), list[str | int]()
    resources = new_resources()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.app, "_resources", lambda: resources)
        for record in system.receive():
            message = JobMessage.model_validate_json(record["body"])
            assert (message.report_id == REPORT_ID) is (message.shard is not None)
            assert system.work(record)
            system.sqs.delete_message(QueueUrl=system.queue_url, ReceiptHandle=record["receiptHandle"])
            handled.append(message.shard or message.tenant_id)
    close(resources)
    assert worker.app._resources() is own
    return handled
