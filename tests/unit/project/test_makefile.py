"""`make down`, `make logs` and `make clean` install nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infra.paths import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that contains only the Makefile."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    return tmp_path


def make(checkout: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Runs `make` with a Python that fails, so that the creation of an environment would fail."""
    command = ["make", "--no-print-directory", "PYTHON=false", target]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def set_up(checkout: Path, exit_code: int = 0) -> Path:
    """Creates an environment whose Python only records its arguments. Returns the path of the record."""
    calls = checkout / "calls"
    python = checkout / ".resma/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\nexit {exit_code}\n')
    python.chmod(0o755)
    (checkout / ".resma/venv/.stamp").touch()
    return calls


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("down", "Nothing is running."),
        ("logs", "There are no logs, because nothing has been started."),
        ("clean", "Nothing is running."),
    ],
)
def test_without_an_environment_nothing_is_installed(checkout: Path, target: str, message: str) -> None:
    done = make(checkout, target)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{message}\n"
    assert [path.name for path in checkout.iterdir()] == ["Makefile"]


def test_clean_removes_an_incomplete_environment(checkout: Path) -> None:
    calls = set_up(checkout)
    (checkout / ".resma/venv/.stamp").unlink()
    assert make(checkout, "clean").returncode == 0
    assert not calls.exists()
    assert not (checkout / ".resma").exists()


@pytest.mark.parametrize("target", ["down", "logs"])
def test_with_an_environment_its_command_runs(checkout: Path, target: str) -> None:
    calls = set_up(checkout)
    assert make(checkout, target).returncode == 0
    assert calls.read_text() == f"-m resma_cli {target}\n"


def test_clean_stops_the_stack_and_then_removes_the_folders(checkout: Path) -> None:
    calls = set_up(checkout)
    (checkout / ".aws-sam/build").mkdir(parents=True)
    assert make(checkout, "clean").returncode == 0
    assert calls.read_text() == "-m resma_cli down\n"
    assert sorted(path.name for path in checkout.iterdir()) == ["Makefile", "calls"]


def test_clean_keeps_the_folders_if_the_stack_cannot_be_stopped(checkout: Path) -> None:
    set_up(checkout, exit_code=1)
    assert make(checkout, "clean").returncode != 0
    assert (checkout / ".resma").exists()
