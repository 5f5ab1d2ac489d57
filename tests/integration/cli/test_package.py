"""The client's package is built, installed and run without a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.paths import ROOT, STATE
from resma_cli import VERSION
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.scripted_server import Reply, ScriptedServer

UV = STATE / "uv" / "bin" / "uv"


def call(*command: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder, without the environment variables of Resma, Python and virtual environments."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RESMA_", "PYTHON", "VIRTUAL_"))}
    environment = {**kept, "RESMA_CONFIG": str(folder / "config.ini"), **variables}
    return subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture
def install(tmp_path: Path) -> Callable[[str | Path], Path]:
    """Installs a package into a new virtual environment, as pipx does. Returns the path of the command."""

    def make(what: str | Path) -> Path:
        environment = tmp_path / "environment"
        made = call(UV, "venv", "-q", "--python", sys.executable, environment, folder=tmp_path)
        assert made.returncode == 0, made.stderr
        python = environment / "bin" / "python"
        done = call(UV, "pip", "install", "-q", "--python", python, what, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return environment / "bin" / "resma"

    return make


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files that `make cli` builds."""
    done = subprocess.run(
        ["make", "cli"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return STATE / "dist"


def test_the_wheel_of_make_cli_is_installed_and_runs(
    built: Path, install: Callable[[str | Path], Path], tmp_path: Path
) -> None:
    names = sorted(path.name for path in built.glob("resma_cli-*"))
    assert names == [f"resma_cli-{VERSION}-py3-none-any.whl", f"resma_cli-{VERSION}.tar.gz"]
    resma = install(built / names[0])
    installed = next((resma.parents[1] / "lib").glob("python*")) / "site-packages"
    assert (installed / "resma_cli" / "py.typed").exists()
    metadata = installed / f"resma_cli-{VERSION}.dist-info"
    assert (metadata / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "License-Expression: Apache-2.0" in (metadata / "METADATA").read_text(encoding="utf-8")
    assert not (installed / "psycopg").exists()
    assert not (installed / "infra").exists(), "only the client's package is installed"
    assert call(resma, "--version", folder=tmp_path).stdout == f"resma {VERSION}\n"
    with ScriptedServer() as server:
        server.answer("GET", "/api/v1/report-types", Reply(200, {"items": [], "errors": []}))
        called = call(resma, "type", "list", folder=tmp_path, RESMA_URL=server.url, RESMA_KEY="rsm_a_b")
        assert called.returncode == 0, called.stderr
        zoned = call(resma, "list", "--created-after", "today", folder=tmp_path, RESMA_TIME_ZONE="Europe/Lisbon")
        assert zoned.returncode == 3, zoned.stderr
    no_checkout = call(resma, "up", folder=tmp_path)
    assert (no_checkout.returncode, "a checkout of Resma" in no_checkout.stderr) == (1, True)
    doctor = call(resma, "doctor", folder=tmp_path)
    assert (doctor.returncode, "resma login" in doctor.stdout) == (1, True)


def test_the_source_distribution_is_installed_and_runs(
    built: Path, install: Callable[[str | Path], Path], tmp_path: Path
) -> None:
    (source,) = built.glob("*.tar.gz")
    assert "Usage: resma" in call(install(source), "-h", folder=tmp_path).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_client_is_installed_from_a_git_repository(install: Callable[[str | Path], Path], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(ROOT / "infra" / "cli", repository / "infra" / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    identity = ("-c", "user.name=a test", "-c", "user.email=test@example.com")
    for arguments in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "The client")):
        done = call("git", *arguments, folder=repository)
        assert done.returncode == 0, done.stderr
    resma = install(f"resma-cli[aws] @ git+file://{repository}#subdirectory=infra/cli")
    assert "Usage: resma generate" in call(resma, "generate", "-h", folder=tmp_path).stdout
