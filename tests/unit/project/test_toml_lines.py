"""Lines of values in TOML. In the generated documents, every number is the line that it is in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resma.catalog.diagnostics import KeyPath
from resma.catalog.toml_lines import find_lines, line_of

# @ is replaced by the line, and N by a number that makes keys unique.
_PARTS = (
    "kN = @",
    "kN.\"b c\".'d.e' = @",
    "\t'kN'  =  @  # = 1 [x]",
    '# [table] = """',
    "",
    'kN = """\n[not.a.table]\nx = 1 # \\""" still """',
    "kN = '''\n'not' = [\n'''''",
    'kN = "a # ] } \\" "',
    "kN = [ # here: ]\n  @,\n\n  @, @, # ,\n  [ @, { a = @ } ],\n]",
    'kN = { a = @, b.c = @, "d" = [ @ ], e = "}, f = 1" }',
    "kN = 1979-05-27 07:32:00",
    "[tN]",
    "[ tN . 'sub' ]",
    "[tN.a.b] # [x]",
    "[[rows]]",
    "[[rows.inner]]",
    "[rows.tN]",
    '[["other rows"]]',
)


def _write(parts: list[str]) -> str:
    lines = ["[[rows]]"]
    for number, part in enumerate(parts):
        for text in part.replace("N", str(number)).split("\n"):
            lines.append(text.replace("@", str(len(lines) + 1)))
    return "\n".join(lines) + "\n"


def _numbers(value: Any, key_path: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(part, (*key_path, key))
    elif isinstance(value, int):
        yield key_path, value


@given(st.lists(st.sampled_from(_PARTS), max_size=30))
def test_every_value_has_its_line(parts: list[str]) -> None:
    text = _write(parts)
    lines = find_lines(text)
    for key_path, line in _numbers(tomllib.loads(text)):
        assert lines[key_path] == line, text


def test_tables_have_the_line_of_their_header() -> None:
    lines = find_lines("a = 1\n[[rows]]\nb = 2\n\n[[rows]]\n[rows.more]\n[t]\n")
    assert lines == {("a",): 1, ("rows",): 2, ("rows", 0): 2, ("rows", 0, "b"): 3, ("rows", 1): 5} | {
        ("rows", 1, "more"): 6,
        ("t",): 7,
    }


def test_a_missing_value_has_the_line_of_its_nearest_ancestor() -> None:
    lines = find_lines("a = 1\n\n[t]\n")
    assert line_of(("t", "x", 3), lines) == 3
    assert line_of(("nowhere",), lines) == 1
    assert line_of((), lines) == 1
