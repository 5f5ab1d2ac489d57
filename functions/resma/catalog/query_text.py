"""Lexical checks of query.sql and control.sql: their parameters, and text that prevents psycopg from binding values.

psycopg does not parse SQL: it also reads `%(name)s` in comments and quotes as a parameter, and rejects any other `%`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Literal

from resma.catalog.diagnostics import Diagnostic, suggest

TENANT = "tenant_id"
"""Name of the parameter with the tenant's id. Every query must use it if tenants are required, and no
filter may have its name."""

Tenants = Literal["required", "none"]
"""Whether queries select the rows of one tenant. It is a setting of the catalog (resma.toml)."""

# SQL's comments and quoting: PostgreSQL manual, 4.1. A nested comment is read only to its first end.
_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<quoted>\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
      | (?P<parameter>%\((?P<name>\w+)\)s)
      | (?P<escaped>%%)
      | (?P<percent>%)
      | (?P<semicolon>;)
      | (?P<number>(?<![\w$])\$\d+)
      | (?P<word>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)
_WRITES = re.compile(
    r"\b(INSERT INTO|DELETE FROM|MERGE INTO|UPDATE (\w+ ){1,4}SET|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"%(?!%)(\(\w*\)?\w?)?")


def find_parameters(query: str) -> dict[str, int]:
    """Returns the parameters used outside comments and quotes, each with the line of its first use."""
    lines: dict[str, int] = {}
    for token in _TOKEN.finditer(query):
        if name := token["name"]:
            lines.setdefault(name, _line(query, token.start()))
    return lines


def without_comments(query: str) -> str:
    """Returns the query with comments and strings replaced by spaces. Lines and quoted names stay as they are."""

    def blank(token: re.Match[str]) -> str:
        is_text = token["comment"] or (token["quoted"] and not token["quoted"].startswith('"'))
        return re.sub(r"[^\n]", " ", token.group()) if is_text else token.group()

    return _TOKEN.sub(blank, query)


def find_query_errors(
    query: str, filters: Collection[str] | None, *, tenants: Tenants = "required"
) -> Iterator[Diagnostic]:
    """Yields errors of the query's text. If `filters` is None, parameters are not compared with filters.

    If `tenants` is `required`, the query must use the parameter `tenant_id`.
    """
    words: list[tuple[str, int]] = []
    for token in _TOKEN.finditer(query):
        line = _line(query, token.start())
        if token["word"]:
            words.append((token["word"].upper(), line))
        elif token["comment"] or token["quoted"]:
            yield from _find_hidden_parameters(token, line)
        elif token["semicolon"]:
            yield _diagnostic("The query must not contain a semicolon, because it becomes a subquery. Remove it.", line)
        elif token["percent"]:
            yield _diagnostic(
                "A single % is read as a parameter. Write %% for a percent sign, or %(name)s for a filter.", line
            )
        elif token["number"]:
            yield _diagnostic(f"Write a named parameter, %(name)s, instead of {token['number']}.", line)
    yield from _find_statement_errors(words)
    if filters is not None:
        yield from _find_parameter_errors(query, filters, is_tenant_required=tenants == "required")


def _find_hidden_parameters(token: re.Match[str], line: int) -> Iterator[Diagnostic]:
    """Yields parameters and percent signs inside a comment or quotes, where no value can be bound."""
    text = token.group()
    where = "a comment" if token["comment"] else "quotes"
    for match in _PLACEHOLDER.finditer(text.replace("%%", "  ")):
        match_line = line + text.count("\n", 0, match.start())
        if match.group().startswith("%("):
            remedy = (
                "Write its name without the %."
                if token["comment"]
                else "Move it out of the quotes, and concatenate the parts with ||."
            )
            yield _diagnostic(
                f"The parameter {match.group()} is in {where}, where no value can be bound. {remedy}", match_line
            )
        else:
            yield _diagnostic(f"A single % in {where} is also read as a parameter. Write %%.", match_line)


def _find_statement_errors(words: list[tuple[str, int]]) -> Iterator[Diagnostic]:
    if not words:
        yield _diagnostic("The query is empty. Write a SELECT statement.", 1)
    elif words[0][0] not in {"SELECT", "WITH"}:
        yield _diagnostic(f"The query must start with SELECT or WITH, not with {words[0][0]}.", words[0][1])
    elif write := _WRITES.search(" ".join(word for word, _ in words)):
        index = " ".join(word for word, _ in words)[: write.start()].count(" ")
        yield _diagnostic(f"The query runs in a READ ONLY transaction. Remove {write[0]}.", words[index][1])


def _find_parameter_errors(query: str, filters: Collection[str], *, is_tenant_required: bool) -> Iterator[Diagnostic]:
    used = find_parameters(query)
    known = [*filters, TENANT]
    for name, line in used.items():
        if name not in known:
            yield _diagnostic(f"The parameter %({name})s is not a filter of report.toml. {suggest(name, known)}", line)
    if is_tenant_required and TENANT not in used:
        message = (
            f"The query must select the rows of one tenant. Use a condition such as tenant_id = %({TENANT})s. If the "
            'database has one organization only, write tenants = "none" in resma.toml.'
        )
        yield _diagnostic(message, 1)


def _diagnostic(message: str, line: int) -> Diagnostic:
    return Diagnostic(message, file="query.sql", line=line)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
