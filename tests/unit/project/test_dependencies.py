"""The check of dependencies finds what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.checks.dependencies.check_dependencies import find_mistakes, judge_licence
from infra.checks.dependencies.locks import read_lock

HASH = "--hash=sha256:" + 64 * "a"


def test_ours_are_as_they_should_be() -> None:
    assert find_mistakes() == []


def test_a_lock_file_as_uv_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "lock.txt"
    path.write_text(f"a-b==1.0 \\\n    {HASH} \\\n    {HASH}\nc==2 ; python_version < '3.12' \\\n    {HASH}\n", "utf-8")
    lock = read_lock(path)
    assert lock.diagnostics == ()
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
def test_what_is_not_pinned_by_hash_alone_is_named(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "lock.txt"
    path.write_text(entry + "\n", "utf-8")
    assert read_lock(path).diagnostics


@pytest.mark.parametrize("said", ["MIT", "Apache-2.0 OR GPL-3.0", "BSD-3-Clause AND (MIT)", "LGPL-3.0-only"])
def test_known_licences(said: str) -> None:
    assert list(judge_licence("a", [said])) == []


@pytest.mark.parametrize("said", ["GPL-3.0-only", "MIT AND AGPL-3.0", "Proprietary", None])
def test_other_licences_are_named(said: str | None) -> None:
    assert list(judge_licence("a", [said] if said else []))
