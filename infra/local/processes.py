"""Processes that outlive a call: started in a group of their own, known by id and start time, ended as a group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class ProcessId:
    """A process for certain: an id alone may since have gone to another."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Reads the start time of a living process."""
        return cls(pid, psutil.Process(pid).create_time())

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        return False


def start_process(
    command: list[str], *, log: Path, environment: dict[str, str], folder: Path | None = None
) -> ProcessId:
    """Starts a process in a session of its own, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    started = ProcessId.of(process.pid)
    process.returncode = 0  # it outlives this object on purpose; without a code the finaliser warns of that
    return started


def end_process(process: ProcessId, *, patience_seconds: float = 5) -> None:
    """Ends a process and its group: asked first, killed when it does not go. Safe to call twice."""
    if process.is_alive():
        _signal(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + patience_seconds
        while process.is_alive() and time.monotonic() < deadline:
            _reap(process.pid)
            time.sleep(0.02)
        if process.is_alive():
            _signal(process.pid, signal.SIGKILL)
    _reap(process.pid)


def kill_process(pid: int) -> None:
    """Kills a process group at once, if it is there."""
    _signal(pid, signal.SIGKILL)
    _reap(pid)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
