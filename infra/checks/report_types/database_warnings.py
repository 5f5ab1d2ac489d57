"""Warnings about a report type that only a database can give: its indexes, keys, views and statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.checks.report_types.column_types import describe_columns
from infra.checks.report_types.decimal_digits import find_decimal_warnings
from infra.checks.report_types.execute import as_reader, execute, order_by
from infra.checks.report_types.grants import named_relations
from infra.checks.report_types.relations import Relation, list_relations
from infra.checks.report_types.sort_keys import find_key_warnings
from infra.checks.report_types.sort_plan import scanned_tables, sorts_rows
from resma.catalog import Diagnostic, ReportType
from resma.catalog.diagnostics import KeyPath
from resma.snapshot.conversion import described_decimals
from resma.snapshot.summary_query import MAX_LABELS

MAX_DISTINCT = 1000
"""Number of distinct values of a column of charts or totals above which there is a warning. Without statistics,
Postgres' planner assumes 200."""

MAX_SORTED_ROWS = 100_000
"""Number of rows of a table, as the statistics estimate them, up to which a report may sort them without an index."""


def find_database_warnings(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    """Returns warnings about a report type without errors. `connection` must be in autocommit mode."""
    with as_reader(connection) as cursor:
        relations = named_relations(connection, report_type.query)
        execute(cursor, report_type, "SELECT *", "LIMIT 0")
        decimals = described_decimals(cursor.description or ())
        returned = describe_columns(cursor)
        key_warnings = find_key_warnings(connection, report_type, returned)
    return [
        *key_warnings,
        *_find_sort(connection, report_type),
        *_find_views(connection, report_type, relations),
        *find_decimal_warnings(report_type, decimals),
        *_find_many_values(connection, report_type),
    ]


def _find_views(
    connection: Connection[TupleRow], report_type: ReportType, relations: Sequence[Relation]
) -> Iterator[Diagnostic]:
    """Yields views that read with the privileges of their owner, to whom row level security may not apply.

    A view with its own condition on the tenant of the transaction needs no row level security.
    """
    if report_type.tenants == "none":
        return
    own = connection.execute(
        "SELECT oid::bigint FROM pg_class WHERE oid = ANY(%s::bigint[]::oid[]) AND relkind = 'v'"
        " AND pg_get_viewdef(oid) LIKE '%%resma.tenant_id%%'",
        [[one.oid for one in relations]],
    ).fetchall()
    for one in relations:
        if (one.oid,) in own:
            continue
        if one.kind == "v" and not one.is_invoked:
            remedy = (
                f"ALTER VIEW {one.sql_name} SET (security_invoker = true); requires Postgres 15. Or add the condition "
                "tenant_id = current_setting('resma.tenant_id', true) to the view."
            )
        elif one.kind == "m":
            remedy = "Row level security cannot apply to it. Read its tables, or a copy for each tenant."
        else:
            continue
        message = (
            f"The {one.noun} {one.sql_name} has all rows that its owner may see, so that only the condition of the "
            f"query keeps tenants apart. {remedy}"
        )
        yield Diagnostic(message, file="query.sql", line=1)


def _find_many_values(connection: Connection[TupleRow], report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields columns of charts and totals with many distinct values, as estimated by the planner (pg_stats)."""
    uses: list[tuple[str, KeyPath, str]] = [
        (chart.by, ("charts", index, "by"), f"The chart combines all but the largest {MAX_LABELS} into one value")
        for index, chart in enumerate(report_type.charts)
        if chart.kind != "time"
    ]
    if report_type.totals and report_type.totals.currency:
        consequence = "A report has a total for each value, and its files list only the largest"
        uses.append((report_type.totals.currency, ("totals", "currency"), consequence))
    for name, key_path, consequence in uses:
        with as_reader(connection) as cursor:
            execute(cursor, report_type, "EXPLAIN (FORMAT JSON) SELECT DISTINCT", "", names=[name])
            estimated = int(cursor.fetchall()[0][0][0]["Plan"]["Plan Rows"])
        if estimated > MAX_DISTINCT:
            yield Diagnostic(
                f"Column '{name}' has about {estimated:,} distinct values. {consequence}. Choose another column.",
                key_path,
            )


def _find_sort(connection: Connection[TupleRow], report_type: ReportType) -> list[Diagnostic]:
    """Returns a warning if rows must be sorted. Tables that are known to be small do not need an index."""
    with as_reader(connection) as cursor:
        # The cheapest plan of an empty table is not significant. With sorts disabled, only a required one remains.
        for node in ("sort", "incremental_sort", "seqscan", "bitmapscan"):
            cursor.execute(sql.SQL("SET LOCAL {} = off").format(sql.Identifier(f"enable_{node}")))
        execute(cursor, report_type, "EXPLAIN (VERBOSE, FORMAT JSON) SELECT", order_by(report_type))
        plan = cursor.fetchall()[0][0][0]["Plan"]
    if not sorts_rows(plan) or _are_small(list_relations(connection), scanned_tables(plan)):
        return []
    message = (
        f"No index returns the rows in the order of `sort` ({', '.join(map(str, report_type.sort))}), so each report "
        "sorts all rows first. Add an index, or change `sort`."
    )
    return [Diagnostic(message, ("sort",))]


def _are_small(relations: Sequence[Relation], tables: Set[tuple[str, str]]) -> bool:
    """Returns whether the statistics say that the tables have few rows. They say nothing about empty tables.

    A plan without tables has no rows, because a filter is not set.
    """
    if not tables:
        return True
    rows = [one.rows for one in relations if (one.schema, one.name) in tables]
    return None not in rows and any(rows) and max(count or 0 for count in rows) <= MAX_SORTED_ROWS
