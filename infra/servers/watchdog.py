"""Ends the processes of a stack if the process that started them is killed.

Usage: python -m infra.servers.watchdog FOLDER. Standard input is a pipe from the process that started the stack, which
is closed when that process ends. A byte in the pipe means that nothing must be ended.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

from infra.paths import ROOT
from infra.servers.postgres import PostgresServer
from infra.servers.processes import ProcessId, end_process


class Guard:
    """Starts the watchdog, and holds the other end of its pipe."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infra.servers.watchdog", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C does not end it
        )

    def dismiss(self) -> None:
        """Ends the watchdog without any effect, and waits for its end. Safe to call twice."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(b".")
            self._process.stdin.close()
        self._process.wait()


def end_servers(folder: Path) -> None:
    """Ends the stack's servers. Functions end by themselves when LocalStack has ended."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        end_process(ProcessId(**json.loads((folder / "localstack.json").read_text(encoding="utf-8"))))
    PostgresServer(folder / "postgres", 0).stop()
    (folder / "state.json").unlink(missing_ok=True)


if __name__ == "__main__" and not sys.stdin.buffer.read():
    end_servers(Path(sys.argv[1]))
