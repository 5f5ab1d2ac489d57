"""Finds the template's functions and their processes by logical name."""

from __future__ import annotations

import contextlib

import psutil

from tests.support.client import Client


def running_processes(client: Client, logical_name: str) -> list[int]:
    """Returns the process ids of a function's running execution environments."""
    return [pid for pid in client.stack.function_processes(client.function_name(logical_name)) if _is_running(pid)]


def _is_running(pid: int) -> bool:
    """Returns whether a process runs. A process that was idle when it was killed stays a zombie until the next
    invocation.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
