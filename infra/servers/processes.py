"""Background processes: each has its own process group, and is identified by its id and start time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class ProcessId:
    """A process, identified by its id and start time, because ids are reused."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Reads the start time of a living process."""
        return cls(pid, psutil.Process(pid).create_time())

    def is_alive(self) -> bool:
        """Returns whether the process is running."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        return False


def start_process(
    command: list[str], *, log: Path, environment: dict[str, str], folder: Path | None = None
) -> ProcessId:
    """Starts a process in a new session. Its output is appended to `log`."""
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
    process.returncode = 0  # without a return code, the finalizer would warn that the process is still running
    return started


def end_process(process: ProcessId) -> None:
    """Kills a process and its group, and waits for its end. Safe to call twice."""
    while process.is_alive():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
        time.sleep(0.01)


def last_lines(log: Path, count: int = 15) -> str:
    """Returns the last lines of a log and its path, for an error message."""
    if not log.exists():
        return f"({log} does not exist)"
    return "\n".join([*log.read_text(errors="replace").splitlines()[-count:], f"(from {log})"])


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Delays SIGINT, SIGTERM and SIGHUP until the end of the block, so that the block is not interrupted."""
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
