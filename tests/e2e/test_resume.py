"""Reports that need several invocations, or whose worker dies, are continued on the whole stack with the same file.

A proxy slows the reading of rows, so that eighty thousand rows take longer than an invocation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Iterator

import psutil
import pytest

from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options
from tests.support.client import Client, Json, require_no_file, require_one_whole_file
from tests.support.eventually import eventually
from tests.support.fault_proxy import Fault
from tests.support.kill_workers import is_running, kill_workers
from tests.support.local_stack import ACCOUNTS, ROWS, STACK, Faults, running_stack

ALL = {"from": "2024-01-01"}

INVOCATION_SECONDS = 24
"""Timeout of workers of short invocations: a quarter, in which a checkpoint is saved, is enough on busy cores too."""

LONGER_THAN_INVOCATIONS = 180_000
"""Bytes per second with which reading all rows takes 55 seconds: more than two invocations."""


@dataclasses.dataclass(frozen=True)
class ShortInvocations:
    """A stack with a timeout of `INVOCATION_SECONDS` for workers, and its fault proxies."""

    client: Client
    faults: Faults


@pytest.fixture(scope="module")
def short_invocations() -> Iterator[ShortInvocations]:
    """The running stack, filled with the demo bank."""
    faults = Faults()
    options = Options(
        front_door_port=None,
        function_environment=faults.before_aws,
        database_port=faults.before_database,
        parameters={"WorkerTimeoutSeconds": str(INVOCATION_SECONDS)},
    )
    with running_stack(f"{STACK}-short", options) as stack:
        load_demo_bank(stack.up.database_url, ROWS, ACCOUNTS)
        client = Client(stack)
        yield ShortInvocations(client, faults)
        client.close()
    faults.close()


def slow(bytes_per_second: int = 450_000) -> Fault:
    """Returns a fault with which reading all rows takes 22 seconds, or longer with fewer bytes per second."""
    return Fault("slow", when=b"FETCH", bytes_per_second=bytes_per_second)


def baseline_sha256(client: Client) -> str:
    """Returns the SHA-256 of the CSV file of one invocation, on a stack whose workers have the time of the default.

    The file has neither the report's id nor a timestamp, and the demo bank is the same on each stack. The message of
    this report is deleted when this returns, so that no other worker receives it.
    """
    report = client.wait_for_status(client.request_report("CSV", ALL), "READY")
    client.wait_for_empty_queues()
    assert (report["continuations"], report["metrics"]["snapshots"]) == (0, 1)
    return str(report["sha256"])


def test_a_report_longer_than_an_invocation_is_continued(short_invocations: ShortInvocations, client: Client) -> None:
    baseline = baseline_sha256(client)
    client = short_invocations.client
    with short_invocations.faults.database.failing(slow(LONGER_THAN_INVOCATIONS)):
        report_id = client.request_report("CSV", ALL)
        report = client.wait_for_status(report_id, "READY")
    assert report["continuations"] >= 2
    assert report["attempt"] == report["metrics"]["snapshots"] == report["continuations"] + 1
    assert (report["rows"], report["sha256"]) == (ROWS, baseline)
    client.wait_for_empty_queues()  # segments are removed after the report is READY
    require_one_whole_file(client, report)


def test_all_formats_at_once_are_continued(short_invocations: ShortInvocations) -> None:
    client = short_invocations.client
    with short_invocations.faults.database.failing(slow(LONGER_THAN_INVOCATIONS)):
        body = {"type": "TRANSACTIONS", "formats": ["CSV", "NDJSON", "XLSX", "PDF", "PARQUET"], "filters": ALL}
        answer = client.http("POST", "/api/v1/reports/generate", json=body)
        assert answer.status == 202, answer.data
        report = client.wait_for_status(str(answer.json()["id"]), "READY")
    assert report["continuations"] >= 2
    client.wait_for_empty_queues()
    assert len(report["files"]) == 5
    client.wait_for_objects(report["id"], 5)
    for file in report["files"]:
        client.wait_for_no_open_upload(report["id"], file["format"].lower())
        content = client.fetch(client.http("GET", file["download"]).headers["Location"]).content
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])


AWAKE_SECONDS = 5
"""Time in which a resumed worker finishes its current step and notices that it has lost the lease."""


def wait_for_checkpoint(client: Client, report_id: str) -> Json:
    """Waits until the report has a checkpoint, and returns it."""
    row = eventually(
        "a checkpoint is saved", lambda: client.row(report_id) if client.row(report_id)["checkpoint"] else None
    )
    assert row is not None
    checkpoint: Json = row["checkpoint"]
    assert checkpoint["rows"] > 0
    return checkpoint


def require_resumed(client: Client, report_id: str, checkpoint: Json, baseline: str) -> None:
    """Asserts that the report was resumed from the checkpoint, and that its file is that of the baseline."""
    report = client.wait_for_status(report_id, "READY")
    assert (report["attempt"], report["continuations"], report["metrics"]["snapshots"]) == (2, 0, 2)
    assert report["sha256"] == baseline
    assert report["metrics"]["rowsPerSecond"] > 0
    assert checkpoint["rows"] < ROWS
    client.wait_for_empty_queues()
    require_one_whole_file(client, report)


def test_a_killed_workers_report_resumes_from_the_checkpoint(client: Client, faults: Faults) -> None:
    client.wait_for_empty_queues()
    baseline = baseline_sha256(client)
    with faults.database.failing(slow()):
        report_id = client.request_report("CSV", ALL)
        wait_for_checkpoint(client, report_id)
        kill_workers(client)
        eventually("no worker is left", lambda: not any(map(is_running, client.workers())))
        ((died_at,),) = client.sql("SELECT clock_timestamp()")
        checkpoint = wait_for_checkpoint(client, report_id)
        eventually("another worker has claimed it", lambda: client.row(report_id)["attempt"] == 2)
        row = client.row(report_id)
        print(f"claimed again {(row['started_at'] - died_at).total_seconds():.1f} s after the death")
        assert row["rows_done"] >= checkpoint["rows"]
    require_resumed(client, report_id, checkpoint, baseline)


def test_a_stopped_worker_that_wakes_up_changes_nothing(client: Client, faults: Faults) -> None:
    client.wait_for_empty_queues()
    baseline = baseline_sha256(client)
    kill_workers(client)  # an idle worker that is stopped too would receive the message and keep it
    with faults.database.failing(slow()):
        report_id = client.request_report("CSV", ALL)
        checkpoint = wait_for_checkpoint(client, report_id)
        workers = [psutil.Process(pid) for pid in client.workers() if is_running(pid)]
        for worker in workers:
            worker.suspend()
    try:
        require_resumed(client, report_id, checkpoint, baseline)
    finally:
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.resume()
    time.sleep(AWAKE_SECONDS)
    require_resumed(client, report_id, checkpoint, baseline)


def test_a_cancelled_report_leaves_nothing(client: Client, faults: Faults) -> None:
    with faults.database.failing(slow()):
        report_id = client.request_report("CSV", ALL)
        wait_for_checkpoint(client, report_id)
        assert client.http("POST", f"/api/v1/reports/{report_id}/cancel").status in {200, 202}
        require_no_file(client, report_id)
        reading = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'resma_reader' AND state <> 'idle'"
        eventually("the query has ended", lambda: client.sql(reading) == [(0,)])
    assert client.show(report_id)["status"] == "CANCELLED"
