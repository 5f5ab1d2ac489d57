"""The check of dependencies finds unpinned entries and unknown licenses."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.checks.dependencies.check_dependencies import check_licenses, find_errors
from infra.checks.dependencies.locks import read_lock

HASH = "--hash=sha256:" + 64 * "a"


def test_the_projects_dependencies_have_no_errors() -> None:
    assert find_errors() == []


def test_a_valid_lock_file(tmp_path: Path) -> None:
    path = tmp_path / "lock.txt"
    path.write_text(f"a-b==1.0 \\\n    {HASH} \\\n    {HASH}\nc==2 ; python_version < '3.12' \\\n    {HASH}\n", "utf-8")
    lock = read_lock(path)
    assert lock.errors == ()
    assert lock.versions == {"a-b": frozenset({"1.0"}), "c": frozenset({"2"})}


@pytest.mark.parametrize(
    "entry",
    [
        "requests",
        "requests>=2",
        "requests==2.0",
        "requests==2.0 --hash=sha256:abc",
        "requests==2.0 --hash=md5:" + 32 * "a",
        f"--index-url https://index.example/simple\nrequests==2.0 {HASH}",
        f"requests @ https://index.example/requests.whl {HASH}",
        f"-e git+https://index.example/requests {HASH}",
        f"requests==2.0 --find-links=https://index.example {HASH}",
        "# nothing",
    ],
)
def test_entries_other_than_pins_with_hashes_are_errors(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "lock.txt"
    path.write_text(entry + "\n", "utf-8")
    assert read_lock(path).errors


@pytest.mark.parametrize("expression", ["MIT", "Apache-2.0 OR GPL-3.0", "BSD-3-Clause AND (MIT)", "LGPL-3.0-only"])
def test_known_licenses(expression: str) -> None:
    assert list(check_licenses("a", [expression])) == []


@pytest.mark.parametrize("expression", ["GPL-3.0-only", "MIT AND AGPL-3.0", "Proprietary", None])
def test_other_licenses_are_errors(expression: str | None) -> None:
    assert list(check_licenses("a", [expression] if expression else []))
