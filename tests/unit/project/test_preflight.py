"""Before tests start, `make` checks that the required programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.paths import ROOT
from resma_cli.doctor import machine
from tests import tools
from tests.support.eventually import PATIENCE_SECONDS
from tests.tools import NEEDED, OPTIONAL, Library, describe_missing, find_missing, packages_of


def make(target: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `make` with a PATH that contains only this folder and the programs that make needs."""
    for name in ("make", "sh", "python3", "env", "grep"):
        program = sys.executable if name == "python3" else shutil.which(name)
        assert program
        (path / name).symlink_to(program)
    own = {name: value for name, value in os.environ.items() if name != "RESMA_WANTS_LANGUAGES"}
    environment = {**own, "PATH": str(path), **variables}
    command = ["make", "--no-print-directory", "--silent", target, "PYTHON=python3"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )


IN_SYSTEM_FOLDERS = ("minio", "sshd")
"""Optional tools that are also looked for in folders beside the PATH, where they may be installed or not."""


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the PATH. The variable with which CI requires languages is not set."""
    monkeypatch.delenv("RESMA_WANTS_LANGUAGES", raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("target", "programs"), [("test", "soffice, chromium, curl"), ("fuzz", "soffice")])
def test_missing_programs_are_listed_with_a_command_that_installs_them(
    empty_path: Path, target: str, programs: str
) -> None:
    done = make(target, empty_path)
    assert done.returncode == 2
    assert done.stdout == ""
    listed, installs, failed = done.stderr.splitlines()
    assert listed == f"`make {target}` needs programs that are not installed: {programs}."
    missing = [tool for tool in NEEDED[target] if not isinstance(tool, Library)]
    assert installs.partition(": ")[2] == " ".join([tools.INSTALL, *packages_of(missing)])
    assert "Error 2" in failed


def test_a_missing_optional_language_is_skipped(empty_path: Path) -> None:
    for tool in NEEDED["test"]:
        (empty_path / str(tool)).symlink_to("/bin/true")
    done = make("tools-test", empty_path)
    assert (done.returncode, done.stderr) == (0, "")
    skipped = {line.partition(" not found")[0] for line in done.stdout.splitlines()}
    others = [one for one in OPTIONAL if one.name not in IN_SYSTEM_FOLDERS]
    lacking = [[tool for tool in one.tools if tool not in NEEDED["test"]] for one in others]
    assert {", ".join(map(str, tools)) for tools in lacking} <= skipped


def test_a_missing_language_that_ci_requires_is_an_error(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(empty_path))
    missing = find_missing("test", ["node", "go"])
    assert {"node", "npm", "go"} <= set(map(str, missing))
    message = describe_missing("test", missing)
    assert "nodejs npm" in message
    assert message.splitlines()[-1] == "go has no Debian package."
    assert not {"node", "npm", "go"} & set(map(str, find_missing("fuzz", ["node", "go"])))


def test_doctor_looks_for_the_same_programs() -> None:
    programs = [tool.names for tool in NEEDED["test"] if not isinstance(tool, Library)]
    assert programs == list(machine.TEST_PROGRAMS)


def test_ci_installs_each_package_once(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(empty_path))
    packages = packages_of(find_missing("test", [each.name for each in OPTIONAL]))
    assert len(packages) == len(set(packages))
    assert {"poppler-utils", "libreoffice-calc-nogui", "chromium", "maven", "jq"} <= set(packages)


def test_missing_programs_are_installed_as_root(empty_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = empty_path.parent / "calls"
    missing = [tool for tool in NEEDED["test"] if not isinstance(tool, Library)]
    made = " ".join(str(empty_path / tool.names[0]) for tool in missing)
    links = f"for tool in {made}; do /bin/ln -sf /bin/true $tool; done"
    apt = f'#!/bin/sh\necho "$@" >> "{calls}"\n[ "$1" = update ] || {links}\n'
    (empty_path / "apt-get").write_text(apt, encoding="utf-8")
    (empty_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(empty_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert tools.main(["test"]) == 0
    update, install = calls.read_text(encoding="utf-8").splitlines()
    assert update == "update -qq"
    assert install == f"install -qq -y --no-install-recommends {' '.join(packages_of(missing))}"


def test_a_library_is_found_by_the_dynamic_linker() -> None:
    assert Library(("libc.so.6",), None).is_installed
    assert not Library(("libresma.so.9",), None).is_installed


@pytest.mark.parametrize("user", [0, 1000])
def test_programs_that_cannot_be_installed_are_an_error(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], user: int
) -> None:
    """The user is not root, or apt-get fails."""
    (empty_path / "apt-get").write_text("#!/bin/sh\nexit 100\n", encoding="utf-8")
    (empty_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(empty_path))
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert tools.main(["test"]) == 2
    message = capsys.readouterr().err
    assert ("installing" in message) == (user == 0)
    assert "this installs them: apt-get install --no-install-recommends libreoffice-calc-nogui chromium curl" in message
