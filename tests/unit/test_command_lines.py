"""Operators' commands start as the docs say them, without anything set around them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", ["infra.access", "infra.catalogue", "infra.dead_letters"])
def test_a_command_starts(module: str) -> None:
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"python -m {module}" in done.stdout
