"""All changes of a report's status are in one module, next to the diagram of the statuses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from infra.paths import FUNCTIONS

TRANSITIONS = FUNCTIONS / "resma" / "jobs" / "transitions.py"

_UPDATE = re.compile(r"UPDATE\s+resma\.reports\b.*?\bSET\b(.*?)(\bWHERE\b|\bFROM\b|$)", re.DOTALL)
_ASSIGNMENT = re.compile(r"\bstatus\s*=")


def texts(code: ast.AST) -> Iterator[str]:
    """Yields string literals, with `{}` for the placeholders of f-strings."""
    for node in ast.walk(code):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def changes_of_status(path: Path) -> list[str]:
    """Returns assignments to a report's status in UPDATE statements and in arguments of functions that run one."""
    code = ast.parse(path.read_text(encoding="utf-8"))
    found = [text for text in texts(code) for update in _UPDATE.finditer(text) if _ASSIGNMENT.search(update[1])]
    for node in ast.walk(code):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"fenced_update", "finish", "fail", "release", "postpone"}:
                found += [text for argument in node.args for text in texts(argument) if _ASSIGNMENT.search(text)]
    return found


def test_only_one_module_changes_the_status_of_reports() -> None:
    others = {path: changes_of_status(path) for path in FUNCTIONS.rglob("*.py") if path != TRANSITIONS}
    assert {path: found for path, found in others.items() if found} == {}
    assert len(changes_of_status(TRANSITIONS)) >= 10
