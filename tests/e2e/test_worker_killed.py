"""Workers that are killed or frozen at critical steps: other workers repeat the jobs and remove what was left.

All three failures are injected first, so that the tests wait for the queue's visibility timeout only once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import psutil
import pytest

from tests.support.client import Client, Json, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.kill_workers import ALL, PART, is_running, kill_workers, kill_workers_in_mid_report
from tests.support.local_stack import Faults

READY = b"status = 'READY', finished_at"
"""Part of the statement that makes a report READY, and of no other."""


@dataclass(frozen=True)
class WorkerFailures:
    """The reports whose workers failed, by the kind of failure."""

    killed_before_publishing: str
    killed_after_publishing: str
    frozen: str
    frozen_workers: list[psutil.Process]


def kill_workers_after_publishing(client: Client, faults: Faults) -> str:
    """Requests a report, kills every worker after its object exists but before the row is READY; returns its id."""
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL)
    with faults.database.failing(Fault("stall", when=READY, then=UUID(report_id).bytes)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
        assert client.objects(report_id) == [f"demo/{report_id}/1.csv"]
        assert client.http("GET", f"/api/v1/reports/{report_id}/download").status == 409
        kill_workers(client)
        eventually("no worker is left", lambda: not any(map(is_running, client.workers())))
    return report_id


def freeze_workers(client: Client, faults: Faults) -> tuple[str, list[psutil.Process]]:
    """Requests a report, suspends every worker during the upload of its file; returns its id and the workers."""
    kill_workers(client)  # an idle worker that is frozen too would receive the message and keep it
    report_id = client.request_unsent_report(faults.sqs, "CSV", ALL)
    with faults.s3.failing(Fault("stall", when=report_id.encode(), then=PART)) as fault:
        client.send_job_again(report_id)
        fault.wait_for_fault()
        workers = [psutil.Process(pid) for pid in client.workers() if is_running(pid)]
        for worker in workers:
            worker.suspend()
    return report_id, workers


def resume_workers(workers: list[psutil.Process]) -> None:
    """Resumes suspended workers. The emulator may have ended those that were starting, or idle, meanwhile."""
    for worker in workers:
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.resume()


@pytest.fixture(scope="module")
def failures(client: Client, faults: Faults) -> Iterator[WorkerFailures]:
    """Injects all three failures, and waits until other workers have finished the jobs."""
    client.wait_for_empty_queues()
    before = client.request_unsent_report(faults.sqs, "PDF", ALL)
    with faults.s3.failing(Fault("stall", when=before.encode(), then=PART)) as fault:
        client.send_job_again(before)
        kill_workers_in_mid_report(client, before, "PDF", fault)
    after = kill_workers_after_publishing(client, faults)
    frozen, workers = freeze_workers(client, faults)
    try:
        for report_id in (before, after, frozen):
            client.wait_for_status(report_id, "READY")
        yield WorkerFailures(before, after, frozen, workers)
    finally:
        resume_workers(workers)
    client.wait_for_empty_queues()


def require_second_attempt(client: Client, report_id: str) -> Json:
    """Asserts that the second attempt generated the report, and that its file is the only one; returns the report."""
    report = client.show(report_id)
    assert report["attempt"] == 2
    require_one_whole_file(client, report)
    head = client.s3.head_object(
        Bucket=client.stack.up.outputs["BucketName"], Key=f"demo/{report_id}/2.{report['format'].lower()}"
    )
    assert head["Metadata"]["resma-owner"] == f"{report_id}/2"
    return report


def test_a_worker_killed_in_mid_report_is_replaced(client: Client, failures: WorkerFailures) -> None:
    require_second_attempt(client, failures.killed_before_publishing)


def test_a_worker_killed_between_object_and_row_is_replaced(client: Client, failures: WorkerFailures) -> None:
    require_second_attempt(client, failures.killed_after_publishing)


def test_a_frozen_worker_that_wakes_up_changes_nothing(client: Client, failures: WorkerFailures) -> None:
    before = require_second_attempt(client, failures.frozen)
    events = log_lines(client, failures.frozen)
    resume_workers(failures.frozen_workers)
    eventually("the resumed worker has logged", lambda: log_lines(client, failures.frozen) > events)
    client.wait_for_empty_queues()
    assert require_second_attempt(client, failures.frozen) == before


def log_lines(client: Client, report_id: str) -> int:
    """Returns the number of lines that workers have logged about a report."""
    logs = (client.stack.folder / "logs").glob("*WorkerFunction*.log")
    return sum(report_id in line for log in logs for line in log.read_text(encoding="utf-8").splitlines())
