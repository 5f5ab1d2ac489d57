"""The content of report.toml and query.sql of a proposed report type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from infra.authoring.proposals.proposal import Proposal, ProposedColumn, ProposedFilter

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def report_toml(proposal: Proposal) -> str:
    """Returns report.toml in the short form: what differs from the defaults."""
    head = [f"title = {quoted(proposal.title)}"]
    if proposal.description:
        head.append(f"description = {quoted(proposal.description)}")
    head.append(f"sort = {_list(proposal.sort)}")
    if proposal.period:
        head.append(f"period = {quoted(proposal.period)}")
    parts = [head]
    if proposal.amounts:
        currency = [f"currency = {quoted(proposal.currency)}"] if proposal.currency else []
        parts.append(["[totals]", f"amounts = {_list(proposal.amounts)}", *currency])
    parts.append(["[columns]", *(f"{key(one.name)} = {_column(one)}" for one in proposal.columns)])
    if proposal.filters:
        parts.append(["[filters]", *(f"{key(one.name)} = {_filter(one)}" for one in proposal.filters)])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def query_sql(columns: Sequence[str], table: str, conditions: Iterable[str]) -> str:
    """Returns the SELECT of a table. `columns` and `table` are SQL, with percent signs doubled."""
    text = "SELECT " + ",\n       ".join(columns) + f"\nFROM {table}\n"
    if conditions := list(conditions):
        text += "WHERE " + "\n  AND ".join(conditions) + "\n"
    return text


def key(name: str) -> str:
    """Returns a key of TOML, quoted where it must be."""
    return name if _BARE_KEY.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """Returns a basic string of TOML 1.0, whose escapes are those of JSON, and DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _column(column: ProposedColumn) -> str:
    pairs = []
    if column.kind != "text" or not (column.heading or column.wrap):
        pairs.append(f"kind = {quoted(column.kind)}")
    if column.heading:
        pairs.append(f"heading = {quoted(column.heading)}")
    if column.scale is not None:
        pairs.append(f"scale = {column.scale}" + ("" if column.is_rounded else ", decimals = 0"))
    if column.wrap:
        pairs.append("wrap = true")
    return quoted(column.kind) if pairs == [f"kind = {quoted(column.kind)}"] else f"{{ {', '.join(pairs)} }}"


def _filter(item: ProposedFilter) -> str:
    pairs = [f"kind = {quoted(item.kind)}"]
    if item.label:
        pairs.append(f"label = {quoted(item.label)}")
    if item.choices:
        pairs.append(f"choices = {_list(item.choices)}")
    if item.required:
        pairs.append("required = true")
    if item.not_before:
        pairs.append(f"not_before = {quoted(item.not_before)}")
    return quoted(item.kind) if len(pairs) == 1 else f"{{ {', '.join(pairs)} }}"


def _list(values: Iterable[str]) -> str:
    """Returns an array: in one line, or with a line for each few values if it would be too long."""
    return f"[{', '.join(map(quoted, values))}]"
