"""Proposes a report type for a table or for a query."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.authoring.proposals.choose import (
    NotReportableError,
    choose_date,
    choose_kinds,
    choose_sort,
    choose_totals,
    describe_column,
    short_comment,
)
from infra.authoring.proposals.choose_filters import choose_filters, escaped
from infra.authoring.proposals.described_query import DescribedQuery
from infra.authoring.proposals.file_content import query_sql
from infra.authoring.proposals.names import may_be_personal, slug, title_of
from infra.authoring.proposals.parameters import filters_of_parameters
from infra.authoring.proposals.proposal import Choice, Proposal, ProposedFilter
from infra.authoring.proposals.table_facts import SourceFacts, TableColumn
from infra.checks.report_types.relations import Relation
from resma.catalog.query_text import TENANT

_PLAIN_NAME = re.compile(r"[^\W_][\w .,:;/()&#+€$-]*")
"""Names of columns that need no alias: every format can show them, and psycopg does not read them as a parameter."""


def propose_table(
    connection: Connection[TupleRow], relation: Relation, facts: SourceFacts, *, has_tenants: bool
) -> tuple[Proposal, str]:
    """Returns the report type of a table, and its query. Columns that the role may not read are left out.

    Raises NotReportableError.
    """
    if not facts.columns:
        raise NotReportableError(f"{relation.sql_name} has no columns. Choose another table.")
    tenants = [one.sql_name for one in facts.columns if one.name == TENANT]
    if has_tenants and not tenants:
        raise NotReportableError(
            f"{relation.sql_name} has no column {TENANT}, and resma.toml requires tenants. Write "
            'tenants = "none" there if all rows belong to one organization, or use --from with a query that uses '
            f"%({TENANT})s."
        )
    readable = [one for one in facts.columns if one.may_select] or list(facts.columns)
    left_out = [one.name for one in facts.columns if one not in readable]
    facts = _with_report_names(replace(facts, columns=tuple(readable)))
    date, reason = choose_date(facts)
    filters, filter_choices = choose_filters(facts, date)
    choices = [Choice("columns", "some", f"the role may not read {', '.join(left_out)}")] if left_out else []
    proposal = _propose(connection, facts, relation.name, date, reason, filters)
    conditions = [f"{tenants[0]} = %({TENANT})s"] if has_tenants else []
    conditions += [item.condition for item in filters if item.condition]
    query = query_sql([_selected(one) for one in facts.columns], escaped(relation.sql_name), conditions)
    return replace(proposal, choices=(*choices, *proposal.choices, *filter_choices)), query


def propose_query(
    connection: Connection[TupleRow], query: DescribedQuery, facts: SourceFacts, name: str, *, has_tenants: bool
) -> Proposal:
    """Returns the report type of a query. Its filters are the parameters of the query.

    Raises NotReportableError, which names every problem of the columns.
    """
    problems = _column_problems([one.name for one in query.columns])
    if has_tenants and TENANT not in query.parameters:
        problems.append(
            f"The query does not use %({TENANT})s, and resma.toml requires tenants. Use it in a condition, or write "
            'tenants = "none" in resma.toml if all rows belong to one organization.'
        )
    if problems:
        raise NotReportableError("\n".join(problems))
    date, reason = choose_date(facts)
    filters, choices = filters_of_parameters(query.text, query.parameters, facts)
    proposal = _propose(connection, facts, name, date, reason, filters)
    return replace(proposal, choices=(*proposal.choices, *choices))


def _column_problems(names: Sequence[str]) -> list[str]:
    problems = [
        f"Two columns of the query have the name '{name}'. Rename one with AS."
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    problems += [
        f"A column of the query has the name '{name}'. Rename it with AS, such as AS {slug(name)}."
        for name in dict.fromkeys(names)
        if not _PLAIN_NAME.fullmatch(name)
    ]
    return problems if names else ["The query returns no columns."]


def _propose(  # noqa: PLR0913, PLR0917  # the parts of a proposal
    connection: Connection[TupleRow],
    facts: SourceFacts,
    name: str,
    date: TableColumn | None,
    date_reason: str,
    filters: Sequence[ProposedFilter],
) -> Proposal:
    sort, period, choices = choose_sort(facts, date)
    if date_reason and period:
        choices.append(Choice("period", period, date_reason))
    elif date_reason and not date:
        choices.append(Choice("period", "none", date_reason))
    amounts, currency, total_choices = choose_totals(facts.columns)
    choices += [*total_choices, *choose_kinds(facts.columns)]
    if personal := [one.name for one in facts.columns if may_be_personal(one.name)]:
        remedy = "add personal = true to mask them for callers without the scope personal:read"
        choices.append(Choice("personal", ", ".join(personal), f"perhaps data about people: {remedy}"))
    scale = _money_scale(connection) if any(one.type.name == "money" for one in facts.columns) else 0
    return Proposal(
        title=title_of(name),
        description=short_comment(facts.comment),
        columns=tuple(describe_column(one, scale) for one in facts.columns),
        sort=sort,
        period=period,
        amounts=amounts,
        currency=currency,
        filters=tuple(filters),
        choices=tuple(choices),
    )


def _money_scale(connection: Connection[TupleRow]) -> int:
    """Returns the number of decimals of type money, which depends on the server's lc_monetary."""
    row = connection.execute("SELECT scale(0::money::numeric)").fetchone()
    assert row is not None
    return int(row[0])


def _with_report_names(facts: SourceFacts) -> SourceFacts:
    """Returns the facts with the names of columns as they are in the report: aliases of names that need one."""
    names: dict[str, str] = {}
    for column in facts.columns:
        name = column.name if _PLAIN_NAME.fullmatch(column.name) else slug(column.name)
        while name in names.values() or (name != column.name and name in {one.name for one in facts.columns}):
            name += "_"
        names[column.name] = name

    def renamed(columns: Sequence[str]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in columns)

    return replace(
        facts,
        columns=tuple(
            one
            if names[one.name] == one.name
            else replace(one, name=names[one.name], comment=one.comment or one.name, is_renamed=True)
            for one in facts.columns
        ),
        key=renamed(facts.key) if set(facts.key) <= names.keys() else (),
        indexes=tuple(renamed(index) for index in facts.indexes),
    )


def _selected(column: TableColumn) -> str:
    return escaped(f"{column.sql_name} AS {column.name}" if column.is_renamed else column.sql_name)
