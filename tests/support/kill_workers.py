"""Kills workers of the local stack."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

from tests.support.client import Client
from tests.support.fault_proxy import Fault, FaultProxy

ALL = {"from": "2024-01-01"}


PART = b"partNumber="


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
        fault.wait_for_fault()
        assert client.show(report_id)["status"] == "GENERATING"
        kill_workers(client)
        assert client.objects(report_id) == []
        assert len(client.open_uploads(report_id, format_.lower())) == 1
    return report_id
