"""The client alone: built and installed as somebody without a checkout does it, and run from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from infra.local.paths import ROOT, STATE
from tests.integration.scripted_server import Reply, ScriptedServer

UV = STATE / "uv" / "bin" / "uv"


def test_the_client_alone_is_installed_and_runs(tmp_path: Path) -> None:
    folder = tmp_path / "installed"
    install = [
        str(UV),
        "pip",
        "install",
        "--quiet",
        "--python",
        sys.executable,
        "--target",
        str(folder),
        str(ROOT / "infra" / "cli"),
    ]
    done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not (folder / "psycopg").exists()
    assert not (folder / "infra" / "local").exists()

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RESMA_", "PYTHON"))}
        # -S: nothing of the environment that the tests run in.
        command = [sys.executable, "-S", "-P", str(folder / "bin" / "resma"), *arguments]
        environment = {**kept, "PYTHONPATH": str(folder), **variables}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    assert "Usage: resma" in run("--help").stdout
    with ScriptedServer() as server:
        server.answer("GET", "/api/v1/report-types", Reply(200, {"items": []}))
        assert run("types", RESMA_URL=server.url, RESMA_KEY="rsm_a_b").returncode == 0
    alone = run("up")
    assert (alone.returncode, "a checkout of Resma" in alone.stderr) == (1, True)
    doctor = run("doctor")
    assert (doctor.returncode, "RESMA_URL" in doctor.stdout) == (1, True)
