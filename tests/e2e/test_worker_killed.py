"""A worker that dies without a word: its job is taken over, and what it left in the store is cleared away."""

from __future__ import annotations

import contextlib
import os
import signal

from tests.e2e.client import Client, require_one_whole_file
from tests.e2e.conftest import Faults
from tests.e2e.fault_proxy import Fault, FaultProxy

ALL = {"from": "2024-01-01"}
PART = b"partNumber="


def kill_workers_in_mid_report(client: Client, store: FaultProxy, format_: str) -> str:
    """Asks for a report, kills every worker with SIGKILL while its file is on its way, and returns its id."""
    with store.failing(Fault("stall", when=PART)) as fault:
        report_id = client.ask(format_, ALL)
        fault.await_strike()
        assert client.show(report_id)["status"] == "GENERATING"
        for pid in client.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert client.objects(report_id) == []
        assert len(client.open_uploads(report_id, format_.lower())) == 1
    return report_id


def test_a_killed_workers_job_is_taken_over(client: Client, faults: Faults) -> None:
    report_id = kill_workers_in_mid_report(client, faults.s3, "PDF")
    report = client.await_status(report_id, "READY", seconds=90)
    assert report["attempt"] == 2
    require_one_whole_file(client, report)
    client.await_empty_queues()
