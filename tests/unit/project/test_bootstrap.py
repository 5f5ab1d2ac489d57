"""Environments are created in unusual checkouts, or an error message says why not."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from infra.errors import describe_foreign_file, describe_full_disk
from infra.paths import ROOT
from resma_cli.doctor import machine
from tests.support.eventually import PATIENCE_SECONDS, eventually

BOOTSTRAP = ROOT / "infra" / "local" / "bootstrap.py"
UV = """#!/bin/sh
# A substitute for uv: prints its process id and cache folder, and then waits.
echo "$$ cache=$UV_CACHE_DIR" > "$CALLED"
exec sleep "$TAKES"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the files that bootstrap.py needs, and a substitute for uv that records its cache folder."""
    root = tmp_path / "a checkout"
    shutil.copytree(ROOT / "infra" / "requirements", root / "infra" / "requirements")
    (root / "infra" / "local").mkdir()
    shutil.copy(BOOTSTRAP, root / "infra" / "local" / "bootstrap.py")
    binary = root / ".resma" / "uv" / "bin" / "uv"
    binary.parent.mkdir(parents=True)
    binary.write_text(UV, encoding="ascii")
    binary.chmod(0o755)
    lock = (root / "infra" / "requirements" / "uv.txt").read_text(encoding="utf-8")
    (root / ".resma" / "uv" / ".stamp").write_text(lock + sys.executable, encoding="utf-8")
    return root


def start(checkout: Path, *arguments: str, takes: str = "0", **variables: str) -> subprocess.Popen[str]:
    """Starts bootstrap.py of a checkout, in a new process group."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"UV_CACHE_DIR", "XDG_CACHE_HOME"}}
    environment = {**inherited, "CALLED": str(checkout / "called"), "TAKES": takes, **variables}
    command = [sys.executable, str(checkout / "infra" / "local" / "bootstrap.py"), *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def called(checkout: Path) -> tuple[int, str]:
    """Returns the process id and the cache folder of the last call of uv."""
    text = (checkout / "called").read_text(encoding="utf-8")
    return int(text.split()[0]), text.strip().partition("cache=")[2]


@pytest.mark.parametrize(
    ("variables", "cache"),
    [
        ({"HOME": "{home}"}, ""),
        ({"HOME": "/dev/null"}, "{checkout}/.resma/uv-cache"),
        ({"HOME": "/proc"}, "{checkout}/.resma/uv-cache"),
        ({"HOME": "{home}", "XDG_CACHE_HOME": "/dev/null"}, "{checkout}/.resma/uv-cache"),
        ({"HOME": "/dev/null", "UV_CACHE_DIR": "/elsewhere"}, "/elsewhere"),
    ],
)
def test_without_a_writable_home_folder_downloads_are_cached_in_the_checkout(
    checkout: Path, tmp_path: Path, variables: dict[str, str], cache: str
) -> None:
    paths = {"home": str(tmp_path), "checkout": str(checkout)}
    with start(checkout, **{name: value.format(**paths) for name, value in variables.items()}) as process:
        process.communicate(timeout=PATIENCE_SECONDS)
    assert called(checkout)[1] == cache.format(**paths)


PYTHON_OF_VERSION = """
import runpy, sys
version = tuple(int(part) for part in sys.argv.pop(1).split("."))
sys.version_info = (*version, 0, "final", 0)
sys.argv = [sys.argv[1], "python"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    ("version", "is_supported"), [("3.10", False), ("3.11", True), ("3.13", True), ("3.14", False), ("4.0", False)]
)
def test_the_error_of_an_unsupported_python_names_the_supported_ones(version: str, is_supported: bool) -> None:
    command = [sys.executable, "-c", PYTHON_OF_VERSION, version, str(BOOTSTRAP)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    assert done.returncode == (0 if is_supported else 1), done.stderr
    assert ("Resma runs on Python 3.11, 3.12, 3.13, this is" in done.stderr) != is_supported


def test_supported_pythons_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    specifier = SpecifierSet(project["requires-python"])
    accepted = {(3, minor) for minor in range(30) if f"3.{minor}" in specifier}
    supported = runpy.run_path(str(BOOTSTRAP))["SUPPORTED_PYTHONS"]
    assert set(supported) == set(machine.PYTHONS) == accepted


def test_ctrl_c_during_setup_prints_a_message(checkout: Path) -> None:
    with start(checkout, "project", takes="60") as process:
        eventually("uv is called", lambda: (checkout / "called").exists() and (checkout / "called").read_text())
        os.killpg(process.pid, signal.SIGINT)  # like a terminal
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert err == "\ninterrupted: run the same command again to finish making the environment\n"
    eventually("everything that was started has ended", lambda: not is_group_alive(process.pid))


def is_group_alive(group: int) -> bool:
    """Returns whether a process group has a process. A process that has ended but was not waited for counts."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_error_of_a_failed_installation_names_the_required_disk_space(checkout: Path) -> None:
    (checkout / ".resma" / "uv" / "bin" / "uv").write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    with start(checkout, "project") as process:
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "2.5 GB of free disk space" in err


@pytest.mark.parametrize("character", ['"', "$", "`", "\\", ":"])
def test_a_path_that_postgres_does_not_support_is_rejected_first(checkout: Path, character: str) -> None:
    moved = checkout.rename(checkout.with_name(f"a{character}b"))
    with start(moved) as process:
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, "Move it to another folder" in err) == (1, True), err
    assert not (moved / "called").exists()


CHECK_OWNER = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("bootstrap", sys.argv[1])
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)
os.setuid(int(sys.argv[3]))
bootstrap.require_own_files(sys.argv[2], os.geteuid())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can create files of root")
def test_the_error_of_files_of_root_says_how_to_change_the_owner(checkout: Path) -> None:
    for folder in (checkout, *checkout.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)

    def check(user_id: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CHECK_OWNER, str(BOOTSTRAP), str(checkout / ".resma"), str(user_id)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)

    assert check(0).returncode == 0, "root may change them all"
    done = check(65534)
    assert done.returncode == 1
    assert "belongs to user root, probably since `sudo make`" in done.stderr
    assert f"sudo chown -R 65534 '{checkout}/.resma'" in done.stderr
    for path in (checkout / ".resma", *(checkout / ".resma").iterdir()):
        os.chown(path, 65534, 65534)
    assert check(65534).returncode == 0, done.stderr


def test_the_error_of_another_users_file_names_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / ".resma" / "local.lock"
    lock.parent.mkdir()
    lock.touch()
    error = PermissionError(13, "Permission denied", str(lock))
    assert describe_foreign_file(error) == f"{lock}: permission denied."
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert f"rm -rf {lock.parent}" in describe_foreign_file(error)


def test_the_error_of_a_full_disk_names_the_size_of_the_demo_bank(tmp_path: Path) -> None:
    assert "A demo bank of 5,000,000 transactions needs about 3,433 MB" in describe_full_disk(tmp_path, 5_000_000)
    assert "make clean" in describe_full_disk(tmp_path)
