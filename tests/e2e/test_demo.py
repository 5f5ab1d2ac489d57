"""The demo as a new user runs it: its summary, its file, and no process left running."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.local.stack import Stack
from infra.paths import ROOT, STATE
from tests.support.eventually import PATIENCE_SECONDS

STACK = "test-demo"


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Environment variables with a separate stack, so that a `make up` on this machine is not affected."""
    settings = {"RESMA_STACK": STACK, "ROWS": "4000", "FORMAT": "PDF", "COLUMNS": "200"}
    yield {**os.environ, "PYTHONPATH": "infra/cli", **settings}
    Stack(STACK).stop()


def _left_running() -> list[str]:
    """Returns the command lines of running processes that belong to the test's stack."""
    folder = str(STATE / STACK)
    command_lines = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        command, variables = process.info["cmdline"] or [], process.info["environ"] or {}
        if any(folder in part for part in command) or variables.get("RESMA_STATE", "").startswith(folder):
            command_lines.append(" ".join(command))
    return command_lines


def test_the_demo_ends_with_a_verified_report(environment: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "resma_cli", "demo"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (line,) = run.stdout.splitlines()
    summary: dict[str, Any] = json.loads(line)
    data = Path(summary["path"]).read_bytes()
    assert summary["status"] == "READY"
    assert summary["format"] == "PDF"
    assert summary["rows"] == 4000
    assert summary["bytes"] == len(data)
    assert summary["sha256"] == hashlib.sha256(data).hexdigest()
    assert summary["webhook_verified"] is True
    assert summary["seconds_generate"] < summary["seconds_total"]
    assert 0 < summary["peak_rss_mb"] <= 200
    assert _left_running() == []


def test_an_interrupted_demo_leaves_nothing_running(environment: dict[str, str]) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "resma_cli", "demo"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stderr is not None
    for line in demo.stderr:
        if "starting LocalStack" in line:
            break
    assert _left_running() != []
    demo.send_signal(signal.SIGINT)
    rest = demo.communicate(timeout=PATIENCE_SECONDS)[1]
    assert demo.returncode == 130
    assert "Interrupted: everything that was started is stopped." in rest
    assert _left_running() == []


@pytest.mark.parametrize(("variable", "value"), [("ROWS", "many"), ("ROWS", "-1"), ("FORMAT", "DOC")])
def test_a_wrong_setting_is_named(environment: dict[str, str], variable: str, value: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "resma_cli", "demo"],
        cwd=ROOT,
        env={**environment, variable: value},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 2
    assert f"({variable}={value})" in run.stderr
    assert "starting" not in run.stdout + run.stderr, "the error is printed before anything starts"
