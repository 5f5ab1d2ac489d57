"""Faults of split reports: workers are killed in each phase, and the exported snapshot is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

from tests.chaos.plan import Kind, PlannedFault
from tests.support.client import Client
from tests.support.fault_proxy import Fault
from tests.support.local_stack import Faults


@dataclass(frozen=True)
class _Phase:
    """A phase of a split report. It lasts while the request that has `when` is stalled by the proxy `target`."""

    target: str
    when: bytes


PHASES: Mapping[Kind, _Phase] = {
    "kill-split-planning": _Phase("source", b"pg_export_snapshot"),
    "kill-split-sending": _Phase("sqs", b'shard\\":'),
    # The second shard is usually another worker's, and the first one the coordinator's.
    "kill-split-shards": _Phase("s3", b"/2-1/"),
    "lose-snapshot": _Phase("s3", b"/1-1/"),
    "kill-split-manifest": _Phase("s3", b"manifest.ndjson"),
    "duplicate-split-messages": _Phase("s3", b"/1-1/"),
    "database-failover-split": _Phase("s3", b"/1-1/"),
}
"""The phases at which faults are aimed."""

AIM_SECONDS = 600.0
"""Maximum time that a fault waits for a report in its phase. The report may wait for a worker, behind others."""


def running_jobs(client: Client) -> list[tuple[str, int]]:
    """Returns the reports in progress, with their attempts."""
    rows = client.sql("SELECT report_id::text, attempt FROM resma.reports WHERE status = 'GENERATING'")
    return [(str(report_id), int(attempt)) for report_id, attempt in rows]


Inject = Callable[[PlannedFault], bool]
"""Injects a fault while a split report is in a phase. Returns whether the fault had an effect."""


def inject_split_fault(
    client: Client, faults: Faults, planned: PlannedFault, armed: threading.Event, others: Mapping[Kind, Inject]
) -> bool:
    """Waits for a split report in the fault's phase, and injects the fault. Returns whether there was such a report.

    Sets `armed` when it starts to wait, so that a report can be requested for it. `others` injects the faults that are
    neither killed workers nor a lost snapshot.
    """
    phase = PHASES[planned.kind]
    fault = Fault("stall", when=phase.when)
    with getattr(faults, phase.target).failing(fault):
        armed.set()
        if not fault.injected.wait(AIM_SECONDS):
            return False
        if planned.kind == "lose-snapshot":
            return _terminate_exporters(client)
        if planned.kind in others:
            return others[planned.kind](planned)
        time.sleep(planned.choice)
        _kill_workers(client, planned)
    return True


def _terminate_exporters(client: Client) -> bool:
    """Ends the sessions whose transactions have exported a snapshot. Returns whether there was one."""
    return bool(
        client.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE state = 'idle in transaction' AND query LIKE '%%pg_export_snapshot%%' AND pid <> pg_backend_pid()"
        )
    )


def _kill_workers(client: Client, planned: PlannedFault) -> None:
    """Kills all workers. In the shards' phase, it kills only those of first or of second shards for most choices."""
    pids = set(client.workers())
    if planned.kind == "kill-split-shards" and planned.choice < 0.75:
        shard = 1 if planned.choice < 0.25 else 2  # usually that of the coordinator, or of another worker
        rows = client.sql("SELECT worker FROM resma.shards WHERE status = 'GENERATING' AND shard = %s", shard)
        pids = {pid for pid in pids if _worker_id(pid) in {row[0] for row in rows}}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _worker_id(pid: int) -> str | None:
    """Returns the id under which a worker's process claims shards."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).environ().get("AWS_LAMBDA_LOG_STREAM_NAME")
    return None
