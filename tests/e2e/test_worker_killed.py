"""Workers that die or freeze at the worst moment: their jobs are taken over, and what they left is cleared away.

The three accidents happen first, one after the other, so that the queue's patience is waited for once.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.e2e.client import Client, Json, require_one_whole_file
from tests.e2e.conftest import Faults
from tests.e2e.eventually import eventually
from tests.e2e.fault_proxy import Fault, FaultProxy

ALL = {"from": "2024-01-01"}
PART = b"partNumber="
READY = b"status = 'READY'"
"""What is in the statement that ends a job."""


@dataclass(frozen=True)
class Accidents:
    """Reports by what befell their worker."""

    killed_before_publishing: str
    killed_after_publishing: str
    frozen: str
    frozen_workers: list[psutil.Process]


def is_running(pid: int) -> bool:
    """Whether a process lives. One that was idle when it was killed stays as a zombie until its next invocation."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def kill_workers(client: Client) -> None:
    """Kills every worker there is."""
    for pid in client.workers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_workers_in_mid_report(client: Client, store: FaultProxy, format_: str) -> str:
    """Asks for a report, kills every worker with SIGKILL while its file is on its way, and returns its id."""
    with store.failing(Fault("stall", when=PART)) as fault:
        report_id = client.ask(format_, ALL)
        fault.await_strike()
        assert client.show(report_id)["status"] == "GENERATING"
        kill_workers(client)
        assert client.objects(report_id) == []
        assert len(client.open_uploads(report_id, format_.lower())) == 1
    return report_id


def kill_workers_after_publishing(client: Client, database: FaultProxy) -> str:
    """The same between the object's appearance and the row's READY."""
    with database.failing(Fault("stall", when=READY)) as fault:
        report_id = client.ask("CSV", ALL)
        fault.await_strike()
        assert client.objects(report_id) == [f"demo/{report_id}/1.csv"]
        assert client.http("GET", f"/api/v1/reports/{report_id}/download").status == 409
        kill_workers(client)
        eventually("none is left", lambda: not any(map(is_running, client.workers())))
    return report_id


def freeze_workers(client: Client, store: FaultProxy) -> tuple[str, list[psutil.Process]]:
    """Asks for a report and stops every worker, without ending it, while its file is on its way."""
    kill_workers(client)  # idle ones: frozen too, they would be handed the message and keep it
    with store.failing(Fault("stall", when=PART)) as fault:
        report_id = client.ask("CSV", ALL)
        fault.await_strike()
        workers = [psutil.Process(pid) for pid in client.workers() if is_running(pid)]
        for worker in workers:
            worker.suspend()
    return report_id, workers


@pytest.fixture(scope="module")
def accidents(client: Client, faults: Faults) -> Iterator[Accidents]:
    """All three, and then the wait until every job is done by someone else."""
    client.await_empty_queues()
    before = kill_workers_in_mid_report(client, faults.s3, "PDF")
    after = kill_workers_after_publishing(client, faults.database)
    frozen, workers = freeze_workers(client, faults.s3)
    try:
        for report_id in (before, after, frozen):
            client.await_status(report_id, "READY", seconds=90)
        yield Accidents(before, after, frozen, workers)
    finally:
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.resume()
    client.await_empty_queues()


def require_taken_over(client: Client, report_id: str) -> Json:
    """Asserts that the second attempt made the report, and that its file is the one there is; returns the status."""
    report = client.show(report_id)
    assert report["attempt"] == 2
    require_one_whole_file(client, report)
    head = client.s3.head_object(
        Bucket=client.stack.up.outputs["BucketName"], Key=f"demo/{report_id}/2.{report['format'].lower()}"
    )
    assert head["Metadata"]["resma-owner"] == f"{report_id}/2"
    return report


def test_a_worker_killed_in_mid_report_is_replaced(client: Client, accidents: Accidents) -> None:
    require_taken_over(client, accidents.killed_before_publishing)


def test_a_worker_killed_between_object_and_row_is_replaced(client: Client, accidents: Accidents) -> None:
    require_taken_over(client, accidents.killed_after_publishing)


def test_a_frozen_worker_that_wakes_up_changes_nothing(client: Client, accidents: Accidents) -> None:
    before = require_taken_over(client, accidents.frozen)
    events = log_lines(client, accidents.frozen)
    for worker in accidents.frozen_workers:
        worker.resume()
    eventually("the sleeper has found out", lambda: log_lines(client, accidents.frozen) > events)
    client.await_empty_queues()
    assert require_taken_over(client, accidents.frozen) == before


def log_lines(client: Client, report_id: str) -> int:
    """How many lines workers have logged about a report."""
    logs = (client.stack.folder / "logs").glob("*WorkerFunction*.log")
    return sum(report_id in line for log in logs for line in log.read_text(encoding="utf-8").splitlines())
