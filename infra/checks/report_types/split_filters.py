"""Checks that a query selects the rows of all keys if the filters of the columns to split by are NULL.

With `account_id = %(account)s` alone, no row would match NULL, and a split report would be empty. Postgres' planner
replaces such a condition by false, so that the plan does not scan the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.checks.report_types.execute import as_reader, execute
from resma.catalog import Diagnostic, ReportType
from resma.catalog.query_text import find_parameters


def find_split_filter_errors(connection: Connection[TupleRow], report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields an error for each column to split by whose filter the query does not allow to be NULL.

    The query must have been planned without errors. Raises QueryRejectedError if the database rejects it.
    """
    if report_type.split is None:
        return
    whole = _scans(connection, report_type, ())
    for name in report_type.split.by:
        if missing := whole - _scans(connection, report_type, (name,)):
            table = ".".join(next(iter(missing)))
            message = (
                f"Without the filter '{name}', the query selects no row of {table}, so that a report that is split by "
                f"'{name}' would be empty. Write (%({name})s IS NULL OR …), with a cast of the parameter."
            )
            yield Diagnostic(message, file="query.sql", line=find_parameters(report_type.query).get(name, 1))


def _scans(
    connection: Connection[TupleRow], report_type: ReportType, unset: Collection[str]
) -> Counter[tuple[str, str]]:
    """Returns how often the plan scans each table, by schema and name, with all filters but those in `unset`."""
    with as_reader(connection) as cursor:
        cursor.execute("SET LOCAL enable_partition_pruning = off")
        cursor.execute("SET LOCAL constraint_exclusion = off")
        head = "EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) SELECT"
        execute(cursor, report_type, head, "", all_filters=True, unset=unset)
        return _count(cursor.fetchall()[0][0][0]["Plan"])


def _count(plan: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    here = Counter([(plan["Schema"], plan["Relation Name"])] if "Relation Name" in plan else [])
    return sum(map(_count, plan.get("Plans", [])), here)
