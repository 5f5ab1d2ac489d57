"""Kills the workers of the local stack."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

from tests.support.client import Client
from tests.support.fault_proxy import Fault

ALL = {"from": "2024-01-01"}


PART = b"partNumber="


def is_running(pid: int) -> bool:
    """Returns whether a process runs. One that was idle when killed remains as a zombie until the next invocation."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def kill_workers(client: Client) -> None:
    """Kills every running worker with SIGKILL."""
    for pid in client.workers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_workers_in_mid_report(client: Client, report_id: str, format_: str, fault: Fault) -> None:
    """Kills every worker with SIGKILL when a fault has stalled the upload of the report's file."""
    fault.wait_for_fault()
    assert client.show(report_id)["status"] == "GENERATING"
    kill_workers(client)
    assert client.objects(report_id) == []
    assert len(client.open_uploads(report_id, format_.lower())) == 1
