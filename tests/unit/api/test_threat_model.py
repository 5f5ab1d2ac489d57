"""The tests that the threat model names exist."""

from __future__ import annotations

import ast
import re

from infra.paths import ROOT

DOCUMENT = ROOT / "docs" / "security.md"


def test_every_threat_has_a_test_and_every_named_test_exists() -> None:
    tests = {
        f"{path.name}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    for row in rows:
        named = re.findall(r"`(test_\w+\.py::\w+)`", row.rsplit("|", 2)[1])
        assert named, row
        assert set(named) <= tests, set(named) - tests
