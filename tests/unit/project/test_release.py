"""Releases: versions are equal, files are reproducible, and workflows build them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from infra.paths import ROOT
from infra.release.archive import write_archive, write_checksums
from resma_cli import VERSION
from tests.tools import NEEDED, packages_of

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CLIENT: dict[str, Any] = tomllib.loads((ROOT / "infra/cli/pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands_of(workflow: Path) -> list[str]:
    """Returns the commands of a workflow, in order."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


# ---------------------------------------------------------------- metadata


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["version"] == VERSION
    # The client's package reads it from the code.
    assert "version" not in CLIENT
    assert CLIENT["dynamic"] == ["version"]
    assert set(re.findall(r"resma_cli-([\d.]+?)-py3", read("docs/command-line.md"))) == {VERSION}
    newest = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)[0]
    assert newest == VERSION


def test_both_packages_have_the_same_license_and_authors() -> None:
    for key in ("license", "authors"):
        assert PROJECT[key] == CLIENT[key]
    assert PROJECT["license"] == "Apache-2.0"
    assert "Copyright 2026 The Resma authors" in read("LICENSE")
    # The client's package cannot contain files outside of its folder.
    assert read("infra/cli/LICENSE") == read("LICENSE")
    for name in PROJECT["license-files"]:
        assert "Apache License" in read(name)
    assert (ROOT / "infra/cli/resma_cli/py.typed").exists()


def test_checks_run_on_every_supported_version_of_python() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert named == re.findall(r"Python :: (3\.\d+)", "\n".join(CLIENT["classifiers"]))
    oldest, newest = re.fullmatch(r">=(3\.\d+),<(3\.\d+)", PROJECT["requires-python"]).groups()  # type: ignore[union-attr]
    assert (named[0], named[-1]) == (oldest, f"3.{int(newest[2:]) - 1}")
    (job,) = yaml.safe_load(read(".github/workflows/check.yml"))["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == named


# ---------------------------------------------------------------- files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package with a module, an executable file and compiled Python."""
    made = tmp_path / "package"
    (made / "sub" / "__pycache__").mkdir(parents=True)
    (made / "b.py").write_text("b = 1\n")
    (made / "sub" / "a.so").write_bytes(b"\x7fELF")
    (made / "sub" / "a.so").chmod(0o700)
    (made / "sub" / "__pycache__" / "b.cpython-313.pyc").write_bytes(b"compiled")
    return made


def test_an_archive_depends_only_on_the_content(folder: Path, tmp_path: Path) -> None:
    write_archive(folder, tmp_path / "one.zip")
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    write_archive(folder, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_all_users_can_read_an_archive_without_compiled_python(folder: Path, tmp_path: Path) -> None:
    write_archive(folder, tmp_path / "one.zip")
    with ZipFile(tmp_path / "one.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        assert archive.read("sub/a.so") == b"\x7fELF"
    assert modes == {"b.py": 0o644, "sub/a.so": 0o755}


def test_sha256sum_accepts_the_checksums(folder: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    release.mkdir()
    write_archive(folder, release / "one.zip")
    (release / ".gitignore").write_text("*")
    checksums = write_checksums(release)
    assert checksums.read_text().split()[1::2] == ["one.zip"]
    command = ["sha256sum", "--check", checksums.name]
    assert subprocess.run(command, cwd=release, capture_output=True, check=False).returncode == 0
    (release / "one.zip").write_bytes(b"other")
    assert subprocess.run(command, cwd=release, capture_output=True, check=False).returncode == 1


# ---------------------------------------------------------------- workflows


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_a_timeout_and_permissions(workflow: Path) -> None:
    content = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert content["name"] == workflow.stem
    writes = [name for name, access in content["permissions"].items() if access == "write"]
    assert writes == (["contents"] if workflow.stem == "release" else [])
    for job in content["jobs"].values():
        assert job["timeout-minutes"] <= 180
        # Only actions of GitHub, by major version. Dependabot updates them.
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v0"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_installs_the_required_tools(workflow: Path) -> None:
    commands = commands_of(workflow)
    made = [name for command in commands for name in re.findall(r"^make (\S+)", command)]
    installed = {word for command in commands if "apt-get install" in command for word in command.split()}
    for name in made:
        if name in NEEDED:
            # GitHub's machines have Chrome.
            assert {*packages_of(NEEDED[name])} - {"chromium"} <= installed


def test_a_release_has_all_built_files_and_the_tag_of_its_version() -> None:
    commands = commands_of(ROOT / ".github/workflows/release.yml")
    assert commands[0] == "make release-files"
    assert "resma --version" in commands[1]
    assert re.search(r"gh release create .* --draft .* \.resma/dist/\*$", commands[2])


def test_dependabots_folders_contain_dependencies() -> None:
    updates = yaml.safe_load(read(".github/dependabot.yml"))["updates"]
    folders = {each["package-ecosystem"]: ROOT / each["directory"].lstrip("/") for each in updates}
    assert (folders["pip"] / "requirements.txt").exists()
    assert (folders["docker"] / "Dockerfile").exists()
    assert folders["github-actions"] == ROOT


# ---------------------------------------------------------------- editors


def test_hooks_run_the_programs_of_make_lint() -> None:
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [each["repo"] for each in hooks] == ["local"]
    entries = [hook["entry"] for each in hooks for hook in each["hooks"]]
    assert [entry.split()[:2] for entry in entries] == [
        [".resma/venv/bin/ruff", "check"],
        [".resma/venv/bin/ruff", "format"],
    ]


def test_the_development_container_installs_the_tools_of_make_check() -> None:
    container = json.loads(read(".devcontainer/devcontainer.json"))
    assert ":3.11-" in container["image"]  # the oldest that `requires-python` allows
    assert container["postCreateCommand"] == "make setup"
    assert "check" not in NEEDED  # its readers of files are Python packages, which `make setup` installs
    assert container["forwardPorts"] == [3008]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_forms_have_distinct_fields_and_a_required_one(name: str) -> None:
    form = yaml.safe_load(read(f".github/ISSUE_TEMPLATE/{name}.yml"))
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    assert len({each["id"] for each in fields}) == len(fields)
    assert any(each.get("validations", {}).get("required") for each in fields)
