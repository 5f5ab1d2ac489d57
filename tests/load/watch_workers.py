"""Measures memory and CPU time of the worker function's processes while they run."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.support.client import Client

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class WorkerUsage:
    """Usage of all worker processes."""

    peak_mb: float
    """Maximum resident set of one process, in MB of 10**6 bytes."""
    cpu_seconds: float
    """CPU time of all of them."""


class WorkerWatch:
    """Polls the kernel's figures of each worker (VmHWM, CPU times) inside the block."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stop = threading.Event()
        self._peaks: dict[int, float] = {}
        self._cpu: dict[int, tuple[float, float]] = {}
        self._thread = threading.Thread(target=self._run, name="watch-workers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def usage(self) -> WorkerUsage:
        """The usage so far."""
        cpu = sum(last - first for first, last in self._cpu.values())
        return WorkerUsage(max(self._peaks.values(), default=0.0), round(cpu, 1))

    def _run(self) -> None:
        while True:
            is_last = self._stop.wait(POLL_SECONDS)
            for pid in self._client.workers():
                with contextlib.suppress(OSError, psutil.Error, StopIteration):
                    self._poll(pid)
            if is_last:
                return

    def _poll(self, pid: int) -> None:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        peak = next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))
        times = psutil.Process(pid).cpu_times()
        used = times.user + times.system
        # A process that was not there before the block is counted from its start.
        first = self._cpu[pid][0] if pid in self._cpu else 0.0
        self._cpu[pid] = (first, used)
        self._peaks[pid] = round(max(self._peaks.get(pid, 0.0), peak), 1)
