"""Nouns agree with their numbers: `1 row`, `2 rows`. Messages use `counted` or `count`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from resma.errors import RowCountMismatchError
from resma.short_text import counted
from resma_cli.amounts import count

ROOT = Path(__file__).parents[2]

NOUNS = (
    "attempts|cells|characters|charts|columns|days|deliveries|endpoints|files|hours|items|keys|lines|messages|minutes|"
    "numbers|pages|redrives|reports|rows|schedules|sheets|texts|times|totals|warnings"
)
_COUNTED = re.compile(rf" (?:more )?(?:{NOUNS})\b(?!/s)")

NEVER_ONE = {
    "counted",  # rows of the demo bank
    "characters",  # characters of a string that is too long for a cell
    "columns[:100]",
    "ends[-1]",
    "files",  # the message is only for several files
    "len(header.columns)",
    "len(names)",  # the message is only for more than three
    "len(self._header.columns)",  # more columns than a sheet supports
    "sheet_rows",
    "sheets",  # sheets of more rows than one supports
    "wanted",  # the message is only for several charts
}
"""Expressions of numbers that are never one."""


def counts(source: str) -> Iterator[tuple[int, str, str]]:
    """Yields the line, expression and noun of each number in an f-string with a constant plural."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                found = _COUNTED.match(str(after.value))
                if found and not isinstance(value.value, ast.Call | ast.Subscript | ast.BinOp) | (
                    ast.unparse(value.value).startswith("len(")
                ):
                    yield node.lineno, ast.unparse(value.value), found[0]


@pytest.mark.parametrize("folder", ["functions", "infra"])
def test_no_plural_is_constant_after_a_number(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {{{expression}}}{noun}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, expression, noun in counts(path.read_text("utf-8"))
        if expression not in NEVER_ONE and not expression.rpartition(".")[2].isupper()
    ]
    assert found == []


@pytest.mark.parametrize("say", [counted, count])
def test_a_number_and_its_noun(say: object) -> None:
    assert callable(say)
    assert [say(0, "row"), say(1, "row"), say(2000, "row")] == ["0 rows", "1 row", "2,000 rows"]
    assert [say(1, "report is", "reports are"), say(2, "report is", "reports are")] == ["1 report is", "2 reports are"]


def test_a_row_count_error_uses_the_singular_for_one_row() -> None:
    assert str(RowCountMismatchError(2, 1)).startswith("The snapshot counted 1 row, but the writer received 2. ")
