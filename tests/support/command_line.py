"""Runs the command line `resma` as a user does, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.paths import ROOT


@dataclass(frozen=True)
class CompletedCommand:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document that the command printed."""
        return json.loads(self.out)


class CommandLine:
    """Runs `resma` in a folder, without environment variables that name a deployment."""

    def __init__(self, stack: str, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RESMA_", "AWS_"))}
        self._environment = {
            **inherited,
            "PYTHONPATH": f"{ROOT / 'infra' / 'cli'}:{ROOT}",
            "RESMA_STACK": stack,
            **(variables or {}),
        }

    @contextlib.contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Starts a command, and kills it if it is still running at the end of the block."""
        command = [sys.executable, "-P", "-m", "resma_cli", *arguments]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str, seconds: float = 600) -> CompletedCommand:
        """Runs a command and returns its result, whatever its exit code is."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=seconds)
        assert "Traceback" not in err, err
        return CompletedCommand(process.returncode, out, err)

    def do(self, *arguments: str) -> Any:
        """Runs a command that must succeed, and returns its JSON document."""
        done = self.run(*arguments, "--json")
        assert done.code == 0, done
        return done.document
