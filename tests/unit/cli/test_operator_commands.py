"""Commands of operators start as documented, without environment variables."""

from __future__ import annotations

import subprocess
import sys

import pytest

from infra.paths import ROOT


@pytest.mark.parametrize("module", ["infra.admin.access", "infra.admin.dead_letters"])
def test_a_command_starts(module: str) -> None:
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: resma admin " in done.stdout
