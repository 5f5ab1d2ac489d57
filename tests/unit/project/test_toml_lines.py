"""Lines of values in TOML: every number in the generated documents is the line that it stands in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resma.catalog.diagnostics import Place
from resma.catalog.toml_lines import find_lines, line_of

# @ is the line, and N a number that makes keys unique.
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


def _numbers(value: Any, place: Place = ()) -> Iterator[tuple[Place, int]]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(part, (*place, key))
    elif isinstance(value, int):
        yield place, value


@given(st.lists(st.sampled_from(_PARTS), max_size=30))
def test_every_value_is_at_its_line(parts: list[str]) -> None:
    text = _write(parts)
    lines = find_lines(text)
    for place, line in _numbers(tomllib.loads(text)):
        assert lines[place] == line, text


def test_tables_are_where_their_header_is() -> None:
    lines = find_lines("a = 1\n[[rows]]\nb = 2\n\n[[rows]]\n[rows.more]\n[t]\n")
    assert lines == {("a",): 1, ("rows",): 2, ("rows", 0): 2, ("rows", 0, "b"): 3, ("rows", 1): 5} | {
        ("rows", 1, "more"): 6,
        ("t",): 7,
    }


def test_what_is_missing_is_where_it_would_be() -> None:
    lines = find_lines("a = 1\n\n[t]\n")
    assert line_of(("t", "x", 3), lines) == 3
    assert line_of(("nowhere",), lines) == 1
    assert line_of((), lines) == 1
