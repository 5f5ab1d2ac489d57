"""The filters of a query in a file: one for each of its parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from infra.authoring.proposals.choose_filters import MAX_VALUES
from infra.authoring.proposals.names import slug
from infra.authoring.proposals.proposal import Choice, ProposedFilter
from infra.authoring.proposals.table_facts import SourceFacts
from infra.checks.report_types.check_folder import PLACEHOLDERS
from infra.checks.report_types.column_types import ColumnType
from resma.catalog.query_text import TENANT

_KINDS = {
    "date": "date",
    "timestamp with time zone": "date",
    "timestamp without time zone": "date",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "amount",
    "real": "amount",
    "double precision": "amount",
    "money": "amount",
}
"""Kinds of filters by the type of the parameter. All other types are text."""


def filters_of_parameters(
    query: str, parameters: Mapping[str, ColumnType], facts: SourceFacts, dates: Collection[str] = ()
) -> tuple[tuple[ProposedFilter, ...], list[Choice]]:
    """Returns a filter for each parameter, by its type in the query. A list becomes a choice.

    `dates` are the names of filters that exist already and are dates. A parameter that the query does not compare with
    NULL makes the filter required, because it would select no rows.
    """
    filters: list[ProposedFilter] = []
    choices: list[Choice] = []
    known = {*parameters, *dates}
    for name, type_ in parameters.items():
        if name == TENANT:
            continue
        required = not _may_be_null(query, name)
        if type_.name.endswith("[]"):
            values, origin = _values(name, facts)
            filters.append(ProposedFilter(name, "choice", choices=values, required=required))
            choices.append(Choice("filters", name, f"a list in the query, of {len(values)} values, {origin}"))
        else:
            before = "from" if name in {"to", "until"} and "from" in known and type_.name in _DATES else None
            kind = _KINDS.get(type_.name, "text")
            filters.append(ProposedFilter(name, kind, not_before=before, required=required))
            always = ", always required, because the query has no rows if it is NULL" if required else ""
            choices.append(Choice("filters", name, f"{type_.name} in the query{always}"))
    return tuple(filters), choices


_DATES = {name for name, kind in _KINDS.items() if kind == "date"}


def _may_be_null(query: str, name: str) -> bool:
    parameter = rf"%\({re.escape(name)}\)s"
    return bool(
        re.search(rf"{parameter}(\s*::\s*[\w\[\]. ]+?)?\s+IS\s+(NOT\s+)?NULL\b", query, re.IGNORECASE)
        or re.search(rf"\bcoalesce\s*\(\s*{parameter}", query, re.IGNORECASE)
    )


def _values(name: str, facts: SourceFacts) -> tuple[tuple[str, ...], str]:
    """Returns the values of the column with the name of the parameter, as far as they are known."""
    for column in (*facts.columns, *facts.related):
        if slug(column.name) != slug(name):
            continue
        if column.labels:
            return column.labels, "those of the type of its column"
        if column.statistics and column.statistics.common and 0 < column.statistics.distinct <= MAX_VALUES:
            return tuple(
                sorted(value.strip() for value in column.statistics.common)
            ), "those that ANALYZE has found in its column"
    return PLACEHOLDERS, "placeholders, because they are not known. Replace them in report.toml"
