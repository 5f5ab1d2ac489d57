"""Checks that a query selects the rows of one tenant: its plans for two tenants must have different conditions.

A query that only mentions the parameter, such as `%(tenant_id)s IS NOT NULL` or `%(tenant_id)s = 'demo'`, passes the
check of its text, but Postgres' planner replaces such conditions by their value, so that both plans are the same.
It is not a proof: a query that joins two tables may restrict only one of them. Row level security restricts all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.checks.report_types.execute import as_reader, execute
from resma.catalog import Diagnostic, ReportType
from resma.catalog.query_text import TENANT, find_parameters

_TENANTS = ("731649823", "731649824")
"""Ids of two tenants that exist in no database, and are also integers for queries that cast them."""


def find_tenant_errors(connection: Connection[TupleRow], report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields an error if the rows do not depend on the tenant. The query must have been planned without errors.

    Raises QueryRejectedError if the database rejects it.
    """
    if report_type.tenants == "none":
        return
    if _ignores_tenant(connection, report_type, all_filters=False) and _ignores_tenant(
        connection, report_type, all_filters=True
    ):
        message = (
            f"The query returns the same rows to all tenants, because no condition compares %({TENANT})s with a "
            f"column. Use one such as tenant_id = %({TENANT})s. If the database has one organization only, write "
            'tenants = "none" in resma.toml.'
        )
        yield Diagnostic(message, file="query.sql", line=find_parameters(report_type.query).get(TENANT, 1))


def _ignores_tenant(connection: Connection[TupleRow], report_type: ReportType, *, all_filters: bool) -> bool:
    plans = [_plan(connection, report_type, tenant, all_filters=all_filters) for tenant in _TENANTS]
    return bool(plans[0] == plans[1])


def _plan(connection: Connection[TupleRow], report_type: ReportType, tenant: str, *, all_filters: bool) -> Any:
    with as_reader(connection) as cursor:
        # Conditions that no partition can fulfill would not be in the plan.
        cursor.execute("SET LOCAL enable_partition_pruning = off")
        cursor.execute("SET LOCAL constraint_exclusion = off")
        head = "EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) SELECT"
        execute(cursor, report_type, head, "", tenant=tenant, all_filters=all_filters)
        return _conditions(cursor.fetchall()[0][0])


def _conditions(plan: Any) -> Any:
    """Returns a plan without its expressions that do not select rows: columns, and keys of sorting and grouping."""
    if isinstance(plan, list):
        return [_conditions(part) for part in plan]
    if isinstance(plan, dict):
        return {
            name: _conditions(value) for name, value in plan.items() if name != "Output" and not name.endswith(" Key")
        }
    return plan
