"""Ends what a stack has started when its starter dies without a chance to: `kill -9`, out of memory.

Usage: python -m infra.servers.watchdog FOLDER, with a pipe from the starter on standard input. The pipe ends with
its writer, however that ends; a byte before says that all is tidy.
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
    """The starter's end of the pipe."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infra.servers.watchdog", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the starter
        )

    def dismiss(self) -> None:
        """Says that nothing is left to end, and waits until the guard has gone. Safe to call twice."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(b".")
            self._process.stdin.close()
        self._process.wait()


def end_left_behind(folder: Path) -> None:
    """Ends the stack's servers; functions end by themselves when LocalStack has."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        end_process(ProcessId(**json.loads((folder / "localstack.json").read_text(encoding="utf-8"))))
    PostgresServer(folder / "postgres", 0).stop()
    (folder / "state.json").unlink(missing_ok=True)


if __name__ == "__main__" and not sys.stdin.buffer.read():
    end_left_behind(Path(sys.argv[1]))
