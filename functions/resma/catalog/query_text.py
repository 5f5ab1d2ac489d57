"""query.sql read as text: its parameters and what would break when values are bound to it.

psycopg knows no SQL: it takes `%(name)s` for a parameter in comments and in quotes too, and stumbles over other `%`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from resma.catalog.diagnostics import Diagnostic, suggest

TENANT = "tenant_id"
"""The parameter that every query has and no filter is: whose rows may be seen."""

# SQL's lexical structure, as far as it hides text: Postgres manual, 4.1. Comments that nest are read to the first end.
_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<quoted>\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
      | (?P<parameter>%\((?P<name>\w+)\)s)
      | (?P<escaped>%%)
      | (?P<percent>%)
      | (?P<semicolon>;)
      | (?P<word>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)
_WRITES = re.compile(
    r"\b(INSERT INTO|DELETE FROM|MERGE INTO|UPDATE (\w+ ){1,4}SET|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"%(?!%)(\(\w*\)?\w?)?")


def find_parameters(query: str) -> dict[str, int]:
    """Each parameter that stands in code, with the line where it first does."""
    found: dict[str, int] = {}
    for token in _TOKEN.finditer(query):
        if name := token["name"]:
            found.setdefault(name, _line(query, token.start()))
    return found


def find_query_mistakes(query: str, filters: Collection[str] | None) -> Iterator[Diagnostic]:
    """What is wrong with the text. Where the filters are not known (None), parameters are not compared with them."""
    words: list[tuple[str, int]] = []
    for token in _TOKEN.finditer(query):
        line = _line(query, token.start())
        if token["word"]:
            words.append((token["word"].upper(), line))
        elif token["comment"] or token["quoted"]:
            yield from _hidden_mistakes(token, line)
        elif token["semicolon"]:
            yield _diagnostic("a semicolon ends the query: leave it out, it becomes part of a larger one", line)
        elif token["percent"]:
            yield _diagnostic("a single % is read as a parameter: write %% for the sign, %(name)s for a filter", line)
    yield from _statement_mistakes(words)
    if filters is not None:
        yield from _parameter_mistakes(query, filters)


def _hidden_mistakes(token: re.Match[str], line: int) -> Iterator[Diagnostic]:
    """Inside comments and quotes, where a value can't be bound."""
    text = token.group()
    where = "a comment" if token["comment"] else "quotes"
    for sign in _PLACEHOLDER.finditer(text.replace("%%", "  ")):
        at = line + text.count("\n", 0, sign.start())
        if sign.group().startswith("%("):
            remedy = (
                "name it without the %"
                if token["comment"]
                else "take it out of them, or put the parts together with ||"
            )
            yield _diagnostic(
                f"the parameter {sign.group()} stands in {where}, where no value can be bound: {remedy}", at
            )
        else:
            yield _diagnostic(f"a single % in {where} is read as a parameter too: write %%", at)


def _statement_mistakes(words: list[tuple[str, int]]) -> Iterator[Diagnostic]:
    if not words:
        yield _diagnostic("the query is empty: write a SELECT", 1)
    elif words[0][0] not in {"SELECT", "WITH"}:
        yield _diagnostic(f"a query only reads: begin it with SELECT or WITH, not with {words[0][0]}", words[0][1])
    elif write := _WRITES.search(" ".join(word for word, _ in words)):
        at = " ".join(word for word, _ in words)[: write.start()].count(" ")
        yield _diagnostic(f"a query only reads, in a transaction that is READ ONLY: leave out {write[0]}", words[at][1])


def _parameter_mistakes(query: str, filters: Collection[str]) -> Iterator[Diagnostic]:
    used = find_parameters(query)
    known = [*filters, TENANT]
    for name, line in used.items():
        if name not in known:
            yield _diagnostic(f"the parameter %({name})s is no filter of report.toml: {suggest(name, known)}", line)
    if TENANT not in used:
        yield _diagnostic(f"the query must choose its tenant's rows: use %({TENANT})s in a condition", 1)


def _diagnostic(says: str, line: int) -> Diagnostic:
    return Diagnostic(says, file="query.sql", line=line)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
